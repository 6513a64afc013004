package server

import (
	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// sanity compares the leases of a file with the subnets of a configuration, as
// sanity-checks.lease-checks says.
type sanity struct {
	f    *config.Family
	log  *logging.Sink
	byID map[uint32]*config.Subnet
}

func newSanity(f *config.Family, log *logging.Sink) *sanity {
	s := &sanity{f: f, log: log, byID: make(map[uint32]*config.Subnet, len(f.Subnets))}
	for _, x := range f.Subnets {
		s.byID[x.ID] = x
	}
	return s
}

// checkAll judges every lease of a store that was just filled.
func (s *sanity) checkAll(store *lease.Store) {
	if s.f.Sanity.LeaseChecks == "none" {
		return
	}
	var mended, gone []lease.Lease
	store.Each(func(l *lease.Lease) bool {
		was := l.SubnetID
		switch c := *l; {
		case !s.check(&c):
			gone = append(gone, c)
		case c.SubnetID != was:
			mended = append(mended, c)
		}
		return true
	})
	for _, l := range mended {
		store.Put(l)
	}
	for _, l := range gone {
		store.Delete(l.Addr)
	}
}

// check judges one lease and may mend it; false if it is to be left out.
// Delegated prefixes need not lie in their subnet. The file keeps what it
// says: it is judged anew at the next start.
func (s *sanity) check(l *lease.Lease) bool {
	how := s.f.Sanity.LeaseChecks
	if how == "none" || l.Type == lease.PD {
		return true
	}
	at := s.byID[l.SubnetID]
	if at != nil && at.Prefix.Contains(l.Addr) {
		return true
	}
	if how == "fix" || how == "fix-del" {
		for _, x := range s.f.Subnets {
			if x.Prefix.Contains(l.Addr) {
				s.log.Log(message.DHCPSrvLeaseSanityFixed, "The lease %s with subnet-id %d failed subnet-id checks, but was corrected to subnet-id %d.",
					l.Addr, l.SubnetID, x.ID)
				l.SubnetID = x.ID
				return true
			}
		}
	}
	reason := "no subnet has that id"
	if at != nil {
		reason = "the address is not in " + at.Prefix.String()
	}
	if how == "del" || how == "fix-del" {
		s.log.Log(message.DHCPSrvLeaseSanityFailDiscard, "The lease %s with subnet-id %d failed subnet-id checks (%s) and was dropped.",
			l.Addr, l.SubnetID, reason)
		return false
	}
	s.log.Log(message.DHCPSrvLeaseSanityFail, "The lease %s with subnet-id %d failed subnet-id checks (%s).", l.Addr, l.SubnetID, reason)
	return true
}
