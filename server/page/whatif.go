package page

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

// whatIf is a client that is described in a form, and what it would get.
type whatIf struct {
	Version   int // family
	Client    string
	Type      string   // of the message, one of Types
	Types     []string // "" is the one that a client begins with
	Prefix    bool
	Fields    []whatIfField
	Wrong     string // why there is no answer
	Evaluated *struct {
		Decision decision
		Options  []option
	}
}

// whatIfField is a line of the form beside the client: a member of the command's
// arguments.
type whatIfField struct{ Key, Name, Hint, Value string }

// option is one of a response, and where it comes from.
type option struct {
	Code                           int
	Name, Data, Value, Level, File string
	Line                           int
}

// Text is the value as it is read best.
func (o option) Text() string {
	if o.Value != "" {
		return o.Value
	}
	return o.Data
}

// From is the level of the configuration, and the place.
func (o option) From() string {
	if o.File == "" {
		return o.Level
	}
	return fmt.Sprintf("%s, %s:%d", o.Level, o.File, o.Line)
}

// whatIf evaluates a described query, one at a time: it costs as much as all
// leases do.
func (p *Page) whatIf(r *http.Request, s *sight) error {
	get := func(key string) string { return strings.TrimSpace(r.FormValue(key)) }
	x := &whatIf{Client: get("client"), Type: get("type"), Types: []string{"", "request"}, Prefix: get("prefix") != "", Fields: []whatIfField{
		{"interface", "Interface", "eth0", ""}, {"relay", "Relay", "192.0.2.1", ""}, {"requested", "Asks for", "192.0.2.10", ""},
		{"hostname", "Host name", "", ""}, {"vendor-class", "Vendor class", "", ""}, {"client-id", "Client identifier (v4)", "01:02:00:5e:10:00:01", ""},
	}}
	s.WhatIf = x
	for _, f := range s.Families {
		if f.Version == 6 {
			x.Types = []string{"", "request", "renew", "rebind", "information-request"}
		}
		if x.Version == 0 || get("family") == fmt.Sprint(f.Version) {
			x.Version = f.Version
		}
	}
	arguments := map[string]any{"hw-address": x.Client}
	if mac, err := net.ParseMAC(x.Client); x.Version == 6 && (err != nil || len(mac) != 6) {
		arguments = map[string]any{"duid": x.Client}
	}
	if x.Type != "" {
		arguments["type"] = x.Type
	}
	if x.Prefix {
		arguments["prefix"] = true
	}
	size := len(x.Client) + len(x.Type)
	for i := range x.Fields {
		f := &x.Fields[i]
		f.Value = get(f.Key)
		size += len(f.Value)
		if f.Value != "" {
			arguments[f.Key] = f.Value
		}
	}
	switch {
	case x.Client == "":
	case x.Version == 0:
		x.Wrong = errNoFamily.Error()
	case size > maxQuery:
		x.Wrong = "That is too long to be in a query."
	case !p.evaluating.TryLock():
		x.Wrong = "Another query is being evaluated. Try again."
	default:
		defer p.evaluating.Unlock()
		raw, err := p.o.Ask(r.Context(), x.Version, "leasehold-what-if", arguments)
		if err == nil && len(raw) > 0 {
			err = decode(raw, &x.Evaluated)
		}
		if err != nil {
			x.Wrong = err.Error()
		}
	}
	return nil
}
