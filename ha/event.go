package ha

import (
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// On says what an Event is about.
type On uint8

const (
	OnTick       On = iota // the time of the last DoWake has come; harmless at any other
	OnAnswer               // ID, Answer: a command of DoSend is answered, or will never be
	OnOutOfScope           // Query: a message was left to the partner
	OnCommitted            // Token, Changes, HWAddr, ClientID: leases were changed for a client
	OnCommand              // Token, Request: an ha-* command came in
	OnClosed               // Peer: a peer closed an idle connection
	OnLeave                // Token: the server is about to stop; DoAnswer says that it may
	OnShort                // Shares: our side of these pools runs out of free resources
)

// Event is one input of a Machine. Which fields count is said at On; nothing
// in it is kept after Step unless said so.
type Event struct {
	On     On
	ID     uint64
	Answer Answer
	Query  Query
	Peer   string

	// Token names whatever waits for the outcome: a parked response, the
	// caller of a command. 0 = nobody.
	Token uint64
	// Changes are the new and changed leases and the deletions of one
	// exchange, reused leases left out, with their numbers in the change
	// stream. Empty: the response is released at once.
	Changes []lease.Change
	// HWAddr and ClientID are the client's, as in Query.
	HWAddr, ClientID []byte

	// More says that another event follows at once: updates for one of us may
	// gather until then.
	More bool

	Request Request
	Shares  []Share
	Stream  Stream // Epoch and Seq of our own change stream; with every event

	// Wall is the clock on the wall where that is not the now of Step: clocks
	// of a simulation. Zero: now.
	Wall time.Time
}

// Do says what an Action asks for.
type Do uint8

const (
	// DoSend: send Command to Peer and bring the outcome back as OnAnswer with
	// the same ID, exactly once: the answer, or an error after Timeout. Fresh
	// asks for a connection of its own; sends that are Fresh and carry the same
	// Series share it. Command is not to be touched once the answer is brought.
	DoSend Do = iota
	// DoAnswer: Reply is the answer to the command, or leave, of Token.
	DoAnswer
	// DoRelease: all acknowledgements for the response of Token are in.
	DoRelease
	// DoDrop: the response of Token must never leave; Reason says why.
	DoDrop
	// DoApply: put Changes into the lease store. A lease that is there is
	// replaced when its CLTT is older than the new one's; Merge: not newer, and
	// a Delete removes the lease of the same client unless that is newer.
	// News: they are of the partner's change stream, after what was known of it,
	// and the partner had all of ours up to Since when it told of them.
	// In hub and spoke only leases of the relationship's subnets count.
	DoApply
	// DoServe: Scopes are served from now on (InScope knows already).
	DoServe
	// DoService: enable or disable Switches for Origin, as On says.
	DoService
	// DoWake: bring OnTick at At, and no longer at the time asked for before.
	// The zero time: never.
	DoWake
	// DoLog: write Entry.
	DoLog
	// DoRemember: keep Point across restarts, once everything applied before is
	// durable; see Machine.Resume.
	DoRemember
	// DoTake: move our boundary of each pool of Shares up to the one there,
	// which is the partner's, if that makes our side larger. DoYield: move it
	// there if that makes our side smaller; the partner's is in the middle of
	// every pool that is not in Shares.
	DoTake
	DoYield
)

// Action is one output of a Machine. They are to be carried out in order.
type Action struct {
	Do      Do
	On      bool
	Fresh   bool
	Merge   bool
	News    bool
	ID      uint64
	Series  uint64
	Since   uint64
	Token   uint64
	Origin  uint32
	Timeout time.Duration
	At      time.Time
	Peer    *config.Peer
	Command *Command
	Changes []lease.Change
	Scopes  []string
	Reason  string
	Reply   *Reply
	Entry   *Entry
	Point   Point
	Shares  []Share
}

// Entry is a message for the log. ID is Kea's identifier.
type Entry struct {
	ID     string
	Level  string // debug, info, warn, error
	Text   string
	Fields []Field
}

// Append writes the entry as one line: our own name first, as Kea 3 does, then
// the text, then the other fields.
func (e *Entry) Append(dst []byte) []byte {
	for _, f := range e.Fields {
		if f.Key == "server" {
			dst = append(append(dst, f.Value...), ": "...)
		}
	}
	dst = append(dst, e.Text...)
	for _, f := range e.Fields {
		if f.Key != "server" {
			dst = append(append(append(dst, ", "...), f.Key...), ": "...)
			dst = append(dst, f.Value...)
		}
	}
	return dst
}

// Field is one parameter of an Entry.
type Field struct{ Key, Value string }

// Stream is a position in a server's change stream, as it tells its partner.
type Stream struct {
	Epoch uint64 // which run of the store; 0 = no stream
	Seq   uint64 // last change
	// Sent is the last change up to which the partner has all, Missing whether
	// changes after it were made that will not be sent.
	Sent    uint64
	Missing bool
}

// Point is how far we know the partner's change stream.
type Point struct {
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// Features are what two of us speak beside Kea's protocol. Zero: a Kea.
type Features struct {
	Batch   bool // leasehold-lease-batch
	Stream  bool // leasehold-lease-changes
	Goodbye bool // leasehold-goodbye; and a refused connection means a dead process
	Heal    bool // leaves terminated by itself
	Halves  bool // gives free addresses of its own half of undivided pools only
	Demand  bool // leasehold-pool-share: the halves follow demand
	Healed  bool // in terminated: its own cause is gone
}
