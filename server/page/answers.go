package page

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// survey is the answer to leasehold-survey.
type survey struct {
	Version            int
	Started, Reloaded  time.Time
	Serving            bool
	Drops              []count
	Subnets            []subnet
	Pairs              []pair
	Leases             int
	Assigned, Declined int64
	Parked, Unstored   int
	Counts             []count
	page               *Page
}

// total is one of Kea's statistics of packets.
func (s *survey) total(suffix string) int64 {
	for _, c := range s.Counts {
		if c.Name == fmt.Sprintf("pkt%d-%s", s.Version, suffix) {
			return c.Value
		}
	}
	return 0
}

// Received and Sent are the packets since the start.
func (s *survey) Received() int64 { return s.total("received") }
func (s *survey) Sent() int64     { return s.total("sent") }

// Dropped are the queries without an answer, those that others are to answer
// left out.
func (s *survey) Dropped() (n int64) {
	for _, d := range s.Drops {
		n += d.Value
	}
	return n
}

// Pace is how many queries a second have come lately; negative if that is not
// known yet.
func (s *survey) Pace() float64 { return s.page.trend.pace(s.Version) }

// Paces are the last measured ones, oldest first.
func (s *survey) Paces() []float64 { return s.page.trend.paces(s.Version) }

// Reasons are the drops that happened, the most frequent first.
func (s *survey) Reasons() []share {
	var list []share
	most := int64(1)
	for _, d := range s.Drops {
		if d.Value > 0 {
			list = append(list, share{Name: d.Name, Value: d.Value})
			most = max(most, d.Value)
		}
	}
	slices.SortFunc(list, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(a.Name, b.Name))
	})
	for i := range list {
		list[i].Percent = 100 * float64(list[i].Value) / float64(most)
	}
	return list
}

// share is a count beside others.
type share struct {
	Name    string
	Value   int64
	Percent float64 // of the greatest
}

type count struct {
	Name  string
	Value int64
}

type subnet struct {
	ID                           uint32
	Prefix, Network              string
	Assigned, Prefixes, Declined int64
	Pools                        []pool
}

type pool struct {
	First, Last string
	Length      int
	Size, Free  float64
}

// Used is the share in use in percent.
func (p pool) Used() float64 {
	if p.Size <= 0 {
		return 0
	}
	return 100 * (1 - p.Free/p.Size)
}

// Range is the prefix that the pool is, or its first and last address.
func (p pool) Range() string {
	first, err := netip.ParseAddr(p.First)
	last, err2 := netip.ParseAddr(p.Last)
	if err != nil || err2 != nil {
		return p.First + " – " + p.Last
	}
	a, b := first.AsSlice(), last.AsSlice()
	for i := range a {
		if same := bits.LeadingZeros8(a[i] ^ b[i]); same < 8 {
			if prefix, err := first.Prefix(8*i + same); err == nil && prefix.Addr() == first && !prefix.Contains(last.Next()) {
				return prefix.String()
			}
			break
		}
	}
	return p.First + " – " + p.Last
}

// Level says how a pool is to be looked at.
func (p pool) Level() string {
	switch u := p.Used(); {
	case p.Free <= 0 && p.Size > 0:
		return "bad"
	case u >= 90:
		return "warn"
	}
	return "good"
}

// row is a pool with where it belongs and where it is going.
type row struct {
	Version int
	Subnet  subnet
	Pool    pool
	Outlook outlook
}

func (s *survey) row(x subnet, p pool) row {
	return row{s.Version, x, p, s.page.trend.outlook(s.Version, x.ID, p)}
}

// Rows are the pools of a subnet.
func (s *survey) Rows(x subnet) []row {
	var all []row
	for _, p := range x.Pools {
		all = append(all, s.row(x, p))
	}
	return all
}

// Fullest are the pools that are nearest to their end, at most five.
func (s *survey) Fullest() []row {
	var all []row
	for _, x := range s.Subnets {
		all = append(all, s.Rows(x)...)
	}
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(b.Pool.Used(), a.Pool.Used()) })
	return all[:min(len(all), 5)]
}

