package lease

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A model answers like a Store, by looking at everything.
type model struct {
	leases map[netip.Addr]Lease
	told   map[netip.Addr]bool
}

func newModel() *model {
	return &model{leases: map[netip.Addr]Lease{}, told: map[netip.Addr]bool{}}
}

func (m *model) put(l Lease) {
	if old, ok := m.leases[l.Addr]; !ok || old.State != l.State || old.Expires() != l.Expires() ||
		(old.Valid == Infinite) != (l.Valid == Infinite) {
		delete(m.told, l.Addr)
	}
	m.leases[l.Addr] = l
}

func (m *model) delete(a netip.Addr) {
	delete(m.leases, a)
	delete(m.told, a)
}

func (m *model) where(keep func(Lease) bool) []Lease {
	var ls []Lease
	for _, l := range m.leases {
		if keep(l) {
			ls = append(ls, l)
		}
	}
	byAddr(ls)
	return ls
}

func waits(l Lease) bool { return l.State == Default || l.State == Declined || l.State == Registered }

func (m *model) lapse(now int64) []Lease {
	ls := m.where(func(l Lease) bool { return waits(l) && l.Expired(now) && !m.told[l.Addr] })
	for _, l := range ls {
		m.told[l.Addr] = true
	}
	return ls
}

func (m *model) next() (int64, bool) {
	var first int64
	ok := false
	for _, l := range m.leases {
		if waits(l) && l.Valid != Infinite && !m.told[l.Addr] && (!ok || l.Expires() < first) {
			first, ok = l.Expires(), true
		}
	}
	return first, ok
}

func drawAddr(t *rapid.T, v6 bool) netip.Addr {
	n := rapid.IntRange(0, 300).Draw(t, "addr")
	if v6 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(n % 3), 15: byte(n), 14: byte(n >> 8)})
	}
	return netip.AddrFrom4([4]byte{10, byte(n % 3), byte(n >> 8), byte(n)})
}

// drawLease makes a lease that a lease file can hold.
func drawLease(t *rapid.T, v6 bool) Lease {
	l := Lease{
		Addr:     drawAddr(t, v6),
		State:    rapid.SampledFrom([]State{Default, Default, Default, Declined, Reclaimed, Released}).Draw(t, "state"),
		FQDNFwd:  rapid.Bool().Draw(t, "fwd"),
		FQDNRev:  rapid.Bool().Draw(t, "rev"),
		HWType:   1,
		SubnetID: rapid.Uint32Range(1, 4).Draw(t, "subnet"),
		PoolID:   rapid.SampledFrom([]uint32{0, 0, 7, 0xffffffff}).Draw(t, "pool"),
		Valid:    rapid.SampledFrom([]uint32{1, 10, 10, 60, 600, Infinite}).Draw(t, "valid"),
		CLTT:     rapid.Int64Range(1000, 1100).Draw(t, "cltt"),
		HWAddr:   fmt.Sprintf("\x02\x00\x00%c", rapid.IntRange(0, 20).Draw(t, "hw")),
		ClientID: rapid.SampledFrom([]string{"", "\x01ab", "\x01cd", "\xff\x00,&\n\x00", strings.Repeat("x", 130)}).Draw(t, "id"),
		Hostname: rapid.SampledFrom([]string{"", "a", "A", "b.example.org", "x,y&z", "é\n&#x2c", "&#x2"}).Draw(t, "host"),
		UserContext: rapid.SampledFrom([]string{"", "", `{ "a": "x,y" }`,
			`{"long": "` + strings.Repeat("y", 200) + `"}`}).Draw(t, "context"),
	}
	if l.State == Released && rapid.Bool().Draw(t, "given back") {
		l.Valid = 0
	}
	if v6 {
		l.Type = rapid.SampledFrom([]Type{NA, NA, TA, PD}).Draw(t, "type")
		l.PrefixLen = 128
		if l.Type == PD {
			l.PrefixLen = 56
		}
		l.Preferred = rapid.SampledFrom([]uint32{0, 5, 300}).Draw(t, "preferred")
		l.IAID = rapid.Uint32().Draw(t, "iaid")
		l.HWSource = 2
		if rapid.Bool().Draw(t, "registered") {
			l.State = Registered
			l.Valid = 60
		}
		if l.ClientID == "" && l.State != Declined {
			l.ClientID = "\x00\x03\x00\x01abcdef"
		}
	}
	return l
}

