package config

// OptionDefs are the option definitions that apply at one level: the standard
// ones of the family and those of option-def.
type OptionDefs struct {
	bySpace map[string][]*OptionDef
}

// OptionDef describes the format of one option code in a space.
type OptionDef struct {
	Name        string
	Code        uint16
	Space       string
	Type        string // binary, boolean, … record
	Array       bool
	Record      []string // record-types
	Encapsulate string
	Pos         Pos
}
