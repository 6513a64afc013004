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
	columns := 13
	if q.v6 {
		columns = 18
	}
	var err error
	q.put, err = q.db.Prepare("INSERT OR REPLACE INTO " + q.table() +
		" VALUES (?" + strings.Repeat(", ?", columns-1) + ")")
	if err != nil {
		return err
	}
	q.del, err = q.db.Prepare("DELETE FROM " + q.table() + " WHERE address = ?")
	return err
}

func (q *SQLite) table() string {
	if q.v6 {
		return "lease6"
	}
	return "lease4"
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
	rows, err := q.db.Query("SELECT * FROM " + q.table())
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

func (q *SQLite) scan(rows *sql.Rows) (l Lease, err error) {
	var n int64
	var b, hw, id []byte
	to := []any{&n, &hw, &id, &l.Valid, &l.CLTT, &l.SubnetID, &l.FQDNFwd, &l.FQDNRev, &l.Hostname,
		&l.State, &l.UserContext, &l.PoolID, &l.HWType}
	if q.v6 {
		to[0] = &b
		to = append(to, &l.HWSource, &l.Preferred, &l.Type, &l.IAID, &l.PrefixLen)
	}
	if err := rows.Scan(to...); err != nil {
		return l, err
	}
	if q.v6 {
		if len(b) != 16 {
			return l, fmt.Errorf("an address has %d bytes", len(b))
		}
		l.Addr = netip.AddrFrom16([16]byte(b))
	} else {
		l.Addr = addr4(n).addr()
	}
	if l.State >= states {
		return l, fmt.Errorf("lease %v is in state %d", l.Addr, l.State)
	}
	l.HWAddr, l.ClientID = string(hw), string(id)
	return l, nil
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
	put, del := tx.Stmt(q.put), tx.Stmt(q.del)
	for i := range changes {
		if err := q.change(put, del, &changes[i]); err != nil {
			return err
		}
	}
	for _, c := range q.waiting {
		if err := q.change(put, del, &c); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (q *SQLite) change(put, del *sql.Stmt, c *Change) error {
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
		_, err := del.Exec(address)
		return err
	}
	args := []any{address, []byte(l.HWAddr), []byte(l.ClientID), l.Valid, l.CLTT, l.SubnetID,
		l.FQDNFwd, l.FQDNRev, l.Hostname, l.State, l.UserContext, l.PoolID, l.HWType}
	if q.v6 {
		args = append(args, l.HWSource, l.Preferred, l.Type, l.IAID, l.PrefixLen)
	}
	_, err := put.Exec(args...)
	return err
}

// Close writes what is still waiting and closes the database.
func (q *SQLite) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Join(q.write(nil), q.db.Close(), q.lock.Close())
}
