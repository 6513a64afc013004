package lease

import "net/netip"

// Type is what kind of resource a lease is for.
type Type uint8

// Kea's numbers in the lease_type column of the v6 lease file. V4 leases have
// NA there, too: the family of the address tells them apart.
const (
	NA Type = 0
	TA Type = 1
	PD Type = 2
)

// State is the state of a lease, with Kea's numbers.
type State uint8

const (
	Default    State = 0 // in use
	Declined   State = 1 // a client found the address in use by somebody else
	Reclaimed  State = 2 // expired and cleaned up, kept for affinity
	Released   State = 3 // given back by the client, kept for affinity
	Registered State = 4 // v6 address registration, RFC 9686
)

// Infinite is the lifetime that never ends.
const Infinite = 0xffffffff

// Lease is one address or delegated prefix and its holder. It is a value;
// changing a copy changes nothing in the Store.
type Lease struct {
	Addr      netip.Addr // for PD the address of the prefix
	Type      Type
	PrefixLen uint8 // PD; 128 for v6 NA, 0 for v4
	State     State
	FQDNFwd   bool
	FQDNRev   bool
	HWType    uint16 // v6 file; v4 is read back as 1 (Ethernet)
	HWSource  uint32 // v6: where HWAddr came from, Kea's bits

	SubnetID  uint32
	PoolID    uint32 // 0 = none
	IAID      uint32 // v6
	Valid     uint32 // lifetime in seconds from CLTT
	Preferred uint32 // v6
	CLTT      int64  // client last transmission time, Unix seconds

	HWAddr      string // raw bytes
	ClientID    string // raw bytes: v4 option 61, v6 DUID
	Hostname    string
	UserContext string // JSON map as text, "" = none

	// ReuseableValid is the valid lifetime left when the lease was reused
	// without a write (cache-threshold); 0 = not reused. Never stored.
	ReuseableValid uint32
}

// Expires returns the Unix second at which the lease ends; infinite leases end
// at CLTT + 0xffffffff as in Kea's files.
func (l *Lease) Expires() int64 { return l.CLTT + int64(l.Valid) }

// Expired says whether the lease has ended at now (Unix seconds).
func (l *Lease) Expired(now int64) bool { return l.Valid != Infinite && l.Expires() <= now }

// Change is one step of a Store's history.
type Change struct {
	Seq    uint64
	Delete bool  // Lease is what was deleted
	Lease  Lease // as it is now, or as it last was
}
