package engine

import (
	"crypto/sha256"
	"net/netip"
	"strconv"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
)

// NameChange asks the DDNS server to add or remove the DNS records of a lease.
type NameChange struct {
	D2               *config.D2 // where it goes
	Remove           bool
	Forward, Reverse bool
	FQDN             string // lower case, with the final dot
	Addr             netip.Addr
	DHCID            [3 + sha256.Size]byte // RFC 4701 §3.3
	Expires          int64                 // Unix seconds
	TTL              uint32                // seconds
	Conflicts        string                // ddns-conflict-resolution-mode
}

// dnsGrant asks for the records of a lease that is granted, and takes out
// those that the lease of this address had before under another name. old may
// be the zero Lease.
func (e *Engine) dnsGrant(d *config.DDNS, old, l *lease.Lease) {
	if !e.cfg.D2.Enable || !d.SendUpdates || l.Type == lease.PD {
		return
	}
	if old.Addr.IsValid() && (holds(old, e.now) || old.State == lease.Released) {
		same := old.Hostname == l.Hostname && old.FQDNFwd == l.FQDNFwd && old.FQDNRev == l.FQDNRev &&
			old.ClientID == l.ClientID && old.HWAddr == l.HWAddr
		if same && !d.UpdateOnRenew {
			return
		}
		e.dnsRemove(old)
	}
	e.changeName(d, l, false)
}

// dnsRemove asks for the records of a lease to be taken out of DNS.
func (e *Engine) dnsRemove(l *lease.Lease) {
	if !e.cfg.D2.Enable {
		return
	}
	if d := e.ddnsOf(l); d != nil {
		e.changeName(d, l, true)
	}
}

// ddnsOf returns the DDNS parameters where a lease stands; nil if there is no
// such subnet any more.
func (e *Engine) ddnsOf(l *lease.Lease) *config.DDNS {
	if p := e.holder(l); p != nil {
		return &p.DDNS
	}
	if s := e.subnets[l.SubnetID]; s != nil {
		return &s.Params.DDNS
	}
	return nil
}

func (e *Engine) changeName(d *config.DDNS, l *lease.Lease, remove bool) {
	if l.Hostname == "" || !l.FQDNFwd && !l.FQDNRev {
		return
	}
	c := NameChange{
		D2: &e.cfg.D2, Remove: remove, Forward: l.FQDNFwd, Reverse: l.FQDNRev, FQDN: string(dotted([]byte(l.Hostname))),
		Addr: l.Addr, TTL: nameTTL(d, l.Valid), Conflicts: d.ConflictResolution,
	}
	c.Expires = l.CLTT + int64(c.TTL)
	var ok bool
	if c.DHCID, ok = dhcid(e.version, l, c.FQDN); !ok {
		e.log(nil, message.DHCP4NCRCreationFailed, "the lease of %s has no identifier", l.Addr)
		return
	}
	e.fx.Hooked.NameChanges = append(e.fx.Hooked.NameChanges, c)
	if e.on(message.DHCPSrvQueueNCR) {
		e.log(nil, message.DHCPSrvQueueNCR, "%s", c.Append(nil))
	}
}

// nameTTL is how long others may remember the records of a lease. RFC 4702 §5:
// a third of the lease, and not below ten minutes.
func nameTTL(d *config.DDNS, valid uint32) uint32 {
	if d.TTL.Set && d.TTL.Value > 0 {
		return d.TTL.Value
	}
	ttl := valid / 3
	if d.TTLPercent.Set && d.TTLPercent.Value > 0 {
		ttl = uint32(min(float64(valid)*d.TTLPercent.Value+0.5, lease.Infinite))
	}
	low := uint32(600)
	if d.TTLMin.Set && d.TTLMin.Value > 0 {
		low = d.TTLMin.Value
	}
	ttl = max(ttl, low)
	if d.TTLMax.Set && d.TTLMax.Value > 0 {
		ttl = min(ttl, d.TTLMax.Value)
	}
	return ttl
}

// Identifier types of DHCID, RFC 4701 §3.3.
const (
	dhcidHWAddr   = 0
	dhcidClientID = 1
	dhcidDUID     = 2
)

// dhcid makes the RDATA that marks a name as this client's: identifier type,
// digest type 1, SHA-256 of identifier and name in wire format.
func dhcid(version int, l *lease.Lease, fqdn string) (id [3 + sha256.Size]byte, ok bool) {
	typ := byte(dhcidClientID)
	var in []byte
	switch {
	case version == 6:
		typ, in = dhcidDUID, append(in, l.ClientID...)
	case len(l.ClientID) > 5 && l.ClientID[0] == 255:
		typ, in = dhcidDUID, append(in, l.ClientID[5:]...) // RFC 4361 §6.1: behind type and IAID
	case l.ClientID != "":
		in = append(in, l.ClientID...)
	case l.HWAddr != "":
		typ, in = dhcidHWAddr, append(append(in, byte(l.HWType)), l.HWAddr...)
	}
	if len(in) == 0 {
		return id, false
	}
	sum := sha256.Sum256(appendWireName(in, []byte(fqdn)))
	id[1], id[2] = typ, 1
	copy(id[3:], sum[:])
	return id, true
}

// Append writes the request as kea-dhcp-ddns reads it: JSON behind its length
// in two octets. Kea before 2.5 reads use-conflict-resolution, later ones
// conflict-resolution-mode.
func (c *NameChange) Append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0)
	kind := byte('0')
	if c.Remove {
		kind = '1'
	}
	b = append(append(b, `{"change-type":`...), kind)
	b = strconv.AppendBool(append(b, `,"forward-change":`...), c.Forward)
	b = strconv.AppendBool(append(b, `,"reverse-change":`...), c.Reverse)
	b = config.NewString(c.FQDN).AppendJSON(append(b, `,"fqdn":`...))
	b = append(c.Addr.AppendTo(append(b, `,"ip-address":"`...)), `","dhcid":"`...)
	const digits = "0123456789ABCDEF"
	for _, x := range c.DHCID {
		b = append(b, digits[x>>4], digits[x&15])
	}
	b = append(b, `","lease-expires-on":"`...)
	b = time.Unix(c.Expires, 0).UTC().AppendFormat(b, "20060102150405")
	b = strconv.AppendUint(append(b, `","lease-length":`...), uint64(c.TTL), 10)
	b = strconv.AppendBool(append(b, `,"use-conflict-resolution":`...), c.Conflicts == "check-with-dhcid")
	b = append(append(append(b, `,"conflict-resolution-mode":"`...), c.Conflicts...), `"}`...)
	n := len(b) - start - 2
	b[start], b[start+1] = byte(n>>8), byte(n)
	return b
}
