package page

import (
	"cmp"
	"fmt"
	"html/template"
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

type pair struct {
	Mode, This, Partner, Role string
	State                     string
	PartnerState              string `json:"partner-state"`
	Interrupted               bool
	Silence                   time.Duration `json:"silence-ns"`
	Skew                      time.Duration `json:"skew-ns"`
	Unacked                   int
	UnackedLimit              uint32 `json:"unacked-limit"`
	Unsent                    uint64
	Queued                    int
	InFlight                  int `json:"in-flight"`
	Conditions                []condition
	Journal                   []transition
}

// Level says how the state of this server is to be looked at.
func (p pair) Level() string {
	switch p.State {
	case "load-balancing", "hot-standby", "passive-backup", "backup":
		if p.Interrupted {
			return "warn"
		}
		return "good"
	case "terminated":
		return "bad"
	}
	return "warn"
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
}

type decision struct {
	Time                            time.Time
	Type, Hostname, Drop, Interface string
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
}

// Client is the best name to look the holder up by.
func (l lease) Client() string { return cmp.Or(l.HWAddr, l.DUID, l.ClientID) }

var stateNames = [...]string{"assigned", "declined", "reclaimed", "released", "registered"}

// StateName is the state in a word.
func (l lease) StateName() string {
	if 0 <= l.State && l.State < len(stateNames) {
		return stateNames[l.State]
	}
	return fmt.Sprint(l.State)
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

func (p *Page) functions() template.FuncMap {
	return template.FuncMap{
		"clock":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + "Z" },
		"ago":     func(t time.Time) string { return rough(p.now().Sub(t)) },
		"rough":   rough,
		"number":  number,
		"percent": func(x float64) string { return fmt.Sprintf("%.1f %%", x) },
		"greatest": func(list []count) []count {
			list = slices.Clone(list)
			slices.SortFunc(list, func(a, b count) int {
				return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(a.Name, b.Name))
			})
			return list
		},
		"total": func(s *survey, suffix string) int64 {
			for _, c := range s.Counts {
				if c.Name == fmt.Sprintf("pkt%d-%s", s.Version, suffix) {
					return c.Value
				}
			}
			return 0
		},
		"fullest":   fullest,
		"backwards": func(list []transition) []transition { list = slices.Clone(list); slices.Reverse(list); return list },
		"reverse":   func(list []decision) []decision { list = slices.Clone(list); slices.Reverse(list); return list },
	}
}

// fullest returns the pools of a survey that are nearest to their end, at most five.
func fullest(s *survey) []subnet {
	var all []subnet
	for _, x := range s.Subnets {
		for _, p := range x.Pools {
			one := x
			one.Pools = []pool{p}
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b subnet) int { return cmp.Compare(b.Pools[0].Used(), a.Pools[0].Used()) })
	return all[:min(len(all), 5)]
}

// rough prints a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + rough(-d)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// number prints counts of addresses, which may be as many as IPv6 has.
func number(x float64) string {
	if x < 1e9 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}