func wantSame(t *rapid.T, what string, got, want []Lease) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %d leases\n%v\nwant %d\n%v", what, len(got), got, len(want), want)
	}
}

// asks compares every answer of a Store with the model's.
func asks(t *rapid.T, s *Store, m *model) {
	all := m.where(func(Lease) bool { return true })
	if s.Len() != len(all) {
		t.Fatalf("Len is %d, want %d", s.Len(), len(all))
	}
	var paged []Lease
	after := netip.Addr{}
	for {
		page := s.Page(nil, after, 7)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		after = page[len(page)-1].Addr
	}
	wantSame(t, "Page", paged, all)
	for _, l := range all {
		if got, ok := s.Get(l.Addr); !ok || got != l {
			t.Fatalf("Get(%v) is %v, want %v", l.Addr, got, l)
		}
		wantSame(t, "ByHWAddr", s.ByHWAddr(nil, []byte(l.HWAddr)),
			m.where(func(o Lease) bool { return o.HWAddr == l.HWAddr }))
		if l.ClientID != "" {
			wantSame(t, "ByClientID", s.ByClientID(nil, []byte(l.ClientID)),
				m.where(func(o Lease) bool { return o.ClientID == l.ClientID }))
		}
		if l.Hostname != "" {
			wantSame(t, "ByHostname", s.ByHostname(nil, l.Hostname),
				m.where(func(o Lease) bool { return strings.EqualFold(o.Hostname, l.Hostname) }))
		}
	}
	for st := Default; st <= Registered; st++ {
		for subnet := uint32(0); subnet < 5; subnet++ {
			wantSame(t, "ByState", s.ByState(nil, st, subnet), m.where(func(o Lease) bool {
				return o.State == st && (subnet == 0 || o.SubnetID == subnet)
			}))
		}
	}
	for _, limit := range []int{1, 3} {
		var got []Lease
		for at, done := Place(0), false; !done; {
			var turn []Lease
			if turn, at, done = s.InGroup(nil, Group{State: Declined}, at, limit); len(turn) > limit {
				t.Fatalf("InGroup gives %d leases of %d", len(turn), limit)
			}
			got = append(got, turn...)
		}
		byAddr(got)
		wantSame(t, "InGroup", got, m.where(func(o Lease) bool { return o.State == Declined }))
	}
	wantSame(t, "BySubnet", s.BySubnet(nil, 2), m.where(func(o Lease) bool { return o.SubnetID == 2 }))
	var each []Lease
	s.Each(func(l *Lease) bool { each = append(each, *l); return true })
	byAddr(each)
	wantSame(t, "Each", each, all)
	each = nil
	s.EachPrefix(func(l *Lease) bool { each = append(each, *l); return true })
	byAddr(each)
	wantSame(t, "EachPrefix", each, m.where(func(o Lease) bool { return o.Type == PD }))
	if end, ok := s.NextExpiry(); true {
		if wantEnd, wantOK := m.next(); ok != wantOK || ok && end != wantEnd {
			t.Fatalf("NextExpiry is %d %v, want %d %v", end, ok, wantEnd, wantOK)
		}
	}
	wantEnded(t, "Expired", func(n int) []Lease { return s.Expired(nil, 1100, n) },
		m.where(func(o Lease) bool { return o.State != Reclaimed && o.Expired(1100) }))
	wantEnded(t, "Flushable", func(n int) []Lease { return s.Flushable(nil, 1050, n) },
		m.where(func(o Lease) bool { return o.State == Reclaimed && o.Expired(1050) }))
}

// wantEnded: the order is by end, whatever the order within a second.
func wantEnded(t *rapid.T, what string, ask func(limit int) []Lease, want []Lease) {
	got := ask(1 << 20)
	if !slices.IsSortedFunc(got, func(a, b Lease) int { return int(a.Expires() - b.Expires()) }) {
		t.Fatalf("%s is not ordered by end: %v", what, got)
	}
	if few := ask(3); !slices.Equal(few, got[:min(3, len(got))]) {
		t.Fatalf("%s with a limit: %v, want the first of %v", what, few, got)
	}
	byAddr(got)
	wantSame(t, what, got, want)
}