type pair struct {
	Mode, This, Partner, Role string
	State                     string
	PartnerState              string `json:"partner-state"`
	Interrupted               bool
	Silence                   time.Duration `json:"silence-ns"`
	Skew                      time.Duration `json:"skew-ns"`
	Unacked                   int
	UnackedLimit              uint32  `json:"unacked-limit"`
	Rejected                  int     `json:"rejected"`
	Seconds                   float64 `json:"seconds-in-state"`
	Unsent                    uint64
	Queued                    int
	InFlight                  int `json:"in-flight"`
	Conditions                []condition
	Journal                   []transition
	Conflicts                 uint64
	Twice                     []twice `json:"given-twice"`

	Theirs *theirs `json:"-"` // how the partner sees it; nil if it was not asked
}

// twice is an address that both servers gave away.
type twice struct {
	Addr         string `json:"ip-address"`
	Seen         time.Time
	Ours, Theirs claim
	Kept         bool
	Why          string
}

type claim struct {
	HWAddr   string `json:"hw-address"`
	ClientID string `json:"client-id"`
	Hostname string
}

// LastTwice are the addresses given twice, the last one first.
func (p pair) LastTwice() []twice {
	list := slices.Clone(p.Twice)
	slices.Reverse(list)
	return list
}

// Client is the name of the client, as good as it is known.
func (c claim) Client() string { return cmp.Or(c.HWAddr, c.ClientID) }

// Level says how the state of this server is to be looked at.
func (p pair) Level() string { return stateLevel(p.State, p.Interrupted) }

// PartnerLevel is the same for the partner.
func (p pair) PartnerLevel() string {
	if p.Interrupted || p.PartnerState == "unavailable" {
		return "bad"
	}
	return stateLevel(p.PartnerState, false)
}

// Since is how long the state lasts.
func (p pair) Since() time.Duration { return time.Duration(p.Seconds * float64(time.Second)) }

func stateLevel(state string, interrupted bool) string {
	switch state {
	case "load-balancing", "hot-standby", "passive-backup", "backup":
		if interrupted {
			return "warn"
		}
		return "good"
	case "terminated":
		return "bad"
	}
	return "warn"
}

// theirs is what the partner says of itself and of this server.
type theirs struct {
	State   string   // its own
	Scopes  []string // whose clients it answers
	Heard   string   // state that it heard from this server
	Age     time.Duration
	Silent  bool // it does not hear this server
	Unacked int64
	Trouble string // why it says nothing
}

// askPartner has the partner tell how it sees the pair.
func (p *pair) askPartner(ctx context.Context, page *Page, version int) {
	p.Theirs = &theirs{}
	raw, err := page.o.Partner(ctx, version, p.This)
	if err != nil {
		p.Theirs.Trouble = err.Error()
		return
	}
	var status struct {
		Pairs []struct {
			Servers struct {
				Local struct {
					Name   string `json:"server-name"`
					State  string
					Scopes []string
				}
				Remote struct {
					Name        string `json:"server-name"`
					State       string `json:"last-state"`
					Age         int64
					Interrupted bool  `json:"communication-interrupted"`
					Unacked     int64 `json:"unacked-clients"`
				}
			} `json:"ha-servers"`
		} `json:"high-availability"`
	}
	if err := decode(raw, &status); err != nil {
		p.Theirs.Trouble = "its status cannot be read: " + err.Error()
		return
	}
	for _, x := range status.Pairs {
		// Kea before 2.5.5 names no servers; it has one relationship then.
		if l := x.Servers; len(status.Pairs) == 1 || l.Remote.Name == p.This {
			*p.Theirs = theirs{State: l.Local.State, Scopes: l.Local.Scopes, Heard: l.Remote.State,
				Age: time.Duration(l.Remote.Age) * time.Second, Silent: l.Remote.Interrupted, Unacked: l.Remote.Unacked}
			return
		}
	}
	p.Theirs.Trouble = "it says nothing of this pair"
}

