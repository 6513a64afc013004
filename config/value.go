package config

import "fmt"

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
