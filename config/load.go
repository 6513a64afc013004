package config

// Load reads configuration files: Dhcp4, Dhcp6 and Control-agent maps, one per
// file. The error is a Problems value with everything found; the Config is nil
// then.
func Load(files ...string) (*Config, error) { panic("config: Load is being written") }

// Parse is Load for one text; name stands in positions.
func Parse(name string, text []byte) (*Config, error) { panic("config: Parse is being written") }

// ParseFamily builds a Family (version 4 or 6) from the value of a Dhcp4 or
// Dhcp6 member, as config-set brings it. Unlike a file it may be empty.
func ParseFamily(version int, tree *Value) (*Family, Problems, error) {
	panic("config: ParseFamily is being written")
}

// ParseValue reads one JSON value in Kea's dialect: comments and, with a
// warning, trailing commas; includes only if includes is true. Nesting, size
// and duplicate keys are checked. Used for files and for commands.
func ParseValue(name string, text []byte, includes bool) (*Value, Problems, error) {
	panic("config: ParseValue is being written")
}

// AppendJSON appends v in the layout of Kea's answers: one line,
// `{ "a": 1, "b": [  ] }`, members in their order.
func (v *Value) AppendJSON(dst []byte) []byte { panic("config: AppendJSON is being written") }
