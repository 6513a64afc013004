package lease

import "net/netip"

// Store is the index of all leases of one family.
type Store struct {
}

// NewStore returns an empty Store for family 4 or 6. epoch tells this run of
// the store from every other (readers of the change stream compare it).
func NewStore(family int, epoch uint64) *Store { panic("lease: Store is being written") }

// Get returns the lease of an address (PD: of a prefix by its address). v6
// leases of different Type with equal Addr replace each other, as in Kea's file.
func (s *Store) Get(a netip.Addr) (Lease, bool) { panic("lease: Store is being written") }

// Put adds or replaces the lease of l.Addr. The strings of l are copied.
func (s *Store) Put(l Lease) Change { panic("lease: Store is being written") }

// Delete removes the lease of an address.
func (s *Store) Delete(a netip.Addr) (Change, bool) { panic("lease: Store is being written") }

// Len returns the number of leases, of all states.
func (s *Store) Len() int { panic("lease: Store is being written") }

// ByHWAddr appends to dst the leases of a hardware address, in all subnets, by
// ascending address. The argument may be a slice of a packet. The same holds
// for the other By functions.
func (s *Store) ByHWAddr(dst []Lease, hw []byte) []Lease { panic("lease: Store is being written") }

// ByClientID is ByHWAddr for v4 client identifiers and v6 DUIDs.
func (s *Store) ByClientID(dst []Lease, id []byte) []Lease { panic("lease: Store is being written") }

// ByHostname is ByHWAddr for hostnames (compared lower-case).
func (s *Store) ByHostname(dst []Lease, name string) []Lease { panic("lease: Store is being written") }

// ByState appends the leases in a state; subnet 0 = all subnets.
func (s *Store) ByState(dst []Lease, st State, subnet uint32) []Lease {
	panic("lease: Store is being written")
}

// BySubnet appends the leases of a subnet.
func (s *Store) BySubnet(dst []Lease, subnet uint32) []Lease { panic("lease: Store is being written") }

// Page appends up to limit leases with addresses after the given one (the zero
// Addr: from the start), by ascending address.
func (s *Store) Page(dst []Lease, after netip.Addr, limit int) []Lease {
	panic("lease: Store is being written")
}

// Each calls fn for every lease in no particular order, until fn returns false.
func (s *Store) Each(fn func(*Lease) bool) { panic("lease: Store is being written") }

// Lapse calls fn once for every lease in state Default or Declined whose time
// ended at or before now and for which that was not told before; the lease
// stays and waits for reclamation (Expired). Cost: per lapsed lease, never a scan.
func (s *Store) Lapse(now int64, fn func(*Lease)) { panic("lease: Store is being written") }

// Expired appends up to limit lapsed leases in states Default, Declined and
// Released that are still to be reclaimed, oldest expiry first.
func (s *Store) Expired(dst []Lease, now int64, limit int) []Lease {
	panic("lease: Store is being written")
}

// Flushable appends up to limit reclaimed leases whose expiry is at or before
// the given time: candidates for removal after hold-reclaimed-time.
func (s *Store) Flushable(dst []Lease, before int64, limit int) []Lease {
	panic("lease: Store is being written")
}

// NextExpiry returns the earliest Unix second at which Lapse has work.
func (s *Store) NextExpiry() (int64, bool) { panic("lease: Store is being written") }

// Seq returns the sequence number of the last change, Epoch the store's epoch.
func (s *Store) Seq() uint64 { panic("lease: Store is being written") }

func (s *Store) Epoch() uint64 { panic("lease: Store is being written") }

// Changes appends the changes after seq, at most limit; ok is false when seq
// is no longer retained (or from the future): the reader must take a full copy.
func (s *Store) Changes(dst []Change, seq uint64, limit int) (changes []Change, ok bool) {
	panic("lease: Store is being written")
}
