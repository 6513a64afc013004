package lease

import "math/bits"

// Free knows which resources of one pool are free to be given away: it counts
// them by index (0 = first address or prefix of the pool) and finds the next
// or a random free one in time that does not grow as the pool fills. Pools too
// large to map are kept as the set of what is taken.
type Free struct {
	mapped *mapped // pools up to maxMapped
	sparse *sparse
}

// maxMapped is the size up to which a pool is a bitmap: four times a /8 of
// IPv4. Its parts are made when they are first touched.
const maxMapped = 1 << 26

// NewFree returns a Free of n resources, all free. n is capped at 1<<63.
func NewFree(n uint64) *Free {
	if n <= maxMapped {
		return &Free{mapped: newMapped(n)}
	}
	return &Free{sparse: newSparse(min(n, 1<<63))}
}

// Take and Give mark index i taken or free. Marks nest: a resource can be held
// for several reasons (leased, reserved) and is free when none is left.
// Reasons are bits chosen by the caller; at least one must be given. Indexes
// outside the pool are ignored.
func (f *Free) Take(i uint64, reason uint8) {
	switch {
	case i >= f.Size() || reason == 0:
	case f.mapped != nil:
		f.mapped.take(uint32(i), reason)
	default:
		f.sparse.take(number(i), reason)
	}
}

func (f *Free) Give(i uint64, reason uint8) {
	switch {
	case i >= f.Size():
	case f.mapped != nil:
		f.mapped.give(uint32(i), reason)
	default:
		f.sparse.give(number(i), reason)
	}
}

// Reasons returns why index i is taken, 0 = it is free.
func (f *Free) Reasons(i uint64) uint8 {
	switch {
	case i >= f.Size():
		return 0
	case f.mapped != nil:
		if p := f.mapped.pages[i/pageSize]; p != nil {
			return p.reasons[i%pageSize]
		}
		return 0
	}
	return f.sparse.reasons(number(i))
}

// Next returns the first free index from one up to another, exclusive.
func (f *Free) Next(from, to uint64) (uint64, bool) {
	to = min(to, f.Size())
	if from >= to {
		return 0, false
	}
	i, ok := uint64(0), true
	if f.mapped != nil {
		var at uint32
		at, ok = f.mapped.free.next(uint32(from))
		i = uint64(at)
	} else {
		i = f.sparse.first(number(from))
	}
	return i, ok && i < to
}

// Random returns a free index from one up to another, exclusive; rnd is the
// caller's randomness. In a mapped pool each of them is equally likely.
func (f *Free) Random(from, to, rnd uint64) (uint64, bool) {
	to = min(to, f.Size())
	if from >= to {
		return 0, false
	}
	if f.mapped != nil {
		n := f.Count(from, to)
		if n == 0 {
			return 0, false
		}
		k, _ := bits.Mul64(rnd, n)
		return f.Nth(from, k)
	}
	at, _ := bits.Mul64(rnd, to-from)
	if i, ok := f.Next(from+at, to); ok {
		return i, true
	}
	return f.Next(from, to)
}

// Count returns how many are free from one index up to another, exclusive. Of
// a pool too large to map it is the least that it can be. Its cost grows by one
// step for each 256k resources of the pool.
func (f *Free) Count(from, to uint64) uint64 {
	to = min(to, f.Size())
	switch {
	case from >= to:
		return 0
	case f.mapped != nil:
		return uint64(f.mapped.free.rank(uint32(to)) - f.mapped.free.rank(uint32(from)))
	}
	return to - from - min(to-from, f.sparse.count)
}

// Nth returns the free index that comes after n free ones from an index on.
// Only for mapped pools.
func (f *Free) Nth(from, n uint64) (uint64, bool) {
	if f.mapped == nil || from >= f.Size() {
		return 0, false
	}
	m := &f.mapped.free
	if n += uint64(m.rank(uint32(from))); n >= uint64(m.n) {
		return 0, false
	}
	return uint64(m.choose(uint32(n))), true
}

// Mappable says whether pools of n resources are mapped.
func Mappable(n uint64) bool { return n <= maxMapped }

