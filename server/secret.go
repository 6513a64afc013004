package server

import (
	"slices"

	"leasehold/config"
	"leasehold/server/control"
)

// secrets are the keys whose values open doors.
var secrets = []string{"password", "basic-auth-password", "secret"}

// shownTo is a configuration as a caller may see it: who may not change it is
// not told the passwords of those who may.
func shownTo(c *control.Command, v *config.Value) *config.Value {
	if c.Caller.Role >= control.Change {
		return v
	}
	return redacted(v)
}

// redacted hides secrets. What has none is shared with the original.
func redacted(v *config.Value) *config.Value {
	whole := v
	own := func() {
		if v == whole {
			copied := *whole
			copied.List, copied.Members = slices.Clone(whole.List), slices.Clone(whole.Members)
			v = &copied
		}
	}
	for i, e := range whole.List {
		if x := redacted(e); x != e {
			own()
			v.List[i] = x
		}
	}
	for i, m := range whole.Members {
		x := m.Value
		if slices.Contains(secrets, m.Key) && x.Kind == config.String {
			x = config.NewString("*****")
		} else {
			x = redacted(x)
		}
		if x != m.Value {
			own()
			v.Members[i].Value = x
		}
	}
	return v
}
