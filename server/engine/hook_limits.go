package engine

import (
	"encoding/json"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
)

var dropRate = &Drop{"more packets than a limit allows", NoStat}

// limits keeps classes and subnets to what libdhcp_limits says. Leases
// remember their classes in user-context, so that the counts survive a restart.
type limits struct {
	*config.Limits
	byName  map[string]*config.Limit // of classes
	spawned []spawnLimit
	held    map[string]*holding // leases by class
	subnets map[uint32]*holding // leases by subnet
	rates   map[string]*window  // packets by class
	paths   map[uint32]*window  // packets by subnet
}

// spawnLimit is the limit of every class whose name starts with prefix.
type spawnLimit struct {
	prefix string
	limit  *config.Limit
}

// holding counts leases: addresses, prefixes.
type holding [2]uint32

func kindOf(t lease.Type) int {
	if t == lease.PD {
		return 1
	}
	return 0
}

// window remembers when the last packets came that a limit let through: as
// many as the limit, no more.
type window struct {
	times []int64 // Unix nanoseconds, a ring once it is full
	next  int
}

// full says whether n packets came within the last per.
func (w *window) full(now int64, n uint32, per time.Duration) bool {
	if n == 0 {
		return true
	}
	return len(w.times) >= int(n) && now-w.times[w.next] < int64(per)
}

func (w *window) note(now int64, n uint32) {
	if len(w.times) < int(n) {
		w.times = append(w.times, now)
		return
	}
	w.times[w.next] = now
	w.next = (w.next + 1) % int(n)
}

// maxWindows bounds the spawned classes whose packets are remembered: clients
// choose their names.
const maxWindows = 100_000

// newLimits prepares the counts of a configuration; nil if nothing is limited.
func newLimits(f *config.Family) *limits {
	if f.Limits == nil {
		return nil
	}
	x := &limits{Limits: f.Limits, byName: map[string]*config.Limit{}, held: map[string]*holding{}, subnets: map[uint32]*holding{},
		rates: map[string]*window{}, paths: map[uint32]*window{}}
	for id, l := range f.Limits.Classes {
		x.byName[f.ClassName(id)] = l
	}
	for id, l := range f.Limits.Templates {
		x.spawned = append(x.spawned, spawnLimit{"SPAWN_" + f.ClassName(id) + "_", l})
	}
	return x
}

// of returns the limit of a class, or nil.
func (x *limits) of(class string) *config.Limit {
	if l := x.byName[class]; l != nil {
		return l
	}
	for _, s := range x.spawned {
		if strings.HasPrefix(class, s.prefix) {
			return s.limit
		}
	}
	return nil
}

// eachLimited calls fn for the limited classes of a query until it returns false.
func (e *Engine) eachLimited(q *Query, fn func(string, *config.Limit) bool) bool {
	for _, id := range q.classes.order {
		if l := e.limits.Classes[id]; l != nil && !fn(e.cfg.ClassName(id), l) {
			return false
		}
	}
	for _, name := range q.spawned {
		if l := e.limits.of(name); l != nil && !fn(name, l) {
			return false
		}
	}
	return true
}

// slow says whether the classes of a query may have another packet now, and
// counts it; it drops the query if not.
func (e *Engine) slow(q *Query) bool {
	now := e.clock.UnixNano()
	ok := e.eachLimited(q, func(name string, l *config.Limit) bool {
		w := e.limits.rates[name]
		return l.Per == 0 || l.Packets > 0 && (w == nil || !w.full(now, l.Packets, l.Per))
	})
	if !ok {
		e.dropRate(q)
		return false
	}
	e.eachLimited(q, func(name string, l *config.Limit) bool {
		if l.Per == 0 {
			return true
		}
		w := e.limits.rates[name]
		if w == nil {
			if len(e.limits.rates) >= maxWindows {
				clear(e.limits.rates)
			}
			w = &window{}
			e.limits.rates[name] = w
		}
		w.note(now, l.Packets)
		return true
	})
	return true
}

// slowSubnet is slow for the subnet that was selected.
func (e *Engine) slowSubnet(q *Query) bool {
	if q.subnet == nil {
		return true
	}
	l := e.limits.Subnets[q.subnet.ID]
	if l == nil || l.Per == 0 {
		return true
	}
	w, now := e.limits.paths[q.subnet.ID], e.clock.UnixNano()
	if w == nil {
		w = &window{}
		e.limits.paths[q.subnet.ID] = w
	}
	if w.full(now, l.Packets, l.Per) {
		e.dropRate(q)
		return false
	}
	w.note(now, l.Packets)
	return true
}

