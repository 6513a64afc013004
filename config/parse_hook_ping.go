package config

import "time"

// PingCheck is libdhcp_ping_check: which addresses are probed before they are
// offered.
type PingCheck struct {
	Default PingParams
	Subnets map[uint32]PingParams // those that have their own
}

// PingParams are how the addresses of a subnet are probed.
type PingParams struct {
	Enabled  bool
	Requests uint32        // without an answer, until an address counts as free
	Timeout  time.Duration // for the answer to each
	// CLTT is for how many seconds after its last exchange the client that had
	// an address is offered it again unprobed.
	CLTT uint32
}

// Of returns the parameters of a subnet.
func (p *PingCheck) Of(subnet uint32) PingParams {
	if own, ok := p.Subnets[subnet]; ok {
		return own
	}
	return p.Default
}

// pingKeys are the parameters that a subnet may have, too.
var pingKeys = []string{"enable-ping-check", "min-ping-requests", "reply-timeout", "ping-cltt-secs"}

// pingCheck reads the parameters of libdhcp_ping_check, and those of subnets in
// user-context/ping-check. One socket serves all probes: ping-channel-threads
// is read without effect.
func (h hookReader) pingCheck(v *Value, t, top *trail) {
	if h.version != 4 {
		h.bad("hook", h.pos, t, "libdhcp_ping_check.so is for DHCPv4 only", "remove it")
		return
	}
	h.known(v, t, append([]string{"ping-channel-threads"}, pingKeys...)...)
	h.integer(v, "ping-channel-threads", 0, 0, maxUint32, t)
	p := &PingCheck{Subnets: make(map[uint32]PingParams)}
	p.Default = h.pingParams(v, PingParams{Enabled: true, Requests: 1, Timeout: 100 * time.Millisecond, CLTT: 60}, t)
	for i, s := range h.f.Subnets {
		own := s.UserContext.Get("ping-check")
		if own == nil {
			continue
		}
		at := top.key(h.subnetKey()).at(i).key("user-context").key("ping-check")
		if own.Kind != Map {
			h.bad("hook-parameter", own.Pos, at, "ping-check must be a map", "")
			continue
		}
		h.known(own, at, pingKeys...)
		p.Subnets[s.ID] = h.pingParams(own, p.Default, at)
	}
	h.f.PingCheck = p
}

// maxPingMS keeps a client waiting for an hour at most.
const maxPingMS = 3600_000

func (h hookReader) pingParams(v *Value, absent PingParams, t *trail) PingParams {
	return PingParams{
		Enabled:  h.flag(v, "enable-ping-check", absent.Enabled, t),
		Requests: uint32(h.integer(v, "min-ping-requests", int64(absent.Requests), 1, maxUint32, t)),
		Timeout:  time.Duration(h.integer(v, "reply-timeout", absent.Timeout.Milliseconds(), 1, maxPingMS, t)) * time.Millisecond,
		CLTT:     uint32(h.integer(v, "ping-cltt-secs", int64(absent.CLTT), 0, maxUint32, t)),
	}
}
