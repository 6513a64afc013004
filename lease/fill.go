package lease

import (
	"context"
	"sync"
)

// A Store that is being filled keeps no hash indexes: they are made at the end,
// at their size, which costs a fraction of growing them lease by lease.

// fill has load put leases into the Store, and makes the indexes then.
func (s *Store) fill(load func() error) error {
	s.filling = true
	err := load()
	s.filling = false
	var indexes sync.WaitGroup
	for i := range s.same {
		indexes.Go(func() { s.indexAll(i) })
	}
	indexes.Wait()
	return err
}

// indexAll makes one of the hash indexes. First every record keeps its hash
// where its link will be; then the slots go to their shards, unsorted; last, each
// shard is brought in order while it is in the cache.
func (s *Store) indexAll(i int) {
	var size [1 << shardBits]int
	s.records(func(n uint32, r *record) {
		if key := s.texts.part(r.text, i); len(key) > 0 {
			h := s.hashKey(i, key)
			// The lowest bit of the upper half is of no use to a table: it tells
			// that there is a key.
			r.same[i] = link{prev: uint32(h>>32) | 1, next: uint32(h)}
			size[h>>(64-shardBits)]++
		}
	})
	t := &s.same[i]
	for at, n := range size {
		t.shards[at] = newShard(n)
	}
	s.records(func(n uint32, r *record) {
		l := r.same[i]
		if l == (link{}) {
			return
		}
		r.same[i] = link{}
		sh := &t.shards[l.prev>>(32-shardBits)]
		sh.at[sh.n] = slot{n, l.next}
		sh.n++
	})
	var room []slot
	for at := range t.shards {
		sh := &t.shards[at]
		room = append(room[:0], sh.at[:sh.n]...)
		clear(sh.at[:sh.n])
		sh.n = 0
		for _, x := range room {
			s.indexIn(sh, i, x)
		}
		sh.fit()
	}
}

// indexIn puts a record that is in no list into a shard with room for it.
func (s *Store) indexIn(sh *shard, i int, x slot) {
	r := s.slab.rec(x.rec)
	p := sh.home(x.hash)
	for ; sh.at[p].rec != 0; p = sh.after(p) {
		head := sh.at[p].rec
		if sh.at[p].hash != x.hash {
			continue
		}
		if o := s.slab.rec(head); equalKey(i, s.texts.part(o.text, i), s.texts.part(r.text, i)) {
			r.same[i].next, o.same[i].prev = head, x.rec
			sh.at[p].rec = x.rec
			return
		}
	}
	sh.at[p] = x
	sh.n++
}

// records calls fn for every record in use.
func (s *Store) records(fn func(n uint32, r *record)) {
	for n := uint32(1); n < s.slab.n; n++ {
		if r := s.slab.rec(n); r.flags&flagUsed != 0 {
			fn(n, r)
		}
	}
}

// A batch is rows on their way to the Store: one goroutine parses while another
// one stores.
type batch struct {
	rows []row
	text []byte // strings of the leases
}

type row struct {
	lease Lease
	gone  bool
}

const (
	batchSize = 512
	batches   = 4
)

// bring brings the rows of a file to a Store.
func (m *Memfile) bring(s *Store, name string) (tail, error) {
	var (
		full, empty = make(chan *batch, batches), make(chan *batch, batches)
		end         tail
		err         error
	)
	for range batches {
		empty <- &batch{rows: make([]row, 0, batchSize)}
	}
	go func() {
		end, err = m.batch(name, full, empty)
		close(full)
	}()
	for b := range full {
		for i := range b.rows {
			r := &b.rows[i]
			if !r.gone {
				s.set(&r.lease)
			} else if n := s.at(r.lease.Addr); n != 0 {
				s.remove(n)
			}
		}
		empty <- b
	}
	return end, err
}

// batch parses the rows of a file.
func (m *Memfile) batch(name string, full chan<- *batch, empty <-chan *batch) (tail, error) {
	b := <-empty
	end, err := readRows(context.Background(), m.fs, name, m.v6, 0, func(p *rowParser, line []byte, _ int64) error {
		if len(b.rows) == batchSize {
			full <- b
			b = <-empty
			b.rows, b.text = b.rows[:0], b.text[:0]
		}
		n := len(b.rows)
		b.rows = b.rows[:n+1]
		p.text = b.text
		gone, err := p.add(line, &b.rows[n].lease)
		b.text = p.text
		if err != nil {
			b.rows = b.rows[:n]
			return err
		}
		b.rows[n].gone = gone
		m.report.Rows++
		return nil
	}, m.bad)
	full <- b
	return end, err
}
