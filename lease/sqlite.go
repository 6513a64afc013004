package lease

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"

	_ "github.com/mattn/go-sqlite3"
)

// SQLite is the Backend over an SQLite database in write-ahead mode. Both
// families may share a file.
type SQLite struct {
	mu      sync.Mutex
	path    string
	lock    io.Closer // of the family, against other servers
	db      *sql.DB
	v6      bool
	put     *sql.Stmt
	del     *sql.Stmt
	gone    *sql.Stmt
	written int64                 // changes that the database has taken, ever
	waiting map[netip.Addr]Change // not in the database: Append failed
}

// sqliteSteps bring a database from version i (PRAGMA user_version) to i+1.
var sqliteSteps = []string{
	`CREATE TABLE lease4 (
		address INTEGER PRIMARY KEY, hwaddr BLOB NOT NULL, client_id BLOB NOT NULL,
		valid_lifetime INTEGER NOT NULL, cltt INTEGER NOT NULL, subnet_id INTEGER NOT NULL,
		fqdn_fwd INTEGER NOT NULL, fqdn_rev INTEGER NOT NULL, hostname TEXT NOT NULL,
		state INTEGER NOT NULL, user_context TEXT NOT NULL, pool_id INTEGER NOT NULL,
		hwtype INTEGER NOT NULL);
	CREATE TABLE lease6 (
		address BLOB PRIMARY KEY, hwaddr BLOB NOT NULL, duid BLOB NOT NULL,
		valid_lifetime INTEGER NOT NULL, cltt INTEGER NOT NULL, subnet_id INTEGER NOT NULL,
		fqdn_fwd INTEGER NOT NULL, fqdn_rev INTEGER NOT NULL, hostname TEXT NOT NULL,
		state INTEGER NOT NULL, user_context TEXT NOT NULL, pool_id INTEGER NOT NULL,
		hwtype INTEGER NOT NULL, hwaddr_source INTEGER NOT NULL, pref_lifetime INTEGER NOT NULL,
		lease_type INTEGER NOT NULL, iaid INTEGER NOT NULL, prefix_len INTEGER NOT NULL
		) WITHOUT ROWID;`,
	// Which change each row is of, the deletions among the last ones, and for
	// each family how many changes there were and what a pair remembers.
	`ALTER TABLE lease4 ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE lease6 ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
	CREATE TABLE gone4 (written INTEGER PRIMARY KEY, address INTEGER NOT NULL);
	CREATE TABLE gone6 (written INTEGER PRIMARY KEY, address BLOB NOT NULL);
	CREATE TABLE progress (family INTEGER PRIMARY KEY, written INTEGER NOT NULL, pair BLOB NOT NULL);
	INSERT INTO progress VALUES (4, 0, x''), (6, 0, x'');`,
}

// OpenSQLite opens or makes a database for family 4 or 6, and locks that family
// of it against other servers. sync makes Append
// wait for the disk; without it a power cut may take back the last appends.
func OpenSQLite(path string, family int, sync bool) (*SQLite, error) {
	lock, err := OS.Lock(lockName(path, DB, family))
	if err != nil {
		return nil, fmt.Errorf("open lease database %s: %w", path, err)
	}
	q := &SQLite{path: path, lock: lock, v6: family == 6, waiting: make(map[netip.Addr]Change)}
	q.db, err = connect(path, "_journal_mode=WAL&_txlock=immediate&_synchronous="+syncLevel(sync))
	if err == nil {
		err = q.prepare()
	}
	if err != nil {
		if q.db != nil {
			q.db.Close()
		}
		lock.Close()
		return nil, fmt.Errorf("open lease database %s: %w", path, err)
	}
	return q, nil
}

