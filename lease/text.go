package lease

import (
	"encoding/binary"
	"unsafe"
)

// texts keeps the identifiers and names of all leases in large chunks without
// pointers. Chunks are filled once and never overwritten, so that strings
// handed out may point into them; a chunk that has become mostly garbage is
// left to the collector after its live entries have moved.
//
// An entry is: number of the owning record (4 bytes), then hardware address,
// client identifier, hostname and user context, each after its length as a
// uvarint. Entries start at multiples of 4.
type texts struct {
	chunks []chunk
	holes  []uint32 // numbers of chunks given up
	cur    uint32   // chunk being filled
	live   int      // bytes in use
}

type chunk struct {
	b    []byte // nil = given up
	n    int    // filled
	live int
}

const (
	chunkBits = 16
	chunkSize = 1 << chunkBits
)

// A text is the place of an entry: chunk number and offset/4.
type text uint32

func (t text) chunk() uint32 { return uint32(t) >> (chunkBits - 2) }
func (t text) offset() int   { return int(t) & (1<<(chunkBits-2) - 1) * 4 }

// An entry's strings.
type entry struct {
	hw, id, host, context string
}

func (t *texts) get(at text) (e entry, size int) {
	c := &t.chunks[at.chunk()]
	start := at.offset()
	b := c.b[start:c.n]
	p := 4
	next := func() string {
		n := int(b[p])
		p++
		if n >= 0x80 {
			u, w := binary.Uvarint(b[p-1:])
			n, p = int(u), p-1+w
		}
		if n == 0 {
			return ""
		}
		s := unsafe.String(&b[p], n)
		p += n
		return s
	}
	e.hw, e.id, e.host, e.context = next(), next(), next(), next()
	return e, (p + 3) &^ 3
}

// part is one string of an entry: 0 hardware address, 1 client identifier, 2
// hostname, 3 user context.
func (t *texts) part(at text, i int) []byte {
	c := &t.chunks[at.chunk()]
	b := c.b[at.offset()+4 : c.n]
	for {
		n, w := int(b[0]), 1
		if n >= 0x80 {
			u, v := binary.Uvarint(b)
			n, w = int(u), v
		}
		if i == 0 {
			return b[w : w+n]
		}
		b = b[w+n:]
		i--
	}
}

func (t *texts) add(owner uint32, e *entry) text {
	size := 4
	for _, s := range [...]string{e.hw, e.id, e.host, e.context} {
		size += len(s) + 1
		for n := len(s); n >= 0x80; n >>= 7 {
			size++
		}
	}
	size = (size + 3) &^ 3
	n := t.room(size)
	c := &t.chunks[n]
	start := c.n
	b := binary.LittleEndian.AppendUint32(c.b[:start], owner)
	for _, s := range [...]string{e.hw, e.id, e.host, e.context} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	c.n = start + size
	c.live += size
	t.live += size
	return text(n<<(chunkBits-2) | uint32(start/4))
}

// room returns the number of a chunk with size bytes left.
func (t *texts) room(size int) uint32 {
	if len(t.chunks) > 0 && size <= chunkSize {
		if c := &t.chunks[t.cur]; c.b != nil && c.n+size <= len(c.b) && c.n < chunkSize {
			return t.cur
		}
	}
	fresh := chunk{b: make([]byte, max(size, t.next()))}
	n := uint32(len(t.chunks))
	if h := len(t.holes); h > 0 {
		n, t.holes = t.holes[h-1], t.holes[:h-1]
		t.chunks[n] = fresh
	} else {
		t.chunks = append(t.chunks, fresh)
	}
	if size <= chunkSize {
		t.cur = n
	}
	return n
}

// next is the size of the next chunk: small stores stay small.
func (t *texts) next() int { return min(chunkSize, max(1024, (t.live+7)&^7)) }

// drop gives up an entry. It returns the number of a chunk worth emptying,
// never the one being filled.
func (t *texts) drop(at text) (empty uint32, worth bool) {
	_, size := t.get(at)
	n := at.chunk()
	c := &t.chunks[n]
	c.live -= size
	t.live -= size
	return n, n != t.cur && c.live <= c.n/2
}

// give leaves a chunk to the collector.
func (t *texts) give(n uint32) {
	t.live -= t.chunks[n].live
	t.chunks[n] = chunk{}
	t.holes = append(t.holes, n)
}

// owners calls fn for every entry of a chunk, given-up ones too.
func (t *texts) owners(n uint32, fn func(owner uint32, at text)) {
	b := t.chunks[n].b
	for p := 0; p < t.chunks[n].n; {
		at := text(n<<(chunkBits-2) | uint32(p/4))
		_, size := t.get(at)
		fn(binary.LittleEndian.Uint32(b[p:]), at)
		p += size
	}
}