// Oldest returns the index that was given back longest ago, never-used ones
// first (free lease queue). Pools too large to map remember the last 65536
// that were given back, and take all others for never used.
func (f *Free) Oldest() (uint64, bool) {
	if f.Len() == 0 {
		return 0, false
	}
	if f.mapped != nil {
		if i, ok := f.mapped.fresh.next(0); ok {
			return uint64(i), true
		}
		return uint64(f.mapped.oldest), true
	}
	return f.sparse.oldest(), true
}

// Len returns how many are free, Size how many there are.
func (f *Free) Len() uint64 {
	if f.mapped != nil {
		return uint64(f.mapped.free.n)
	}
	return f.sparse.n - f.sparse.count
}

func (f *Free) Size() uint64 {
	if f.mapped != nil {
		return uint64(f.mapped.n)
	}
	return f.sparse.n
}

// pageSize is how many indexes a part of a mapped pool has.
const pageSize = 64 * 64

type mapped struct {
	n     uint32
	free  bitmap
	fresh bitmap // free and never taken
	pages []*page

	// The free ones that were taken before, in the order of giving back.
	oldest, newest uint32 // valid when there are any: free.n > fresh.n
}

type page struct {
	reasons [pageSize]uint8
	queue   *[pageSize]link // made with the first one given back
}

func newMapped(n uint64) *mapped {
	return &mapped{
		n:     uint32(n),
		free:  newBitmap(uint32(n)),
		fresh: newBitmap(uint32(n)),
		pages: make([]*page, (n+pageSize-1)/pageSize),
	}
}

func (m *mapped) take(i uint32, reason uint8) {
	p := m.pages[i/pageSize]
	if p == nil {
		p = new(page)
		m.pages[i/pageSize] = p
	}
	was := p.reasons[i%pageSize]
	p.reasons[i%pageSize] |= reason
	if was != 0 {
		return
	}
	if m.fresh.has(i) {
		m.fresh.clear(i)
	} else {
		m.unqueue(i)
	}
	m.free.clear(i)
}

func (m *mapped) give(i uint32, reason uint8) {
	p := m.pages[i/pageSize]
	if p == nil || p.reasons[i%pageSize] == 0 {
		return
	}
	p.reasons[i%pageSize] &^= reason
	if p.reasons[i%pageSize] != 0 {
		return
	}
	if p.queue == nil {
		p.queue = new([pageSize]link)
	}
	if m.free.n == m.fresh.n {
		m.oldest = i
	} else {
		m.link(m.newest).next = i
		m.link(i).prev = m.newest
	}
	m.newest = i
	m.free.set(i)
}

func (m *mapped) link(i uint32) *link { return &m.pages[i/pageSize].queue[i%pageSize] }

func (m *mapped) unqueue(i uint32) {
	l := m.link(i)
	if i == m.oldest {
		m.oldest = l.next
	} else {
		m.link(l.prev).next = l.next
	}
	if i == m.newest {
		m.newest = l.prev
	} else {
		m.link(l.next).prev = l.prev
	}
	*l = link{}
}

// A bitmap is a set of numbers below size, in words of 64 bits with two levels
// of summary. Parts that are all in or all out take no memory.
type bitmap struct {
	size  uint32
	n     uint32
	parts []*part
	count []uint16 // members in each part
	some  []uint64 // a bit for each part that has members
	block []uint32 // members in 64 parts
}

type part struct {
	words [64]uint64
	some  uint64 // a bit for each word that is not 0
}

func newBitmap(size uint32) bitmap {
	parts := (size + pageSize - 1) / pageSize
	b := bitmap{
		size: size, n: size,
		parts: make([]*part, parts), count: make([]uint16, parts),
		some: make([]uint64, (parts+63)/64), block: make([]uint32, (parts+63)/64),
	}
	for i := range b.parts {
		b.count[i] = uint16(b.room(uint32(i)))
		b.some[i/64] |= 1 << (i % 64)
		b.block[i/64] += uint32(b.count[i])
	}
	return b
}

