package lease

// A tree is a B+ tree from ordered keys to values. Leaves hold no pointers,
// so the collector does not look into them.
//
// Why a tree: pages, expiry and runs of addresses need order that survives
// every change; sorting on demand would make the first page after a change
// cost a scan of all leases.

type ordered[K any] interface {
	comparable
	less(K) bool
}

type (
	addr4  uint32
	addr6  struct{ hi, lo uint64 }
	second int64
	number uint64
)

func (a addr4) less(b addr4) bool   { return a < b }
func (a addr6) less(b addr6) bool   { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }
func (a second) less(b second) bool { return a < b }
func (a number) less(b number) bool { return a < b }

const (
	leafSize  = 64
	innerSize = 64
)

type leaf[K ordered[K], V any] struct {
	n    int
	keys [leafSize]K
	vals [leafSize]V
}

// An inner node has either leaves or inner nodes below it. low[i] is not above
// any key of child i; low[0] is not looked at.
type inner[K ordered[K], V any] struct {
	n      int
	low    [innerSize]K
	inners [innerSize]*inner[K, V]
	leaves [innerSize]*leaf[K, V]
}

type tree[K ordered[K], V any] struct {
	root   *inner[K, V]
	height int // levels of inner nodes
	n      int
}

// find returns the position of the first key not below k.
func (l *leaf[K, V]) find(k K) int {
	lo, hi := 0, l.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.keys[mid].less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// child returns the position of the child that k belongs to.
func (x *inner[K, V]) child(k K) int {
	lo, hi := 1, x.n
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if k.less(x.low[mid]) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1
}

// get returns where the value of k is, or nil.
func (t *tree[K, V]) get(k K) *V {
	x := t.root
	if x == nil {
		return nil
	}
	for h := t.height; h > 1; h-- {
		x = x.inners[x.child(k)]
	}
	l := x.leaves[x.child(k)]
	if i := l.find(k); i < l.n && l.keys[i] == k {
		return &l.vals[i]
	}
	return nil
}

// put returns where the value of k is, a zero one when k is new. The place is
// good until the next change of the tree.
func (t *tree[K, V]) put(k K) *V {
	if t.root == nil {
		t.root, t.height = &inner[K, V]{n: 1}, 1
		t.root.leaves[0] = new(leaf[K, V])
	}
	if t.root.n == innerSize {
		old := t.root
		t.root = &inner[K, V]{n: 1}
		t.root.inners[0] = old
		t.height++
		t.root.splitInner(0)
	}
	x := t.root
	for h := t.height; h > 1; h-- {
		i := x.child(k)
		if x.inners[i].n == innerSize {
			x.splitInner(i)
			i = x.child(k)
		}
		x = x.inners[i]
	}
	i := x.child(k)
	l := x.leaves[i]
	p := l.find(k)
	if p < l.n && l.keys[p] == k {
		return &l.vals[p]
	}
	if l.n == leafSize {
		x.splitLeaf(i, p)
		i = x.child(k)
		l = x.leaves[i]
		p = l.find(k)
	}
	copy(l.keys[p+1:l.n+1], l.keys[p:l.n])
	copy(l.vals[p+1:l.n+1], l.vals[p:l.n])
	l.keys[p] = k
	l.vals[p] = *new(V)
	l.n++
	t.n++
	return &l.vals[p]
}

// splitLeaf makes room in child i before an insertion at position p. Ascending
// insertions (loading, expiry) leave full leaves behind.
func (x *inner[K, V]) splitLeaf(i, p int) {
	l, r := x.leaves[i], new(leaf[K, V])
	at := leafSize / 2
	if p == leafSize {
		at = leafSize - 1
	}
	r.n = copy(r.keys[:], l.keys[at:])
	copy(r.vals[:], l.vals[at:])
	l.n = at
	x.open(i + 1)
	x.leaves[i+1], x.low[i+1] = r, r.keys[0]
}

func (x *inner[K, V]) splitInner(i int) {
	l, r := x.inners[i], new(inner[K, V])
	at := innerSize / 2
	r.n = copy(r.low[:], l.low[at:])
	copy(r.inners[:], l.inners[at:])
	copy(r.leaves[:], l.leaves[at:])
	clear(l.inners[at:])
	clear(l.leaves[at:])
	l.n = at
	x.open(i + 1)
	x.inners[i+1], x.low[i+1] = r, r.low[0]
}

func (x *inner[K, V]) open(i int) {
	copy(x.low[i+1:x.n+1], x.low[i:x.n])
	copy(x.inners[i+1:x.n+1], x.inners[i:x.n])
	copy(x.leaves[i+1:x.n+1], x.leaves[i:x.n])
	x.inners[i], x.leaves[i] = nil, nil
	x.n++
}

func (x *inner[K, V]) shut(i int) {
	copy(x.low[i:], x.low[i+1:x.n])
	copy(x.inners[i:], x.inners[i+1:x.n])
	copy(x.leaves[i:], x.leaves[i+1:x.n])
	x.n--
	x.inners[x.n], x.leaves[x.n] = nil, nil
}

// remove takes k out and says whether it was there.
func (t *tree[K, V]) remove(k K) bool {
	if t.root == nil || !t.root.remove(k, t.height) {
		return false
	}
	t.n--
	for t.height > 1 && t.root.n == 1 {
		t.root = t.root.inners[0]
		t.height--
	}
	return true
}

func (x *inner[K, V]) remove(k K, height int) bool {
	i := x.child(k)
	if height > 1 {
		if !x.inners[i].remove(k, height-1) {
			return false
		}
		x.mergeInner(i)
		return true
	}
	l := x.leaves[i]
	p := l.find(k)
	if p == l.n || l.keys[p] != k {
		return false
	}
	copy(l.keys[p:], l.keys[p+1:l.n])
	copy(l.vals[p:], l.vals[p+1:l.n])
	l.n--
	l.vals[l.n] = *new(V)
	x.mergeLeaf(i)
	return true
}

// mergeLeaf joins a leaf that has become small with a neighbour when the two
// leave room for growth.
func (x *inner[K, V]) mergeLeaf(i int) {
	if x.leaves[i].n > leafSize/4 || x.n == 1 {
		return
	}
	if i == x.n-1 {
		i--
	}
	l, r := x.leaves[i], x.leaves[i+1]
	if l.n+r.n > leafSize*3/4 {
		return
	}
	copy(l.keys[l.n:], r.keys[:r.n])
	copy(l.vals[l.n:], r.vals[:r.n])
	l.n += r.n
	x.shut(i + 1)
}

func (x *inner[K, V]) mergeInner(i int) {
	if x.inners[i].n > innerSize/4 || x.n == 1 {
		return
	}
	if i == x.n-1 {
		i--
	}
	l, r := x.inners[i], x.inners[i+1]
	if l.n+r.n > innerSize*3/4 {
		return
	}
	r.low[0] = x.low[i+1]
	copy(l.low[l.n:], r.low[:r.n])
	copy(l.inners[l.n:], r.inners[:r.n])
	copy(l.leaves[l.n:], r.leaves[:r.n])
	l.n += r.n
	x.shut(i + 1)
}

// floor returns the largest key not above k.
func (t *tree[K, V]) floor(k K) (K, *V, bool) {
	if t.root == nil {
		return k, nil, false
	}
	return t.root.floor(k, t.height)
}

func (x *inner[K, V]) floor(k K, height int) (K, *V, bool) {
	for i := x.child(k); i >= 0; i-- {
		if height > 1 {
			if key, v, ok := x.inners[i].floor(k, height-1); ok {
				return key, v, true
			}
			continue
		}
		l := x.leaves[i]
		p := l.find(k)
		if p < l.n && l.keys[p] == k {
			return k, &l.vals[p], true
		}
		if p > 0 {
			return l.keys[p-1], &l.vals[p-1], true
		}
	}
	return k, nil, false
}

// ascend calls fn for each key from k on (all: from the smallest) until fn
// returns false. fn must not change the tree.
func (t *tree[K, V]) ascend(k K, all bool, fn func(K, *V) bool) {
	if t.root != nil {
		t.root.ascend(k, all, t.height, fn)
	}
}

func (x *inner[K, V]) ascend(k K, all bool, height int, fn func(K, *V) bool) bool {
	i := 0
	if !all {
		i = x.child(k)
	}
	for ; i < x.n; i++ {
		if height > 1 {
			if !x.inners[i].ascend(k, all, height-1, fn) {
				return false
			}
		} else {
			l, p := x.leaves[i], 0
			if !all {
				p = l.find(k)
			}
			for ; p < l.n; p++ {
				if !fn(l.keys[p], &l.vals[p]) {
					return false
				}
			}
		}
		all = true
	}
	return true
}