// connect opens one connection.
func connect(path, parameters string) (*sql.DB, error) {
	name := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	db, err := sql.Open("sqlite3", "file:"+name+"?_busy_timeout=10000&"+parameters)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// ReadDB calls fn for every lease of a family in a database, which a server may
// be using, and leaves it as it is.
func ReadDB(path string, family int, fn func(Lease) error) error {
	db, err := connect(path, "mode=ro")
	if err != nil {
		return fmt.Errorf("read lease database %s: %w", path, err)
	}
	defer db.Close()
	var version int
	err = db.QueryRow("PRAGMA user_version").Scan(&version)
	if err == nil && (version == 0 || version > len(sqliteSteps)) {
		err = fmt.Errorf("its version is %d, this program knows versions 1 to %d", version, len(sqliteSteps))
	}
	if err != nil {
		return fmt.Errorf("read lease database %s: %w", path, err)
	}
	return (&SQLite{db: db, v6: family == 6}).Load(fn)
}

// Backup writes a copy of the database as it is, of both families if both are in
// it. Append goes on meanwhile.
func (q *SQLite) Backup(to string) error {
	db, err := connect(q.path, "mode=ro")
	if err == nil {
		defer db.Close()
		_, err = db.Exec("VACUUM INTO ?", to)
	}
	if err == nil {
		err = syncFile(to)
	}
	if err != nil {
		return fmt.Errorf("copy lease database: %w", err)
	}
	return nil
}

// syncLevel is what SQLite calls it to wait for the disk, or not to.
func syncLevel(sync bool) string {
	if sync {
		return "FULL"
	}
	return "NORMAL"
}

// SetSync says whether Append waits for the disk from now on.
func (q *SQLite) SetSync(on bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, err := q.db.Exec("PRAGMA synchronous = " + syncLevel(on)); err != nil {
		return fmt.Errorf("set durability of the lease database: %w", err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := OS.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (q *SQLite) prepare() error {
	if err := q.migrate(); err != nil {
		return err
	}
	err := q.db.QueryRow("SELECT written FROM progress WHERE family = ?", q.family()).Scan(&q.written)
	if err != nil {
		return err
	}
	columns := q.columns() + ", written"
	q.put, err = q.db.Prepare("INSERT OR REPLACE INTO " + q.table() + " (" + columns +
		") VALUES (?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ")")
	if err == nil {
		q.del, err = q.db.Prepare("DELETE FROM " + q.table() + " WHERE address = ?")
	}
	if err == nil {
		q.gone, err = q.db.Prepare(fmt.Sprintf("INSERT INTO gone%d VALUES (?, ?)", q.family()))
	}
	return err
}

func (q *SQLite) family() int {
	if q.v6 {
		return 6
	}
	return 4
}

func (q *SQLite) table() string { return fmt.Sprintf("lease%d", q.family()) }

// columns are those of a lease, in the order of scan.
func (q *SQLite) columns() string {
	if q.v6 {
		return `address, hwaddr, duid, valid_lifetime, cltt, subnet_id, fqdn_fwd, fqdn_rev, hostname, state,
			user_context, pool_id, hwtype, hwaddr_source, pref_lifetime, lease_type, iaid, prefix_len`
	}
	return `address, hwaddr, client_id, valid_lifetime, cltt, subnet_id, fqdn_fwd, fqdn_rev, hostname, state,
		user_context, pool_id, hwtype`
}

// migrate brings the database to our version, in one transaction.
func (q *SQLite) migrate() error {
	tx, err := q.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(sqliteSteps) {
		return fmt.Errorf("its version is %d, this program knows versions up to %d", version, len(sqliteSteps))
	}
	for _, step := range sqliteSteps[version:] {
		if _, err := tx.Exec(step); err != nil {
			return fmt.Errorf("bring it from version %d to %d: %w", version, version+1, err)
		}
		version++
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

// Load calls fn for every lease in the database.
func (q *SQLite) Load(fn func(Lease) error) error {
	rows, err := q.db.Query("SELECT " + q.columns() + " FROM " + q.table())
	if err != nil {
		return fmt.Errorf("load lease database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		l, err := q.scan(rows)
		if err != nil {
			return fmt.Errorf("load lease database: %w", err)
		}
		if err := fn(l); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("load lease database: %w", err)
	}
	return nil
}

// scan reads a lease, and what follows its columns.
func (q *SQLite) scan(rows *sql.Rows, more ...any) (l Lease, err error) {
	var n int64
	var b, hw, id []byte
	to := []any{&n, &hw, &id, &l.Valid, &l.CLTT, &l.SubnetID, &l.FQDNFwd, &l.FQDNRev, &l.Hostname,
		&l.State, &l.UserContext, &l.PoolID, &l.HWType}
	if q.v6 {
		to[0] = &b
		to = append(to, &l.HWSource, &l.Preferred, &l.Type, &l.IAID, &l.PrefixLen)
	}
	if err := rows.Scan(append(to, more...)...); err != nil {
		return l, err
	}
	if l.Addr, err = q.addr(n, b); err != nil {
		return l, err
	}
	if l.State >= states {
		return l, fmt.Errorf("lease %v is in state %d", l.Addr, l.State)
	}
	l.HWAddr, l.ClientID = string(hw), string(id)
	return l, nil
}

// addr is an address from its column, which is one or the other by family.
func (q *SQLite) addr(n int64, b []byte) (netip.Addr, error) {
	switch {
	case !q.v6:
		return addr4(n).addr(), nil
	case len(b) != 16:
		return netip.Addr{}, fmt.Errorf("an address has %d bytes", len(b))
	}
	return netip.AddrFrom16([16]byte(b)), nil
}

// Append writes the changes, and those that could not be written before, in
// one transaction.
func (q *SQLite) Append(changes []Change) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		q.wait(changes)
		changes = nil
	}
	if err := q.write(changes); err != nil {
		q.wait(changes)
		return fmt.Errorf("append to lease database: %w", err)
	}
	clear(q.waiting)
	return nil
}

// wait remembers changes for the next Append: the last of each address.
func (q *SQLite) wait(changes []Change) {
	for _, c := range changes {
		q.waiting[c.Lease.Addr] = c
	}
}

func (q *SQLite) write(changes []Change) error {
	if len(changes) == 0 && len(q.waiting) == 0 {
		return nil
	}
	tx, err := q.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	w := writing{put: tx.Stmt(q.put), del: tx.Stmt(q.del), gone: tx.Stmt(q.gone), written: q.written}
	for i := range changes {
		if err := q.change(&w, &changes[i]); err != nil {
			return err
		}
	}
	for _, c := range q.waiting {
		if err := q.change(&w, &c); err != nil {
			return err
		}
	}
	if err := q.advance(tx, &w); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	q.written = w.written
	return nil
}

// writing is a transaction under way.
type writing struct {
	put, del, gone *sql.Stmt
	written        int64
	deleted        bool
}

func (q *SQLite) change(w *writing, c *Change) error {
	w.written++
	l := &c.Lease
	var address any
	if q.v6 {
		b := l.Addr.As16()
		address = b[:]
	} else {
		b := l.Addr.As4()
		address = int64(binary.BigEndian.Uint32(b[:]))
	}
	if c.Delete {
		w.deleted = true
		_, err := w.del.Exec(address)
		if err == nil {
			_, err = w.gone.Exec(w.written, address)
		}
		return err
	}
	args := []any{address, []byte(l.HWAddr), []byte(l.ClientID), l.Valid, l.CLTT, l.SubnetID,
		l.FQDNFwd, l.FQDNRev, l.Hostname, l.State, l.UserContext, l.PoolID, l.HWType}
	if q.v6 {
		args = append(args, l.HWSource, l.Preferred, l.Type, l.IAID, l.PrefixLen)
	}
	_, err := w.put.Exec(append(args, w.written)...)
	return err
}

// Close writes what is still waiting and closes the database.
func (q *SQLite) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Join(q.write(nil), q.db.Close(), q.lock.Close())
}
