package server

import (
	"context"
	"time"

	"leasehold/lease"
	"leasehold/server/message"
)

// cleanUp compacts the lease file every lfc-interval, and at once when the
// start found it unfinished or of another schema. Service goes on meanwhile.
func (f *family) cleanUp(ctx context.Context) {
	m, ok := f.disk.backend.(*lease.Memfile)
	if !ok {
		return
	}
	if r := m.Report(); r.Upgraded || r.Downgraded || r.Unfinished {
		f.cleanOnce(ctx, m)
	}
	for {
		interval := f.cfg.Load().LeaseDB.LFCInterval
		if interval <= 0 {
			interval = time.Hour // only to look again whether it was switched on
		} else {
			f.log.Log(message.DHCPSrvMemfileLFCSetup, "lease file cleanup in %d seconds", interval/time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
		if f.cfg.Load().LeaseDB.LFCInterval > 0 {
			f.cleanOnce(ctx, m)
		}
	}
}

func (f *family) cleanOnce(ctx context.Context, m *lease.Memfile) {
	f.log.Log(message.DHCPSrvMemfileLFCStart, "starting Lease File Cleanup")
	f.log.Log(message.DHCPSrvMemfileLFCExecute, "executing Lease File Cleanup: it is a task of this process")
	if err := m.Cleanup(ctx); err != nil && ctx.Err() == nil {
		f.log.Log(message.LeaseCleanupFail, "the lease file stays as it is: %v", err)
	}
}
