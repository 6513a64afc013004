package engine

import (
	"testing"

	"leasehold/lease"
)

// TestExtendedInfoKeepsWhatIsBesideIt: operators may put their own members
// into a lease's user-context.
func TestExtendedInfoKeepsWhatIsBesideIt(t *testing.T) {
	const fresh = `{ "relay-info": [ ] }`
	cases := []struct{ name, old, want string }{
		{"nothing", "", `{ "ISC": { "relay-info": [ ] } }`},
		{"the same", `{ "ISC": { "relay-info": [ ] } }`, `{ "ISC": { "relay-info": [ ] } }`},
		{"older", `{ "ISC": { "relay-info": [ { "hop": 1 } ] } }`, `{ "ISC": { "relay-info": [  ] } }`},
		{"a comment", `{ "comment": "x" }`, `{ "comment": "x", "ISC": { "relay-info": [  ] } }`},
		{"beside it", `{ "ISC": { "limits": 3 }, "a": 1 }`, `{ "ISC": { "limits": 3, "relay-info": [  ] }, "a": 1 }`},
		{"unreadable", `{`, `{ "ISC": { "relay-info": [ ] } }`},
	}
	for _, c := range cases {
		q, l := &Query{context: []byte(fresh)}, &lease.Lease{UserContext: c.old}
		q.keepContext(l, contextISC)
		if l.UserContext != c.want {
			t.Errorf("%s: %s, want %s", c.name, l.UserContext, c.want)
		}
	}
}
