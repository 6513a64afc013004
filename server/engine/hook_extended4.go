package engine

import (
	"encoding/hex"
	"encoding/json"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// agentInfo is what a lease remembers of the relay, in the words of its
// user-context: octets in hexadecimal.
type agentInfo struct {
	RelayID    string `json:"relay-id,omitempty"`
	RemoteID   string `json:"remote-id,omitempty"`
	SubOptions string `json:"sub-options"` // option 82 without its header, after 0x
}

// extendedInfo4 keeps what the relay said with the lease, if
// store-extended-info asks for it. A query without option 82 leaves what is
// stored as it is: the client renews without its relay.
func (e *Engine) extendedInfo4(q *Query, l *lease.Lease) {
	if !q.subnet.Params.StoreExtendedInfo {
		return
	}
	v, ok := q.M4.Option(wire.OptAgentOptions)
	if !ok || len(v) == 0 || q.stashed {
		return
	}
	if had, ok := storedAgentOptions(l.UserContext); ok && string(had) == string(v) {
		return
	}
	info := agentInfo{SubOptions: "0x" + upperHex(v)}
	if id, ok := wire.SubOption4(v, wire.RAIRelayID); ok {
		info.RelayID = upperHex(id)
	}
	if id, ok := wire.SubOption4(v, wire.RAIRemoteID); ok {
		info.RemoteID = upperHex(id)
	}
	l.UserContext = withAgentInfo(l.UserContext, &info)
}

// withAgentInfo returns a lease's user-context with another relay-agent-info
// in it. Context that is no map is replaced.
func withAgentInfo(text string, info *agentInfo) string {
	context := config.NewMap()
	if text != "" {
		if v, _, err := config.ParseValue("", []byte(text), false); err == nil && v.Kind == config.Map {
			context = v
		}
	}
	isc := context.Get("ISC")
	if isc == nil || isc.Kind != config.Map {
		isc = config.NewMap()
		context.Set("ISC", isc)
	}
	m := config.NewMap()
	for _, x := range [...]struct{ key, value string }{
		{"relay-id", info.RelayID}, {"remote-id", info.RemoteID}, {"sub-options", info.SubOptions},
	} {
		if x.value != "" {
			m.Set(x.key, config.NewString(x.value))
		}
	}
	isc.Set("relay-agent-info", m)
	return string(context.AppendJSON(nil))
}

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
	var info agentInfo
	if json.Unmarshal(context.ISC.Info, &info) != nil && json.Unmarshal(context.ISC.Info, &info.SubOptions) != nil {
		return nil, false
	}
	if len(info.SubOptions) < 2 || info.SubOptions[:2] != "0x" {
		return nil, false
	}
	v, err := hex.DecodeString(info.SubOptions[2:])
	return v, err == nil && len(v) > 0
}

// upperHex writes octets as Kea does where it stores them.
func upperHex(b []byte) string {
	const digits = "0123456789ABCDEF"
	t := make([]byte, 0, 2*len(b))
	for _, c := range b {
		t = append(t, digits[c>>4], digits[c&15])
	}
	return string(t)
}

// recoverAgentOptions gives a query that bypassed the relay the option 82 that
// the client's lease remembers (stash-agent-options): a renewing client talks
// to the server directly, yet reservations and classes want to know its line.
func (e *Engine) recoverAgentOptions(q *Query) {
	m := &q.M4
	a := m.CIAddr()
	if m.Type != request4 || a.IsUnspecified() || !m.GIAddr().IsUnspecified() || m.Has(wire.OptAgentOptions) {
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
