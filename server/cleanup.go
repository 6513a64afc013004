package server

import (
	"context"
	"time"

	"leasehold/lease"
	"leasehold/server/message"
)

// cleanUp compacts the lease file every lfc-interval, and at once when it was
// found unfinished or of another schema. Service goes on meanwhile.
func (f *family) cleanUp(ctx context.Context) {
	var file *lease.Memfile
	var interval time.Duration
	last := f.now()
	for {
		if m := f.disk.memfile(); m != file {
			if file = m; m != nil {
				if r := m.Report(); r.Upgraded || r.Downgraded || r.Unfinished {
					f.cleanOnce(ctx, m)
				}
			}
			last = f.now()
		}
		var due <-chan time.Time
		was := interval
		if interval = f.cfg.Load().LeaseDB.LFCInterval; file != nil && interval > 0 {
			if interval != was {
				f.log.Log(message.DHCPSrvMemfileLFCSetup, "lease file cleanup in %d seconds", interval/time.Second)
			}
			due = time.After(interval - f.now().Sub(last))
		}
		select {
		case <-ctx.Done():
			return
		case <-f.cleaning:
		case <-due:
			f.cleanOnce(ctx, file)
			last, interval = f.now(), 0
		}
	}
}

// cleanSoon has cleanUp look at the configuration again.
func (f *family) cleanSoon() {
	select {
	case f.cleaning <- struct{}{}:
	default:
	}
}

func (f *family) cleanOnce(ctx context.Context, m *lease.Memfile) {
	f.log.Log(message.DHCPSrvMemfileLFCStart, "starting Lease File Cleanup")
	f.log.Log(message.DHCPSrvMemfileLFCExecute, "executing Lease File Cleanup: it is a task of this process")
	if err := m.Cleanup(ctx); err != nil && ctx.Err() == nil {
		f.log.Log(message.LeaseCleanupFail, "the lease file stays as it is: %v", err)
	}
}