// Level says how the partner's view is to be looked at.
func (t *theirs) Level() string {
	if t.Silent {
		return "bad"
	}
	return stateLevel(t.Heard, false)
}

type condition struct {
	Name, Value string
	Met         bool
	In          time.Duration `json:"in-ns"`
}

type transition struct {
	At                     time.Time
	From, To, Partner, Why string
}

// found are decisions and leases of one family.
type found struct {
	Version   int
	Decisions []decision
	Leases    []lease
	Next      string // from where the next page goes on; "" = there is none
	From      bool   // this is not the first page
}

// adopt tells the leases what they cannot know themselves.
func (f *found) adopt(p *Page) {
	for i := range f.Leases {
		f.Leases[i].Version = f.Version
		f.Leases[i].now = p.o.Now()
	}
}

type decision struct {
	Time                            time.Time
	Type, Hostname, Drop, Interface string
	Response, Resource              string
	HWAddr                          string `json:"hw-address"`
	ClientID                        string `json:"client-id"`
	DUID                            string
	Story                           []string
}

// Client is the best name to look a client up by.
func (d decision) Client() string { return cmp.Or(d.HWAddr, d.DUID, d.ClientID) }

type lease struct {
	Address   string `json:"ip-address"`
	PrefixLen int    `json:"prefix-len"`
	HWAddr    string `json:"hw-address"`
	ClientID  string `json:"client-id"`
	DUID      string
	Hostname  string
	Subnet    uint32 `json:"subnet-id"`
	State     int
	CLTT      int64
	Valid     int64 `json:"valid-lft"`
	Reason    string
	Pool      string
	Renewals  int
	Partner   string

	Version int `json:"-"`
	now     time.Time
}

// Client is the best name to look the holder up by.
func (l lease) Client() string { return cmp.Or(l.HWAddr, l.DUID, l.ClientID) }

// Name is the address, or the prefix.
func (l lease) Name() string {
	if l.PrefixLen > 0 && l.PrefixLen < 128 {
		return fmt.Sprintf("%s/%d", l.Address, l.PrefixLen)
	}
	return l.Address
}

var stateNames = [...]string{"assigned", "declined", "reclaimed", "released", "registered"}

// StateName is the state in a word.
func (l lease) StateName() string {
	switch {
	case l.State == 0 && !l.Ends().IsZero() && !l.Ends().After(l.now):
		return "expired"
	case 0 <= l.State && l.State < len(stateNames):
		return stateNames[l.State]
	}
	return fmt.Sprint(l.State)
}

// Level says how the state is to be looked at.
func (l lease) Level() string {
	switch l.StateName() {
	case "assigned", "registered":
		return "good"
	case "declined":
		return "bad"
	}
	return "idle"
}

// Held says whether the lease can be ended.
func (l lease) Held() bool { return l.State == 0 || l.State == 1 || l.State == 4 }

// reasons are the words of leasehold-leases.
var reasons = map[string]string{
	"reserved": "reserved for it", "asked-for": "it asked for this one", "pool": "next free one",
	"registered": "it made the address itself", "outside": "in no pool any more",
	"declined": "a client found somebody else there", "kept-for-it": "kept for its return",
}

// Why is the reason of the address in words.
func (l lease) Why() string { return cmp.Or(reasons[l.Reason], l.Reason) }

// copies are the words for what the partner has.
var copies = map[string]string{
	"yes": "has it", "under-way": "under way", "queued": "queued", "no": "lacks it", "unknown": "not known",
}

// Copy says in words whether the partner has the lease; "" without a partner.
func (l lease) Copy() string { return copies[l.Partner] }

// CopyLevel says how that is to be looked at.
func (l lease) CopyLevel() string {
	switch l.Partner {
	case "yes":
		return "good"
	case "no":
		return "bad"
	}
	return "warn"
}

// infinite is the lifetime of a lease that never ends.
const infinite = 0xffffffff

// Ends is when the lease ends; the zero time for never.
func (l lease) Ends() time.Time {
	if l.Valid == infinite {
		return time.Time{}
	}
	return time.Unix(l.CLTT+l.Valid, 0)
}
