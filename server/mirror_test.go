package server

import (
	"strings"
	"testing"

	"leasehold/config"
)

func TestMirrorHasNoCredentials(t *testing.T) {
	v, _, err := config.ParseValue("t", []byte(`{ "lease-database": { "type": "memfile", "password": "x1" },
		"peers": [ { "name": "a", "basic-auth-user": "u", "basic-auth-password": "x2" }, { "basic-auth-password-file": "x3" } ],
		"clients": [ { "user": "u", "user-file": "x4", "password-file": "x5" } ], "secret": "x6" }`), false)
	if err != nil {
		t.Fatal(err)
	}
	withhold(v)
	got := string(v.AppendJSON(nil))
	if strings.Contains(got, "x") {
		t.Errorf("a credential is left in %s", got)
	}
	if !strings.Contains(got, `"name": "a", "basic-auth-user": "u"`) || !strings.Contains(got, "memfile") {
		t.Errorf("more than credentials is gone: %s", got)
	}
}
