package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a configuration text. Line and Col count from 1; the zero
// Pos means "not from a text".
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Kind is the type of a Value.
type Kind uint8

// The kinds of JSON values. Kea tells integers from reals by their spelling.
const (
	Null Kind = iota
	Bool
	Int
	Real
	String
	List
	Map
)

// Value is one JSON value in Kea's dialect, with the place it came from.
// Values are shared between configurations: change a Clone, never an original.
type Value struct {
	Kind    Kind
	Pos     Pos
	Bool    bool
	Int     int64
	Real    float64
	Str     string
	List    []*Value
	Members []Member // Map, in the order of the text; keys are unique
}

// Member is one key of a Map.
type Member struct {
	Key   string
	Pos   Pos // of the key
	Value *Value
}

// Get returns the value of key, or nil if v is no map or has no such key.
func (v *Value) Get(key string) *Value {
	if v == nil || v.Kind != Map {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return v.Members[i].Value
		}
	}
	return nil
}

// Set replaces or appends a member of a map.
func (v *Value) Set(key string, val *Value) {
	for i := range v.Members {
		if v.Members[i].Key == key {
			v.Members[i].Value = val
			return
		}
	}
	v.Members = append(v.Members, Member{Key: key, Value: val})
}

// Remove deletes a member of a map and says whether it was there.
func (v *Value) Remove(key string) bool {
	for i := range v.Members {
		if v.Members[i].Key == key {
			v.Members = append(v.Members[:i], v.Members[i+1:]...)
			return true
		}
	}
	return false
}

// Clone returns a deep copy.
func (v *Value) Clone() *Value {
	if v == nil {
		return nil
	}
	c := *v
	if v.List != nil {
		c.List = make([]*Value, len(v.List))
		for i, e := range v.List {
			c.List[i] = e.Clone()
		}
	}
	if v.Members != nil {
		c.Members = make([]Member, len(v.Members))
		for i, m := range v.Members {
			c.Members[i] = Member{m.Key, m.Pos, m.Value.Clone()}
		}
	}
	return &c
}

// NewMap, NewList, NewString, NewInt, NewReal and NewBool make values that
// come from no text.
func NewMap(members ...Member) *Value { return &Value{Kind: Map, Members: members} }

func NewList(elems ...*Value) *Value { return &Value{Kind: List, List: elems} }

func NewString(s string) *Value { return &Value{Kind: String, Str: s} }

func NewInt(i int64) *Value { return &Value{Kind: Int, Int: i} }

func NewReal(f float64) *Value { return &Value{Kind: Real, Real: f} }

func NewBool(b bool) *Value { return &Value{Kind: Bool, Bool: b} }

// M is short for a Member that comes from no text.
func M(key string, v *Value) Member { return Member{Key: key, Value: v} }

// AppendJSON appends v in the layout of Kea's answers: one line,
// `{ "a": 1, "b": [  ] }`, members in their order.
func (v *Value) AppendJSON(dst []byte) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch v.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Bool)
	case Int:
		return strconv.AppendInt(dst, v.Int, 10)
	case Real:
		return appendReal(dst, v.Real)
	case String:
		return appendString(dst, v.Str)
	case List:
		dst = append(dst, "[ "...)
		for i, e := range v.List {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = e.AppendJSON(dst)
		}
		return append(dst, " ]"...)
	case Map:
		dst = append(dst, "{ "...)
		for i := range v.Members {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendString(dst, v.Members[i].Key)
			dst = append(dst, ": "...)
			dst = v.Members[i].Value.AppendJSON(dst)
		}
		return append(dst, " }"...)
	}
	return append(dst, "null"...)
}

// appendReal keeps a real a real: 1 is written 1.0.
func appendReal(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	if slices.ContainsFunc(dst[n:], func(c byte) bool { return c == '.' || c == 'e' }) {
		return dst
	}
	return append(dst, ".0"...)
}

// appendString: bytes beyond 0x7e are written \u00hh one by one, as Kea does.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		c := s[i]
		if j := strings.IndexByte("\"\\\b\f\n\r\t", c); j >= 0 {
			dst = append(dst, '\\', `"\bfnrt`[j])
		} else if c < 0x20 || c >= 0x7f {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// sortKeys puts the members of v and of every map in it in Kea's order.
func (v *Value) sortKeys() {
	for _, e := range v.List {
		e.sortKeys()
	}
	slices.SortFunc(v.Members, func(a, b Member) int { return strings.Compare(a.Key, b.Key) })
	for i := range v.Members {
		v.Members[i].Value.sortKeys()
	}
}
