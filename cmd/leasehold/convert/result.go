package convert

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
)

// Note is a line that was not carried over, or not exactly.
type Note struct {
	File string
	Line int
	Text string
}

func (n Note) String() string { return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text) }

// Result is a converted configuration: a file of Kea's with one Dhcp4 or Dhcp6
// map, and what did not fit into it.
type Result struct {
	Config *config.Value
	Notes  []Note
}

// Options say what a file does not.
type Options struct {
	Version    int        // 4 or 6; 0 = as the file looks
	Interfaces []string   // to listen on; empty = as the file says, else all
	Address    netip.Addr // dnsmasq: its own address, which it gives to clients
	// Read returns the text of a file that is included.
	Read func(name string) ([]byte, error)
}

type notes []Note

func (n *notes) add(file string, line int, format string, args ...any) {
	*n = append(*n, Note{file, line, fmt.Sprintf(format, args...)})
}

// sorted returns the notes by file, in the order the files come up, and line.
func (n notes) sorted() []Note {
	order := map[string]int{}
	for _, x := range n {
		if _, ok := order[x.File]; !ok {
			order[x.File] = len(order)
		}
	}
	slices.SortStableFunc(n, func(a, b Note) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return slices.Compact(n)
}

func str(s string) *config.Value { return config.NewString(s) }
func num[T int | int64 | uint32 | uint64 | uint16 | byte](n T) *config.Value {
	return config.NewInt(int64(n))
}

func push(v *config.Value, key string, e *config.Value) {
	list := v.Get(key)
	if list == nil {
		list = config.NewList()
		v.Set(key, list)
	}
	list.List = append(list.List, e)
}

// escaped protects the commas of one field of option data.
func escaped(s string) string { return strings.ReplaceAll(s, ",", `\,`) }

// standardDefs are the option definitions that every server has.
func standardDefs(version int) *config.OptionDefs {
	f, _, err := config.ParseFamily(version, config.NewMap())
	if err != nil {
		panic(err) // an empty map is a configuration
	}
	return f.Defs
}

func standardSpace(version int) string { return fmt.Sprintf("dhcp%d", version) }

// octets reads hexadecimal octets with colons between them.
func octets(s string) ([]byte, bool) {
	var out []byte
	for _, part := range strings.Split(s, ":") {
		if len(part) == 1 {
			part = "0" + part
		}
		b, err := hex.DecodeString(part)
		if err != nil || len(b) != 1 {
			return nil, false
		}
		out = append(out, b...)
	}
	return out, len(out) > 0
}

// colons writes octets with colons between them.
func colons(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(parts, ":")
}

// class is a client class with its name in Kea's form.
func classMap(name, test string) *config.Value {
	v := config.NewMap(config.M("name", str(name)))
	if test != "" {
		v.Set("test", str(test))
	}
	return v
}

// quotedText is a literal of class expressions.
func quotedText(s string) string {
	if s == "" || strings.ContainsAny(s, "'\n\r") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "0x" + hex.EncodeToString([]byte(s))
	}
	return "'" + s + "'"
}

func contains(p netip.Prefix, first, last netip.Addr) bool {
	return p.Contains(first) && p.Contains(last)
}
