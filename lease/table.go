package lease

// A table is a hash index from a key to the record that heads the list of
// those with that key. It holds record numbers only; the key is compared in
// the record itself. It is cut into shards that grow one at a time, so that no
// single Put pays for rehashing a million leases.
type table struct {
	shards [1 << shardBits]shard
}

const shardBits = 10

type shard struct {
	at []uint32 // open addressing, linear probing; 0 = empty
	n  int
}

// find returns the record for which same holds, or 0.
func (t *table) find(h uint64, same func(uint32) bool) uint32 {
	sh := &t.shards[h>>(64-shardBits)]
	if len(sh.at) == 0 {
		return 0
	}
	mask := uint64(len(sh.at) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		r := sh.at[i]
		if r == 0 || same(r) {
			return r
		}
	}
}

// swap puts to where from is. from must be in the table.
func (t *table) swap(h uint64, from, to uint32) {
	sh := &t.shards[h>>(64-shardBits)]
	mask := uint64(len(sh.at) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if sh.at[i] == from {
			sh.at[i] = to
			return
		}
	}
}

// add puts in a record whose key is not in the table. hash gives the hash of
// any record.
func (t *table) add(h uint64, r uint32, hash func(uint32) uint64) {
	sh := &t.shards[h>>(64-shardBits)]
	if sh.n+1 > len(sh.at)-len(sh.at)/8 {
		old := sh.at
		sh.at = make([]uint32, max(8, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				sh.place(hash(o), o)
			}
		}
	}
	sh.place(h, r)
	sh.n++
}

func (sh *shard) place(h uint64, r uint32) {
	mask := uint64(len(sh.at) - 1)
	i := h & mask
	for sh.at[i] != 0 {
		i = (i + 1) & mask
	}
	sh.at[i] = r
}

// remove takes a record out. r must be in the table.
func (t *table) remove(h uint64, r uint32, hash func(uint32) uint64) {
	sh := &t.shards[h>>(64-shardBits)]
	mask := uint64(len(sh.at) - 1)
	i := h & mask
	for sh.at[i] != r {
		i = (i + 1) & mask
	}
	sh.n--
	// Close the gap: pull back whoever was pushed over it.
	for j := i; ; {
		j = (j + 1) & mask
		o := sh.at[j]
		if o == 0 {
			break
		}
		home := hash(o) & mask
		if (j-home)&mask >= (j-i)&mask {
			sh.at[i] = o
			i = j
		}
	}
	sh.at[i] = 0
}