// room returns how many numbers belong to a part.
func (b *bitmap) room(i uint32) uint32 { return min(pageSize, b.size-i*pageSize) }

// open makes a part that was all in or all out.
func (b *bitmap) open(i uint32) *part {
	p := new(part)
	b.parts[i] = p
	if b.count[i] == 0 {
		return p
	}
	n := b.room(i)
	for w := range n / 64 {
		p.words[w] = ^uint64(0)
	}
	if n%64 != 0 {
		p.words[n/64] = 1<<(n%64) - 1
	}
	for w, v := range p.words {
		if v != 0 {
			p.some |= 1 << w
		}
	}
	return p
}

func (b *bitmap) has(i uint32) bool {
	p := b.parts[i/pageSize]
	if p == nil {
		return b.count[i/pageSize] != 0
	}
	return p.words[i/64%64]>>(i%64)&1 != 0
}

// set adds a number that is not in the set, clear removes one that is.
func (b *bitmap) set(i uint32) {
	at := i / pageSize
	p := b.parts[at]
	if p == nil {
		p = b.open(at)
	}
	p.words[i/64%64] |= 1 << (i % 64)
	p.some |= 1 << (i / 64 % 64)
	b.some[at/64] |= 1 << (at % 64)
	b.n++
	b.block[at/64]++
	b.count[at]++
	if uint32(b.count[at]) == b.room(at) {
		b.parts[at] = nil
	}
}

func (b *bitmap) clear(i uint32) {
	at := i / pageSize
	p := b.parts[at]
	if p == nil {
		p = b.open(at)
	}
	p.words[i/64%64] &^= 1 << (i % 64)
	if p.words[i/64%64] == 0 {
		p.some &^= 1 << (i / 64 % 64)
	}
	b.n--
	b.block[at/64]--
	b.count[at]--
	if b.count[at] == 0 {
		b.parts[at] = nil
		b.some[at/64] &^= 1 << (at % 64)
	}
}

// next returns the first member at or after from.
func (b *bitmap) next(from uint32) (uint32, bool) {
	at := from / pageSize
	if at >= uint32(len(b.parts)) {
		return 0, false
	}
	if i, ok := b.nextIn(at, from%pageSize); ok {
		return i, true
	}
	at++
	for w := at / 64; w < uint32(len(b.some)); w++ {
		v := b.some[w]
		if w == at/64 {
			v &= ^uint64(0) << (at % 64)
		}
		if v != 0 {
			return b.nextIn(w*64+uint32(bits.TrailingZeros64(v)), 0)
		}
	}
	return 0, false
}

// nextIn looks in one part, from an offset in it.
func (b *bitmap) nextIn(at, from uint32) (uint32, bool) {
	p := b.parts[at]
	if p == nil {
		return at*pageSize + from, b.count[at] != 0 && from < b.room(at)
	}
	w := from / 64
	if v := p.words[w] & (^uint64(0) << (from % 64)); v != 0 {
		return at*pageSize + w*64 + uint32(bits.TrailingZeros64(v)), true
	}
	some := p.some &^ (1<<(w+1) - 1)
	if some == 0 {
		return 0, false
	}
	w = uint32(bits.TrailingZeros64(some))
	return at*pageSize + w*64 + uint32(bits.TrailingZeros64(p.words[w])), true
}

// rank returns how many members are below i, which is at most the size.
func (b *bitmap) rank(i uint32) (n uint32) {
	at := i / pageSize
	for g := range at / 64 {
		n += b.block[g]
	}
	for _, c := range b.count[at&^63 : at] {
		n += uint32(c)
	}
	rest := i % pageSize
	if rest == 0 {
		return n
	}
	p := b.parts[at]
	if p == nil {
		if b.count[at] != 0 {
			n += rest
		}
		return n
	}
	for _, w := range p.words[:rest/64] {
		n += uint32(bits.OnesCount64(w))
	}
	if rest%64 != 0 {
		n += uint32(bits.OnesCount64(p.words[rest/64] & (1<<(rest%64) - 1)))
	}
	return n
}

