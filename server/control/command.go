package control

import (
	"bytes"
	"context"
	"strconv"

	"leasehold/config"
)

// Handler carries out commands. It is called from many goroutines at once.
type Handler interface {
	// Handle returns the answer to one command. ctx ends when the door closes.
	Handle(ctx context.Context, c *Command) Answer
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, c *Command) Answer

func (f HandlerFunc) Handle(ctx context.Context, c *Command) Answer { return f(ctx, c) }

// Command is one request, its envelope checked.
type Command struct {
	Name      string
	Arguments *config.Value // nil if there are none; of any kind
	Service   *config.Value // nil if absent; of any kind
	Remote    *config.Value // nil if absent
	Text      []byte        // the request as it came
	Caller    Caller
}

// Caller says who sent a command, and how.
type Caller struct {
	Transport string // unix, http, https
	Addr      string // the caller's address, or the path of our unix socket
	User      string // "" if nobody asked
	Role      Role
}

// Role is what a caller may do, or what a command demands; each includes those
// below it.
type Role uint8

const (
	Read    Role = iota // look at configuration, leases, state
	Operate             // steer the running service: dhcp-disable, ha-*, leases
	Change              // configuration, shutdown
)

// ParseRole reads a role of a configuration. Kea knows no roles: "" may do everything.
func ParseRole(s string) (Role, bool) {
	switch s {
	case "read":
		return Read, true
	case "operate":
		return Operate, true
	case "change", "":
		return Change, true
	}
	return Read, false
}

func (r Role) String() string { return [...]string{"read", "operate", "change"}[r] }

// Result codes of Kea's answers.
const (
	Success     = 0
	Failure     = 1
	Unsupported = 2
	Empty       = 3
	Conflict    = 4
	Unrecovered = 5
)

// Answer is what a command gives back.
type Answer struct {
	Result    int
	Text      string // "" = no such member
	Arguments []byte // JSON in Kea's layout; nil = no such member
	// Parts are Arguments in pieces, instead of them: a long list is written as
	// it was gathered and never stands in one place.
	Parts [][]byte
	Raw   []byte // the whole answer as another process gave it; instead of the others
}

// Append appends the answer as one JSON object.
func (a Answer) Append(dst []byte) []byte {
	if a.Raw != nil {
		return append(dst, a.Raw...)
	}
	if a.Parts != nil {
		return append(dst, bytes.Join(a.pieces(), nil)...)
	}
	return AppendAnswer(dst, a.Result, a.Text, a.Arguments)
}

// pieces are what Append appends, without copying Parts.
func (a Answer) pieces() [][]byte {
	if a.Parts == nil {
		return [][]byte{a.Append(nil)}
	}
	whole := AppendAnswer(nil, a.Result, a.Text, []byte{})
	head := len(`{ "arguments": `)
	pieces := append(make([][]byte, 0, len(a.Parts)+2), whole[:head])
	return append(append(pieces, a.Parts...), whole[head:])
}

// result is the result code, for the audit line.
func (a Answer) result() int {
	if a.Raw == nil {
		return a.Result
	}
	// Members are sorted, so the last one of that name is the answer's own;
	// inside a string its quotes would be escaped.
	_, after, _ := bytes.Cut(a.Raw[max(bytes.LastIndex(a.Raw, []byte(`"result"`)), 0):], []byte(":"))
	digits, _, _ := bytes.Cut(bytes.TrimLeft(after, " "), []byte(","))
	n, err := strconv.Atoi(string(bytes.TrimRight(digits, " }")))
	if err != nil {
		return Failure
	}
	return n
}

// AppendAnswer appends an answer in Kea's layout: members in the order of the
// alphabet, one blank around everything. Empty text and nil arguments are left out.
func AppendAnswer(dst []byte, result int, text string, arguments []byte) []byte {
	dst = append(dst, "{ "...)
	if arguments != nil {
		dst = append(dst, `"arguments": `...)
		dst = append(dst, arguments...)
		dst = append(dst, ", "...)
	}
	dst = append(dst, `"result": `...)
	dst = strconv.AppendInt(dst, int64(result), 10)
	if text != "" {
		dst = append(dst, `, "text": `...)
		dst = AppendString(dst, text)
	}
	return append(dst, " }"...)
}

// AppendString appends s as a JSON string. Kea escapes every byte outside
// printable ASCII on its own, also the bytes of one UTF-8 character.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < 0x20 || c >= 0x7f {
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}
