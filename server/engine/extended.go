package engine

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// extendedInfo4 keeps what the relay said with the lease, if
// store-extended-info asks for it. A query without option 82 erases nothing.
func (e *Engine) extendedInfo4(q *Query, l *lease.Lease) {
	v, ok := q.M4.Option(wire.OptAgentOptions)
	if !ok || !q.subnet.Params.StoreExtendedInfo {
		return
	}
	t := append(q.context[:0], `{ "relay-agent-info": { `...)
	for _, x := range [...]struct {
		key  string
		code byte
	}{{"relay-id", wire.RAIRelayID}, {"remote-id", wire.RAIRemoteID}} {
		if id, ok := q.M4.AgentOption(x.code); ok {
			t = appendHexMember(t, x.key, "", id)
			t = append(t, ", "...)
		}
	}
	t = appendHexMember(t, "sub-options", "0x", v)
	q.context = append(t, " } }"...)
	q.keepContext(l, contextISC)
}

// extendedInfo6 is extendedInfo4 for DHCPv6: each relay, nearest to the server
// first.
func (e *Engine) extendedInfo6(q *Query, l *lease.Lease) {
	relays := q.M6.Relays()
	if len(relays) == 0 || !q.subnet.Params.StoreExtendedInfo {
		return
	}
	t := append(q.context[:0], `{ "relay-info": [ `...)
	for i := range relays {
		r := &relays[i]
		if i > 0 {
			t = append(t, ", "...)
		}
		t = append(t, `{ "hop": `...)
		t = strconv.AppendUint(t, uint64(r.Hop), 10)
		t = append(t, `, "link": "`...)
		t = r.Link().AppendTo(t)
		t = append(t, '"')
		if len(r.Options) > 1 { // beside the relayed message
			t = append(t, `, "options": "0x`...)
			for _, o := range r.Options {
				if o.Code != wire.Opt6RelayMsg {
					n := len(o.Data)
					t = appendDigits(t, []byte{byte(o.Code >> 8), byte(o.Code), byte(n >> 8), byte(n)})
					t = appendDigits(t, o.Data)
				}
			}
			t = append(t, '"')
		}
		t = append(t, `, "peer": "`...)
		t = r.Peer().AppendTo(t)
		t = append(t, '"')
		if id, ok := r.Option(wire.Opt6RelayID); ok {
			t = appendHexMember(append(t, ", "...), "relay-id", "", id)
		}
		if id, ok := r.Option(wire.Opt6RemoteID); ok {
			t = appendHexMember(append(t, ", "...), "remote-id", "", id)
		}
		t = append(t, " }"...)
	}
	q.context = append(t, " ] }"...)
	q.keepContext(l, contextISC)
}

func appendHexMember(t []byte, key, prefix string, v []byte) []byte {
	t = append(t, '"')
	t = append(t, key...)
	t = append(t, `": "`...)
	t = append(t, prefix...)
	t = appendDigits(t, v)
	return append(t, '"')
}

func appendDigits(t, v []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range v {
		t = append(t, digits[c>>4], digits[c&15])
	}
	return t
}

// keepContext makes q.context a member of the lease's user-context. What
// operators put beside it stays.
func (q *Query) keepContext(l *lease.Lease, member string) {
	const tail = ` }`
	head := contextHeads[member]
	old := l.UserContext
	if strings.HasPrefix(old, head) && strings.HasSuffix(old, tail) &&
		old[len(head):len(old)-len(tail)] == string(q.context) {
		return
	}
	whole := head + string(q.context) + tail
	if old == "" {
		l.UserContext = whole
		return
	}
	was, _, err := config.ParseValue("", []byte(old), false)
	is, _, err2 := config.ParseValue("", []byte(whole), false)
	if err != nil || err2 != nil || was.Kind != config.Map {
		l.UserContext = whole
		return
	}
	kept, fresh := was.Get(member), is.Get(member)
	if kept == nil || kept.Kind != config.Map {
		was.Set(member, fresh)
	} else {
		for _, m := range fresh.Members {
			kept.Set(m.Key, m.Value)
		}
	}
	l.UserContext = string(bytes.TrimSpace(was.AppendJSON(nil)))
}

// contextHeads begin a user-context that has nothing but one member.
var contextHeads = map[string]string{contextISC: `{ "ISC": `, contextOurs: `{ "leasehold": `}

const contextISC = "ISC" // Kea's name for what servers note

// forgetContext takes a member out of the lease's user-context.
func forgetContext(l *lease.Lease, member string) {
	if l.UserContext == "" {
		return
	}
	v, _, err := config.ParseValue("", []byte(l.UserContext), false)
	if err != nil || v.Kind != config.Map || v.Get(member) == nil {
		return
	}
	v.Members = slices.DeleteFunc(v.Members, func(m config.Member) bool { return m.Key == member })
	if l.UserContext = ""; len(v.Members) > 0 {
		l.UserContext = string(bytes.TrimSpace(v.AppendJSON(nil)))
	}
}
