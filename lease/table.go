package lease

// A table is a hash index from a key to the record that heads the list of
// those with that key. It holds record numbers with 32 bits of their hashes;
// the key is compared in the record itself. It is cut into shards that grow
// one at a time and by a quarter: no single Put pays for rehashing a million
// leases, and little stands empty.
type table struct {
	shards [1 << shardBits]shard
}

const shardBits = 10

type shard struct {
	at []slot // open addressing, linear probing
	n  int
}

// A slot is a record number and the low half of its hash; the high half chose
// the shard. rec 0 = empty.
type slot struct{ rec, hash uint32 }

func (t *table) shard(h uint64) *shard { return &t.shards[h>>(64-shardBits)] }

func (sh *shard) home(hash uint32) int {
	return int(uint64(hash) * uint64(len(sh.at)) >> 32)
}

func (sh *shard) after(i int) int {
	if i++; i == len(sh.at) {
		return 0
	}
	return i
}

// find returns the record for which same holds, or 0.
func (t *table) find(h uint64, same func(uint32) bool) uint32 {
	sh := t.shard(h)
	if len(sh.at) == 0 {
		return 0
	}
	for i := sh.home(uint32(h)); ; i = sh.after(i) {
		s := sh.at[i]
		if s.rec == 0 || s.hash == uint32(h) && same(s.rec) {
			return s.rec
		}
	}
}

// place returns the position of a record that is in the table.
func (sh *shard) place(h uint64, r uint32) int {
	i := sh.home(uint32(h))
	for sh.at[i].rec != r {
		i = sh.after(i)
	}
	return i
}

// swap puts to where from is. from must be in the table.
func (t *table) swap(h uint64, from, to uint32) {
	sh := t.shard(h)
	sh.at[sh.place(h, from)].rec = to
}

// newShard has room for n slots.
func newShard(n int) shard {
	if n == 0 {
		return shard{}
	}
	return shard{at: make([]slot, n+n/4+2)}
}

// fit gives back room that was made for slots that did not come.
func (sh *shard) fit() {
	if len(sh.at) > 2*sh.n+8 {
		sh.resize(newShard(sh.n).at)
	}
}

// resize moves the slots to another place.
func (sh *shard) resize(to []slot) {
	old := sh.at
	sh.at = to
	for _, s := range old {
		if s.rec != 0 {
			sh.at[sh.gap(s.hash)] = s
		}
	}
}

// add puts in a record whose key is not in the table.
func (t *table) add(h uint64, r uint32) {
	sh := t.shard(h)
	if sh.n+1 >= len(sh.at)-len(sh.at)/8 { // one stays empty: it ends every search
		sh.resize(make([]slot, max(4, len(sh.at)+len(sh.at)/4)))
	}
	sh.at[sh.gap(uint32(h))] = slot{r, uint32(h)}
	sh.n++
}

func (sh *shard) gap(hash uint32) int {
	i := sh.home(hash)
	for sh.at[i].rec != 0 {
		i = sh.after(i)
	}
	return i
}

// remove takes a record out. r must be in the table.
func (t *table) remove(h uint64, r uint32) {
	sh := t.shard(h)
	i := sh.place(h, r)
	sh.n--
	// Close the gap: pull back whoever was pushed over it.
	for j := i; ; {
		j = sh.after(j)
		s := sh.at[j]
		if s.rec == 0 {
			break
		}
		if sh.distance(sh.home(s.hash), j) >= sh.distance(i, j) {
			sh.at[i] = s
			i = j
		}
	}
	sh.at[i] = slot{}
}

func (sh *shard) distance(from, to int) int {
	if to < from {
		to += len(sh.at)
	}
	return to - from
}
