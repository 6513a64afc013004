package lease

import (
	"cmp"
	"database/sql"
	"fmt"
	"slices"
)

// goneKept is how many changes back a database remembers deletions.
const goneKept = 1 << 16

// Size returns how many changes the database has taken, ever: what Memfile.Size
// is in bytes. Nothing sets it aside.
func (q *SQLite) Size() (written int64, turn int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.written, 0
}

// advance notes in a transaction what it has written.
func (q *SQLite) advance(tx *sql.Tx, w *writing) error {
	_, err := tx.Exec("UPDATE progress SET written = ? WHERE family = ?", w.written, q.family())
	if err == nil && w.deleted {
		_, err = tx.Exec(fmt.Sprintf("DELETE FROM gone%d WHERE written <= ?", q.family()), w.written-goneKept)
	}
	return err
}

// Since reads the leases that were changed after the first written changes, and
// the deletions, in order. It is an error when there are more than most, or when
// deletions may be forgotten.
func (q *SQLite) Since(written int64, most int) ([]Row, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.written-written > goneKept {
		return nil, fmt.Errorf("read changes of the lease database: %w", errMany)
	}
	var list []Row
	err := q.each(q.columns()+", written FROM "+q.table(), written, most, func(rows *sql.Rows) error {
		var r Row
		var err error
		r.Lease, err = q.scan(rows, &r.At)
		list = append(list, r)
		return err
	})
	if err == nil {
		err = q.each(fmt.Sprintf("address, written FROM gone%d", q.family()), written, most, func(rows *sql.Rows) error {
			r := Row{Gone: true}
			var n int64
			var b []byte
			to := any(&n)
			if q.v6 {
				to = &b
			}
			err := rows.Scan(to, &r.At)
			if err == nil {
				r.Lease.Addr, err = q.addr(n, b)
			}
			list = append(list, r)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read changes of the lease database: %w", err)
	}
	for i := range list {
		list[i].At-- // where it begins
	}
	slices.SortFunc(list, func(a, b Row) int { return cmp.Compare(a.At, b.At) })
	return list, nil
}

// each calls read for the rows of a query after a change.
func (q *SQLite) each(query string, written int64, most int, read func(*sql.Rows) error) error {
	rows, err := q.db.Query("SELECT "+query+" WHERE written > ?", written)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 0; rows.Next(); n++ {
		if n == most {
			return errMany
		}
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Remembered returns what Remember has stored last in the family's part of the
// database; empty: nothing yet.
func (q *SQLite) Remembered() (memory []byte, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	err = q.db.QueryRow("SELECT pair FROM progress WHERE family = ?", q.family()).Scan(&memory)
	if err != nil {
		return nil, fmt.Errorf("read memory of the pair: %w", err)
	}
	return memory, nil
}

// Remember stores what a pair is to know after a restart.
func (q *SQLite) Remember(memory []byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := q.db.Exec("UPDATE progress SET pair = ? WHERE family = ?", memory, q.family()); err != nil {
		return fmt.Errorf("store memory of the pair: %w", err)
	}
	return nil
}
