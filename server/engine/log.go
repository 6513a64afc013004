package engine

import (
	"fmt"
	"net/netip"
	"strconv"

	"leasehold/server/message"
)

// on says whether a message is wanted; ask before making costly arguments.
func (e *Engine) on(m *message.Message) bool { return e.enabled(m) }

// log adds a line about a query (nil: about none) to the effects.
func (e *Engine) log(q *Query, m *message.Message, format string, args ...any) {
	if !e.enabled(m) {
		return
	}
	start := e.logBegin(q)
	e.fx.LogText = fmt.Appendf(e.fx.LogText, format, args...)
	e.logEnd(m, start)
}

// logLease is log for the line that every exchange writes, without fmt.
func (e *Engine) logLease(q *Query, m *message.Message, text string, a netip.Addr, seconds int64) {
	if !e.enabled(m) {
		return
	}
	start := e.logBegin(q)
	t := append(e.fx.LogText, text...)
	t = a.AppendTo(t)
	if seconds >= 0 {
		t = append(t, " for "...)
		t = strconv.AppendInt(t, seconds, 10)
		t = append(t, " seconds"...)
	}
	e.fx.LogText = t
	e.logEnd(m, start)
}

func (e *Engine) logBegin(q *Query) int {
	start := len(e.fx.LogText)
	if q != nil {
		e.fx.LogText = q.appendLabel(e.fx.LogText, e.version)
		e.fx.LogText = append(e.fx.LogText, ": "...)
	}
	return start
}

func (e *Engine) logEnd(m *message.Message, start int) {
	e.fx.Log = append(e.fx.Log, message.Entry{Msg: m, Start: start, End: len(e.fx.LogText)})
}

// appendLabel names the client and the exchange as Kea's lines do.
func (q *Query) appendLabel(t []byte, version int) []byte {
	if version == 6 {
		return q.appendLabel6(t)
	}
	if len(q.M4.Data()) < 240 {
		return append(t, "[no hwaddr info]"...)
	}
	t = append(t, "[hwtype="...)
	t = strconv.AppendUint(t, uint64(q.M4.HType()), 10)
	t = append(t, ' ')
	t = appendHex(t, q.M4.CHAddr())
	t = append(t, "], cid=["...)
	if id, ok := q.M4.Option(61); ok {
		t = appendHex(t, id)
	} else {
		t = append(t, "no info"...)
	}
	t = append(t, "], tid=0x"...)
	return strconv.AppendUint(t, uint64(q.M4.XID()), 16)
}

const hexDigits = "0123456789abcdef"

// appendHex writes bytes as Kea does: colon separated, lower case.
func appendHex(t, b []byte) []byte {
	for i, c := range b {
		if i > 0 {
			t = append(t, ':')
		}
		t = append(t, hexDigits[c>>4], hexDigits[c&15])
	}
	return t
}

// logReceived4 tells of a query when somebody looks closely; what becomes of
// it is told in any case.
func (e *Engine) logReceived4(q *Query) {
	if e.on(message.DHCP4PacketReceived) {
		iface := "unknown"
		if q.Arrival.Iface != nil {
			iface = q.Arrival.Iface.Name
		}
		e.log(q, message.DHCP4PacketReceived, "%s (type %d) received from %s to %s on interface %s",
			typeName(4, q.M4.Type), q.M4.Type, q.Arrival.Src.Addr(), q.Arrival.Dst.Addr(), iface)
	}
	if e.on(message.DHCP4QueryData) {
		e.log(q, message.DHCP4QueryData, "query of %d octets: %x", len(q.Data), q.Data)
	}
}

// logSent does so for a response; data may be nil.
func (e *Engine) logSent(q *Query, sent, data *message.Message) {
	d := &q.Departure
	if e.on(sent) {
		e.log(q, sent, "%s (type %d) leaves from %s to %s", typeName(e.version, q.sent), q.sent, d.Src, d.Dst)
	}
	if data != nil && e.on(data) {
		e.log(q, data, "response of %d octets: %x", len(q.Response), q.Response)
	}
}
