package engine

import (
	"encoding/hex"
	"encoding/json"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// storedAgentOptions returns the option 82 that a lease remembers. Kea before
// 2.3 wrote it as a text instead of a map.
func storedAgentOptions(userContext string) ([]byte, bool) {
	if userContext == "" {
		return nil, false
	}
	var context struct {
		ISC struct {
			Info json.RawMessage `json:"relay-agent-info"`
		}
	}
	if json.Unmarshal([]byte(userContext), &context) != nil || len(context.ISC.Info) == 0 {
		return nil, false
	}
	var info struct {
		SubOptions string `json:"sub-options"`
	}
	if json.Unmarshal(context.ISC.Info, &info) != nil && json.Unmarshal(context.ISC.Info, &info.SubOptions) != nil {
		return nil, false
	}
	if len(info.SubOptions) < 2 || info.SubOptions[:2] != "0x" {
		return nil, false
	}
	v, err := hex.DecodeString(info.SubOptions[2:])
	return v, err == nil && len(v) > 0
}

// recoverAgentOptions gives a query that bypassed the relay the option 82 that
// the client's lease remembers (stash-agent-options): a renewing client talks
// to the server directly, yet reservations and classes want to know its line.
func (e *Engine) recoverAgentOptions(q *Query) {
	m := &q.M4
	a := m.CIAddr()
	if m.Type != wire.Request4 || a.IsUnspecified() || !m.GIAddr().IsUnspecified() || m.Has(wire.OptAgentOptions) {
		return
	}
	l, ok := e.store.Get(a)
	if !ok || l.State != lease.Default || l.Expired(e.now) || !owns4(&l, q.hw, q.clientID) {
		return
	}
	v, ok := storedAgentOptions(l.UserContext)
	if !ok {
		return
	}
	m.AddOption(wire.OptAgentOptions, v)
	q.stashed = true
	e.attach(q, config.ClassStashAgentOptions)
}