// choose returns the k-th member, k < n.
func (b *bitmap) choose(k uint32) uint32 {
	g := 0
	for ; k >= b.block[g]; g++ {
		k -= b.block[g]
	}
	at := uint32(g) * 64
	for ; k >= uint32(b.count[at]); at++ {
		k -= uint32(b.count[at])
	}
	p := b.parts[at]
	if p == nil {
		return at*pageSize + k
	}
	w := uint32(0)
	for ; k >= uint32(bits.OnesCount64(p.words[w])); w++ {
		k -= uint32(bits.OnesCount64(p.words[w]))
	}
	v := p.words[w]
	for ; k > 0; k-- {
		v &= v - 1
	}
	return at*pageSize + w*64 + uint32(bits.TrailingZeros64(v))
}

// sparse keeps what is taken of a pool too large to map, as runs of
// neighbours, so that a free one is found without walking over a run.
type sparse struct {
	n      uint64
	count  uint64               // taken
	runs   tree[number, number] // first → last
	odd    map[number]uint8     // reasons of the taken ones; not there: plainReason
	recent map[number]uint32    // given back lately → position in order
	order  []number             // ring
	pos    uint32
	cursor number // where Oldest looks
}

// plainReason is the reason that costs no memory in a sparse pool.
const plainReason = 1

const maxRecent = 1 << 16

func newSparse(n uint64) *sparse {
	return &sparse{n: n, odd: make(map[number]uint8), recent: make(map[number]uint32)}
}

func (s *sparse) reasons(i number) uint8 {
	if r, ok := s.odd[i]; ok {
		return r
	}
	if _, v, ok := s.runs.floor(i); ok && *v >= i {
		return plainReason
	}
	return 0
}

// hold notes the reasons of one that is taken.
func (s *sparse) hold(i number, reasons uint8) {
	if reasons == plainReason {
		delete(s.odd, i)
	} else {
		s.odd[i] = reasons
	}
}

func (s *sparse) take(i number, reason uint8) {
	was := s.reasons(i)
	if was|reason == was {
		return
	}
	s.hold(i, was|reason)
	if was != 0 {
		return
	}
	s.count++
	delete(s.recent, i)
	last := i
	if v := s.runs.get(i + 1); v != nil {
		last = *v
		s.runs.remove(i + 1)
	}
	if _, v, ok := s.runs.floor(i); ok && *v == i-1 {
		*v = last
	} else {
		*s.runs.put(i) = last
	}
}

func (s *sparse) give(i number, reason uint8) {
	was := s.reasons(i)
	if was == 0 {
		return
	}
	if was &^= reason; was != 0 {
		s.hold(i, was)
		return
	}
	s.count--
	delete(s.odd, i)
	first, v, _ := s.runs.floor(i)
	last := *v
	if first == i {
		s.runs.remove(i)
	} else {
		*v = i - 1
	}
	if last > i {
		*s.runs.put(i + 1) = last
	}
	s.remember(i)
}

// remember notes that i was given back, and forgets the one before 65536.
func (s *sparse) remember(i number) {
	if len(s.order) < maxRecent {
		s.order = append(s.order, i)
	} else {
		at := s.pos % maxRecent
		if old := s.order[at]; s.recent[old] == s.pos-maxRecent {
			delete(s.recent, old)
		}
		s.order[at] = i
	}
	s.recent[i] = s.pos
	s.pos++
}

// first returns the first free one at or after i, which may be beyond the end.
func (s *sparse) first(i number) uint64 {
	if _, v, ok := s.runs.floor(i); ok && *v >= i {
		i = *v + 1
	}
	return uint64(i)
}

// next is first, wrapping around.
func (s *sparse) next(i number) uint64 {
	if at := s.first(i); at < s.n {
		return at
	}
	return s.first(0)
}

// oldest moves the cursor over what is taken or was lately. The cursor never
// meets more than maxRecent of the latter in a row.
func (s *sparse) oldest() uint64 {
	for range len(s.recent) + 1 {
		i := number(s.next(s.cursor))
		s.cursor = i
		if _, lately := s.recent[i]; !lately {
			return uint64(i)
		}
		s.cursor++
	}
	return s.next(s.cursor)
}
