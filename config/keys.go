package config

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// keys.go and its tables keys_server.go and keys_maps.go are the one place that
// knows Kea's keys: where each is legal, what it holds, what it is if absent.
// The walk over a text (keys_walk.go), the defaults and config-get follow it.

// level is a kind of map in a configuration.
type level uint64

const (
	lvGlobal level = 1 << iota
	lvNetwork
	lvSubnet
	lvPool
	lvPDPool
	lvClass
	lvHost
	lvOptionDef
	lvOptionData
	lvRelay
	lvInterfaces
	lvLeaseDB
	lvDatabase
	lvExpired
	lvThreads
	lvSanity
	lvSocket
	lvAuth
	lvCredential
	lvHeader
	lvD2
	lvLogger
	lvLogOutput
	lvHook
	lvServerID
	lvCompat
	lvQueue
	lvConfigControl
	lvAgent
	lvAgentSockets
	lvAgentSocket
	lvLeasehold
	lvHTTP
	lvEvents
	lvWebhook
	levelCount = iota
)

// levelNames are what messages call the maps.
var levelNames = map[level]string{
	lvGlobal: "global", lvNetwork: "shared network", lvSubnet: "subnet", lvPool: "pool", lvPDPool: "pd-pool",
	lvClass: "client class", lvHost: "reservation", lvOptionDef: "option-def", lvOptionData: "option-data",
	lvRelay: "relay", lvInterfaces: "interfaces-config", lvLeaseDB: "lease-database", lvDatabase: "database",
	lvExpired: "expired-leases-processing", lvThreads: "multi-threading", lvSanity: "sanity-checks",
	lvSocket: "control socket", lvAuth: "authentication", lvCredential: "client", lvHeader: "http-headers",
	lvD2: "dhcp-ddns", lvLogger: "logger", lvLogOutput: "output-options", lvHook: "hooks-libraries",
	lvServerID: "server-id", lvCompat: "compatibility", lvQueue: "dhcp-queue-control",
	lvConfigControl: "config-control", lvAgent: "Control-agent", lvAgentSockets: "control-sockets", lvAgentSocket: "control socket",
	lvLeasehold: "leasehold", lvHTTP: "http", lvEvents: "events", lvWebhook: "webhook",
}

// standing says what the server makes of a key.
type standing uint8

const (
	supported standing = iota
	noEffect           // read and checked, then without effect: check says why
	refused            // a configuration with it is not loaded: check says why
)

// inheritance says how a level gets a value that it does not give itself.
type inheritance uint8

const (
	own     inheritance = iota
	derived             // taken over while reading: a config-get of the lower level shows it
	fetched             // looked up when needed: a config-get shows it only where it was given
)

// key is one row: one key at the levels where it means the same.
type key struct {
	name    string
	at      level
	family  int // 4, 6; 0 is both
	is      shape
	must    bool   // the file grammar demands it
	def     string // JSON text of the default; "" is none
	inherit inheritance
	newName string // this is an older spelling of that
	stand   standing
	why     string // reason of a standing other than supported
}

// shape is what a value must look like.
type shape struct {
	kind   Kind
	elem   Kind // of a List
	lo, hi int64
	words  []string // admitted strings
	fold   bool     // words in any case
	of     level    // of the maps; 0 is any map
}

const (
	maxUint8  = 1<<8 - 1
	maxUint16 = 1<<16 - 1
	maxUint32 = 1<<32 - 1
)

var (
	boolean  = shape{kind: Bool}
	text     = shape{kind: String}
	real     = shape{kind: Real}
	textList = shape{kind: List, elem: String}
	anyMap   = shape{kind: Map}
	uint16s  = integer(0, maxUint16)
	uint32s  = integer(0, maxUint32)
)

func integer(lo, hi int64) shape     { return shape{kind: Int, lo: lo, hi: hi} }
func words(admitted ...string) shape { return shape{kind: String, words: admitted} }
func mapOf(l level) shape            { return shape{kind: Map, of: l} }
func mapsOf(l level) shape           { return shape{kind: List, elem: Map, of: l} }

// keyTables index the rows by family, level and name.
var keyTables = indexKeys(serverKeys, scopeKeys, mapKeys)

type keyIndex [levelCount]map[string]*key

func indexKeys(tables ...[]key) (index [7]keyIndex) {
	for _, version := range []int{4, 6} {
		for l := range index[version] {
			index[version][l] = make(map[string]*key)
		}
		for _, table := range tables {
			for i := range table {
				k := &table[i]
				if k.family != 0 && k.family != version {
					continue
				}
				for l := range index[version] {
					if k.at&(1<<l) != 0 {
						index[version][l][k.name] = k
					}
				}
			}
		}
	}
	return index
}

func (l level) number() int {
	n := 0
	for l > 1 {
		l >>= 1
		n++
	}
	return n
}

// mustAt are the names of the keys that the file grammar demands, sorted.
var mustAt = func() (must [7][levelCount][]string) {
	for version := range keyTables {
		for l, table := range keyTables[version] {
			for name, k := range table {
				if k.must {
					must[version][l] = append(must[version][l], name)
				}
			}
			slices.Sort(must[version][l])
		}
	}
	return must
}()

// keysAt returns the rows of a level by name.
func keysAt(version int, l level) map[string]*key { return keyTables[version][l.number()] }

// keyElsewhere finds the levels at which a name is legal.
func keyElsewhere(version int, name string) (at []level) {
	for l := range keyTables[version] {
		if keyTables[version][l][name] != nil {
			at = append(at, level(1)<<l)
		}
	}
	return at
}

// nearestKey returns the key of a level that a misspelt name most likely means, or "".
func nearestKey(version int, l level, name string) string {
	return nearest(name, maps.Keys(keysAt(version, l)))
}

func nearest(name string, candidates iter.Seq[string]) string {
	best, bestDist := "", len(name)/3+1
	for candidate := range candidates {
		if d := editDistance(strings.ToLower(name), candidate, bestDist); d < bestDist || d == bestDist && candidate < best {
			best, bestDist = candidate, d
		}
	}
	return best
}

// editDistance counts insertions, deletions and replacements, up to limit+1.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit || len(a) > 64 {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] && !(a[i] == '_' && b[j] == '-') {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
