package ha

import (
	"net/netip"
	"strconv"
	"time"

	"leasehold/lease"
)

// Conflict is an address that both servers gave away, to two clients, while they
// did not know of each other's leases.
type Conflict struct {
	Addr   netip.Addr `json:"ip-address"`
	At     time.Time  `json:"seen"`
	Ours   Claim      `json:"ours"`
	Theirs Claim      `json:"theirs"`
	Kept   bool       `json:"kept"` // our client has the lease now
	Why    string     `json:"why"`
}

// Claim is the lease of one of the two.
type Claim struct {
	HWAddr   string    `json:"hw-address,omitempty"`
	ClientID string    `json:"client-id,omitempty"` // v6: the DUID
	Hostname string    `json:"hostname,omitempty"`
	Given    time.Time `json:"given"` // or renewed, or given back
	Expires  time.Time `json:"expires"`
	Ended    bool      `json:"ended,omitempty"` // when the servers told each other
}

// ClaimOf describes a lease.
func ClaimOf(l *lease.Lease) Claim {
	return Claim{HWAddr: colons(l.HWAddr), ClientID: colons(l.ClientID), Hostname: l.Hostname,
		Given: time.Unix(l.CLTT, 0).UTC(), Expires: time.Unix(l.Expires(), 0).UTC(), Ended: l.State != lease.Default}
}

func colons(s string) string {
	var dst []byte
	for i := range len(s) {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return string(dst)
}

// conflicts keeps the last ones.
type conflicts struct {
	ring  [256]Conflict
	count uint64
}

// AddConflict notes a conflict and returns the entry for the log.
func (m *Machine) AddConflict(c Conflict) *Entry {
	k := &m.conflicts
	k.ring[k.count%uint64(len(k.ring))] = c
	k.count++
	winner := m.this.Name
	partner := ""
	if m.other != nil {
		partner = m.other.Name
	}
	if !c.Kept {
		winner = partner
	}
	return &Entry{ID: "LEASEHOLD_LEASE_GIVEN_TWICE", Level: "warn", Text: "both servers gave " + c.Addr.String() + " away", Fields: []Field{
		{"server", m.this.Name}, {"partner", partner}, {"ours", c.Ours.client()}, {"theirs", c.Theirs.client()},
		{"stays with the client of", winner}, {"why", c.Why}, {"so far", strconv.FormatUint(k.count, 10)}}}
}

func (c *Claim) client() string {
	if c.HWAddr != "" {
		return c.HWAddr
	}
	return c.ClientID
}

// Conflicts appends the last conflicts, oldest first, at most 256, and returns
// how many there were, earlier runs included as far as they are remembered.
func (m *Machine) Conflicts(dst []Conflict) ([]Conflict, uint64) {
	k := &m.conflicts
	n := uint64(len(k.ring))
	for i := k.count - min(k.count, n); i < k.count; i++ {
		dst = append(dst, k.ring[i%n])
	}
	return dst, k.count
}

// Parted returns since when one of us gives leases away that the other one has
// not been told of; what was is kept until they part again. Zero: never.
func (m *Machine) Parted() time.Time { return m.parted }

// Told says whether the partner has been told of a lease for sure.
func (m *Machine) Told(l *lease.Lease) bool {
	return !m.Behind() || l.CLTT < m.parted.Unix()
}

// Recall takes back the conflicts of an earlier run, oldest first, and how many
// there were. To be called before the first Step.
func (m *Machine) Recall(list []Conflict, total uint64) {
	k := &m.conflicts
	n := uint64(len(k.ring))
	list = list[len(list)-min(len(list), int(n)):]
	k.count = max(total, uint64(len(list)))
	for i, c := range list {
		k.ring[(k.count-uint64(len(list))+uint64(i))%n] = c
	}
}

// Behind says whether the partner lacks leases that nothing under way brings.
func (m *Machine) Behind() bool { return m.missing.from > 0 || len(m.backlog.changes) > 0 }

// part notes that the partner is not told of changes at once.
func (m *Machine) part() {
	if m.parted.IsZero() || !m.Behind() {
		m.parted = m.wall
		m.do(Action{Do: DoRemember, Point: m.point})
	}
}