func TestStoreAnswersLikeAModel(t *testing.T) {
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprint("v", family), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				s, m := NewStore(family, 1), newModel()
				for range rapid.IntRange(0, 400).Draw(t, "steps") {
					switch rapid.IntRange(0, 9).Draw(t, "step") {
					case 0, 1:
						a := drawAddr(t, family == 6)
						c, ok := s.Delete(a)
						old, had := m.leases[a]
						if ok != had || ok && c.Lease != old {
							t.Fatalf("Delete(%v) gave %v, had %v", a, c.Lease, old)
						}
						m.delete(a)
					case 2:
						now := rapid.Int64Range(1000, 1200).Draw(t, "now")
						var told []Lease
						for limit, more := rapid.IntRange(1, 20).Draw(t, "limit"), true; more; {
							before := len(told)
							more = s.Lapse(now, limit, func(l *Lease) { told = append(told, *l) })
							if n := len(told) - before; n > limit || more && n < limit {
								t.Fatalf("Lapse of %d at most told of %d, more %v", limit, n, more)
							}
						}
						byAddr(told)
						wantSame(t, "Lapse", told, m.lapse(now))
					default:
						l := drawLease(t, family == 6)
						m.put(l)
						if c := s.Put(l); c.Lease != l || c.Seq != s.Seq() {
							t.Fatalf("Put(%v) gave %v", l, c)
						}
					}
				}
				asks(t, s, m)
			})
		})
	}
}

// What was handed out stays as it was, whatever happens to the lease.
func TestStringsOfTheStoreNeverChange(t *testing.T) {
	s := NewStore(4, 1)
	type kept struct {
		l    Lease
		host string
	}
	var held []kept
	for i := range 20000 {
		l := Lease{
			Addr: netip.AddrFrom4([4]byte{10, 0, byte(i % 97), 1}), CLTT: int64(i), Valid: 10,
			HWAddr: fmt.Sprint("hw", i%1000), Hostname: fmt.Sprint("host", i),
		}
		c := s.Put(l)
		if i%50 == 0 {
			held = append(held, kept{c.Lease, l.Hostname})
		}
		if i%7 == 0 {
			s.Delete(l.Addr)
		}
	}
	for _, k := range held {
		if strings.Clone(k.host) != k.l.Hostname {
			t.Fatalf("%q became %q", k.host, k.l.Hostname)
		}
	}
	if n := len(s.texts.chunks) - len(s.texts.holes); n > 4 {
		t.Errorf("97 leases need %d chunks", n)
	}
}

func TestFreeAnswersLikeAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]uint64{0, 1, 63, 64, 65, 4096, 4097, 5000, 300000, 1 << 40}).Draw(t, "size")
		f := NewFree(size)
		sparse := size > maxMapped
		reasons := map[uint64]uint8{}
		var queue []uint64 // given back, oldest first
		used := map[uint64]bool{}
		draw := func() uint64 {
			i := rapid.Uint64Range(0, 200).Draw(t, "index")
			if rapid.Bool().Draw(t, "high") {
				i = size - 1 - i
			}
			return i
		}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			i, reason := draw(), uint8(1)<<rapid.IntRange(0, 1).Draw(t, "reason")
			was := reasons[i]
			if rapid.IntRange(0, 2).Draw(t, "give") == 0 {
				f.Give(i, reason)
				if reasons[i] &^= reason; reasons[i] == 0 {
					delete(reasons, i)
					if was != 0 {
						queue = append(queue, i)
					}
				}
			} else {
				f.Take(i, reason)
				if i < size {
					reasons[i] |= reason
					used[i] = true
					queue = slices.DeleteFunc(queue, func(q uint64) bool { return q == i })
				}
			}
			if f.Reasons(i) != reasons[i] {
				t.Fatalf("reasons of %d: %d, want %d", i, f.Reasons(i), reasons[i])
			}
		}
		free := size - uint64(len(reasons))
		if f.Len() != free || f.Size() != size {
			t.Fatalf("Len %d Size %d, want %d %d", f.Len(), f.Size(), free, size)
		}
		from, to := draw(), draw()
		var within []uint64
		for i := from; i < min(to, size) && len(within) < 2000; i++ {
			if reasons[i] == 0 {
				within = append(within, i)
			}
		}
		if next, ok := f.Next(from, to); ok != (len(within) > 0) || ok && next != within[0] {
			t.Fatalf("Next(%d, %d) is %d %v, want the first of %v", from, to, next, ok, within)
		}
		if r, ok := f.Random(from, to, rapid.Uint64().Draw(t, "rnd")); ok != (len(within) > 0) || ok && (r < from || r >= min(to, size) || reasons[r] != 0) {
			t.Fatalf("Random(%d, %d) is %d %v", from, to, r, ok)
		}
		if !sparse {
			count := min(to, size) - min(from, to, size)
			for i := range reasons {
				if i >= from && i < to {
					count--
				}
			}
			if n := f.Count(from, to); n != count {
				t.Fatalf("Count(%d, %d) is %d, want %d", from, to, n, count)
			}
			for n, want := range within {
				if i, ok := f.Nth(from, uint64(n)); !ok || i != want {
					t.Fatalf("Nth(%d, %d) is %d %v, want %d", from, n, i, ok, want)
				}
			}
		}
		if free == 0 {
			return
		}
		oldest, _ := f.Oldest()
		switch fresh := size - uint64(len(used)); {
		case fresh > 0:
			if used[oldest] {
				t.Fatalf("Oldest is %d, used before; %d never were", oldest, fresh)
			}
		case !sparse && oldest != queue[0]:
			t.Fatalf("Oldest is %d, want %d of %v", oldest, queue[0], queue)
		}
	})
}

func TestFreeChoosesEveryIndexAlike(t *testing.T) {
	f := NewFree(10000)
	for i := range uint64(10000) {
		if i%1000 != 7 {
			f.Take(i, 1)
		}
	}
	seen := map[uint64]int{}
	for i := range uint64(1000) {
		n, _ := f.Random(0, 10000, i*(1<<63/500))
		seen[n]++
	}
	for i := uint64(7); i < 10000; i += 1000 {
		if seen[i] < 99 || seen[i] > 101 {
			t.Errorf("%d was chosen %d times of 1000", i, seen[i])
		}
	}
}

func TestTreeKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tr tree[number, uint32]
		m := map[number]uint32{}
		most := rapid.Uint64Range(1, 20000).Draw(t, "most")
		rnd := rapid.Uint64().Draw(t, "seed")
		adding := 8
		for i := range rapid.IntRange(0, 20000).Draw(t, "steps") {
			rnd = rnd*6364136223846793005 + 1442695040888963407
			k := number(rnd >> 33 % most)
			if i%5000 == 4999 {
				adding = 10 - adding
			}
			if int(rnd>>20%10) < adding {
				*tr.put(k) = uint32(i)
				m[k] = uint32(i)
			} else {
				_, had := m[k]
				delete(m, k)
				if tr.remove(k) != had {
					t.Fatalf("remove(%d) was wrong", k)
				}
			}
		}
		var keys []number
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		var got []number
		tr.ascend(0, true, func(k number, v *uint32) bool {
			if m[k] != *v {
				t.Fatalf("value of %d is %d, want %d", k, *v, m[k])
			}
			got = append(got, k)
			return true
		})
		if !slices.Equal(got, keys) || tr.n != len(keys) {
			t.Fatalf("%d keys, want %d", len(got), len(keys))
		}
		for range 50 {
			k := number(rapid.Uint64Range(0, most+1).Draw(t, "probe"))
			i, found := slices.BinarySearch(keys, k)
			if (tr.get(k) != nil) != found {
				t.Fatalf("get(%d)", k)
			}
			if found {
				i++
			}
			if f, _, ok := tr.floor(k); ok != (i > 0) || ok && f != keys[i-1] {
				t.Fatalf("floor(%d) is %d %v", k, f, ok)
			}
		}
	})
}