func (e *Engine) dropRate(q *Query) {
	d := *dropRate
	d.Statistic = Pkt4LimitExceeded
	if e.version == 6 {
		d.Statistic = Pkt6LimitExceeded
	}
	e.drop(q, &d, message.LimitsPacketDropped)
}

// underLimit says whether the query may have another lease of a kind in a
// subnet, beside those it has been promised already.
func (e *Engine) underLimit(q *Query, s *subnet, t lease.Type) bool {
	kind, pending := kindOf(t), q.fresh(t)
	fits := func(l *config.Limit, h *holding) bool {
		most := l.Addresses
		if kind == 1 {
			most = l.Prefixes
		}
		n := uint64(pending)
		if h != nil {
			n += uint64(h[kind])
		}
		return !most.Set || n < uint64(most.Value)
	}
	ok := e.eachLimited(q, func(name string, l *config.Limit) bool { return fits(l, e.limits.held[name]) })
	if l := e.limits.Subnets[s.ID]; ok && l != nil {
		ok = fits(l, e.limits.subnets[s.ID])
	}
	if !ok && e.on(message.LimitsLeaseLimited) {
		e.log(q, message.LimitsLeaseLimited, "no further lease in subnet %d: a limit is reached", s.ID)
	}
	return ok
}

// fresh counts the resources that the query is promised and has not had before.
func (q *Query) fresh(t lease.Type) (n int) {
	for i := range q.grants {
		if g := &q.grants[i]; g.lease.Type == t && !g.own {
			n++
		}
	}
	return n
}

// noteClasses makes a lease remember the classes of its query.
func (e *Engine) noteClasses(q *Query, l *lease.Lease) {
	list := config.NewList()
	for _, id := range q.classes.order {
		if id >= 0 {
			list.List = append(list.List, config.NewString(e.cfg.ClassName(id)))
		}
	}
	for _, name := range q.spawned {
		if e.cfg.ClassID(name) == config.NoClass {
			list.List = append(list.List, config.NewString(name))
		}
	}
	context := config.NewMap()
	if l.UserContext != "" {
		if v, _, err := config.ParseValue("", []byte(l.UserContext), false); err == nil && v.Kind == config.Map {
			context = v
		}
	}
	isc := context.Get("ISC")
	if isc == nil || isc.Kind != config.Map {
		isc = config.NewMap()
		context.Set("ISC", isc)
	}
	isc.Set("client-classes", list)
	l.UserContext = string(context.AppendJSON(nil))
}

// classesIn returns the classes that a lease remembers.
func classesIn(userContext string) []string {
	if userContext == "" {
		return nil
	}
	var context struct {
		ISC struct {
			Classes []string `json:"client-classes"`
		}
	}
	if json.Unmarshal([]byte(userContext), &context) != nil {
		return nil
	}
	return context.ISC.Classes
}

// count adds n to what the classes and the subnet of a lease hold.
func (x *limits) count(l *lease.Lease, n int) {
	if l.State != lease.Default {
		return
	}
	kind := kindOf(l.Type)
	if x.Subnets[l.SubnetID] != nil {
		x.subnets[l.SubnetID] = x.subnets[l.SubnetID].plus(kind, n)
	}
	if len(x.byName) == 0 && len(x.spawned) == 0 {
		return
	}
	for _, name := range classesIn(l.UserContext) {
		if x.of(name) == nil {
			continue
		}
		if h := x.held[name].plus(kind, n); *h == (holding{}) {
			delete(x.held, name)
		} else {
			x.held[name] = h
		}
	}
}

func (h *holding) plus(kind, n int) *holding {
	if h == nil {
		h = &holding{}
	}
	h[kind] = uint32(max(int(h[kind])+n, 0))
	return h
}

// limitChange counts that a lease takes the place of what the store has at its
// address; nil leaves nothing there.
func (e *Engine) limitChange(at *lease.Lease, is *lease.Lease) {
	if old, ok := e.store.Get(at.Addr); ok {
		e.limits.count(&old, -1)
	}
	if is != nil {
		e.limits.count(is, 1)
	}
}
