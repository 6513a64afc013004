package replay

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/server/wire"
)

// Field is one thing that a response says.
type Field struct {
	Name string // "address", "option 3 (routers)"
	Text string
	raw  string
}

// Difference is a field that two responses do not have in common; Ours or Theirs
// is "" where it is absent.
type Difference struct {
	Field  string
	Ours   string
	Theirs string
}

// addressField is the name of the field that holds the address of a DHCPv4 client.
const addressField = "address"

// Fields tells what a response says, in a fixed order. nil has no fields.
func Fields(f *config.Family, response []byte) []Field {
	switch {
	case response == nil:
		return nil
	case f.Version == 4:
		return fields4(f, response)
	}
	return fields6(f, response)
}

// Compare tells what two responses do not have in common. nil stands for no
// answer.
func Compare(f *config.Family, ours, theirs []byte) []Difference {
	a, b := Fields(f, ours), Fields(f, theirs)
	if len(a) == 0 || len(b) == 0 || a[0] != b[0] {
		if len(a)+len(b) == 0 {
			return nil
		}
		return []Difference{{"answer", Summary(f, ours), Summary(f, theirs)}}
	}
	return compareFields(a, b)
}

// Differ tells what the replies of two Sides do not have in common.
func Differ(f *config.Family, ours, theirs *Reply) []Difference {
	if ours.Data != nil && theirs.Data != nil {
		return Compare(f, ours.Data, theirs.Data)
	}
	a, b := ours.Decision.Outcome(), theirs.Decision.Outcome()
	if a == b || ours.Data == nil && theirs.Data == nil && ours.Decision.Drop() == theirs.Decision.Drop() {
		return nil
	}
	return []Difference{{"answer", a, b}}
}

func compareFields(a, b []Field) []Difference {
	var ds []Difference
	named := func(list []Field, name string) *Field {
		if i := slices.IndexFunc(list, func(x Field) bool { return x.Name == name }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	for _, x := range a {
		switch y := named(b, x.Name); {
		case y == nil:
			ds = append(ds, Difference{x.Name, x.Text, ""})
		case y.raw != x.raw:
			ds = append(ds, Difference{x.Name, x.Text, y.Text})
		}
	}
	for _, y := range b {
		if named(a, y.Name) == nil {
			ds = append(ds, Difference{y.Name, "", y.Text})
		}
	}
	return ds
}

// TypeName names a message type as logs do.
func TypeName(version int, t byte) string {
	if version == 4 {
		return "DHCP" + dhcpv4.MessageType(t).String()
	}
	if int(t) < len(typeNames6) && typeNames6[t] != "" {
		return typeNames6[t]
	}
	return fmt.Sprintf("type %d", t)
}

var typeNames6 = [...]string{
	wire.Solicit: "SOLICIT", wire.Advertise: "ADVERTISE", wire.Request: "REQUEST", wire.Confirm: "CONFIRM",
	wire.Renew: "RENEW", wire.Rebind: "REBIND", wire.Reply: "REPLY", wire.Release: "RELEASE", wire.Decline: "DECLINE",
	wire.InformationRequest: "INFORMATION_REQUEST",
}

func fields4(f *config.Family, b []byte) []Field {
	m, err := dhcpv4.FromBytes(b)
	if err != nil {
		return []Field{{"message", "malformed: " + err.Error(), string(b)}}
	}
	fields := []Field{{"type", TypeName(4, byte(m.MessageType())), string(rune(m.MessageType()))}}
	add := func(name, text string) {
		if text != "" && text != "0.0.0.0" {
			fields = append(fields, Field{name, text, text})
		}
	}
	add(addressField, m.YourIPAddr.String())
	add("ciaddr", m.ClientIPAddr.String())
	add("next-server", m.ServerIPAddr.String())
	add("server-hostname", m.ServerHostName)
	add("boot-file-name", m.BootFileName)
	for code := range 255 {
		v, ok := m.Options[uint8(code)]
		if !ok || code == wire.OptMessageType {
			continue
		}
		fields = append(fields, optionField(f, "dhcp4", uint16(code), v))
	}
	return fields
}

func optionField(f *config.Family, space string, code uint16, v []byte) Field {
	d := f.Defs.Lookup(space, code)
	name := "option " + strconv.Itoa(int(code))
	if d != nil {
		name += " (" + d.Name + ")"
	}
	return Field{name, d.Value(v), string(v)}
}

func fields6(f *config.Family, b []byte) []Field {
	var m wire.Message6
	if err := m.DecodeResponse(b); err != nil {
		return []Field{{"message", "malformed: " + err.Error(), string(b)}}
	}
	fields := []Field{{"type", TypeName(6, m.Type), string(rune(m.Type))}}
	seen := map[uint16]int{}
	for i := range m.Options {
		o := &m.Options[i]
		if association(o) != "" && len(o.Data) >= 12 {
			fields = append(fields, associationFields(o)...)
			continue
		}
		x := optionField(f, "dhcp6", o.Code, o.Data)
		if seen[o.Code]++; seen[o.Code] > 1 {
			x.Name += fmt.Sprintf(" #%d", seen[o.Code])
		}
		if o.Code == wire.Opt6StatusCode {
			x = statusField("status", o.Data)
		}
		fields = append(fields, x)
	}
	return fields
}

// statusField leaves the text of a status aside: it is for people.
func statusField(name string, v []byte) Field {
	code := uint16(v[0])<<8 | uint16(v[1])
	return Field{name, fmt.Sprintf("%d %q", code, v[2:]), strconv.Itoa(int(code))}
}

func associationFields(o *wire.Option6) []Field {
	kind := "IA_NA"
	if o.Code == wire.Opt6IAPD {
		kind = "IA_PD"
	}
	name := fmt.Sprintf("%s %d", kind, wire.IA(o.Data).IAID())
	t := func(at int) uint32 {
		return uint32(o.Data[at])<<24 | uint32(o.Data[at+1])<<16 | uint32(o.Data[at+2])<<8 | uint32(o.Data[at+3])
	}
	times := fmt.Sprintf("%d, %d", t(4), t(8))
	fields := []Field{{name + " T1, T2", times, times}}
	n := 0
	eachResource(o, func(code uint16, v []byte) {
		r := wire.ReadIAResource(code, v)
		n++
		what, text := "address", r.Addr.String()
		if code == wire.Opt6IAPrefix {
			what, text = "prefix", fmt.Sprintf("%s/%d", r.Addr, r.Len)
		}
		if n > 1 {
			what += fmt.Sprintf(" #%d", n)
		}
		life := fmt.Sprintf("%s, %s", seconds(r.Preferred), seconds(r.Valid))
		fields = append(fields, Field{name + " " + what, text, text}, Field{name + " " + what + " lifetimes", life, life})
	})
	if v, ok := wire.SubOption6(wire.IA(o.Data).Options(), wire.Opt6StatusCode); ok && len(v) >= 2 {
		fields = append(fields, statusField(name+" status", v))
	} else if n == 0 {
		fields = append(fields, Field{name + " status", "nothing", ""})
	}
	return fields
}

func seconds(n uint32) string {
	if n == 1<<32-1 {
		return "infinite"
	}
	return (time.Duration(n) * time.Second).String()
}

// Summary tells in a few words what a response says.
func Summary(f *config.Family, response []byte) string {
	if response == nil {
		return "no answer"
	}
	text := ""
	for i, x := range Fields(f, response) {
		switch {
		case i == 0:
			text = x.Text
		case x.Name == addressField:
			text += " " + x.Text
		case f.Version == 4 && x.Name == leaseTimeField:
			text += " for " + x.Text + " s"
		case f.Version == 6 && isResource(x.Name):
			text += " " + x.Text
		case x.Name == "status" || f.Version == 6 && len(x.Name) > 7 && x.Name[len(x.Name)-7:] == " status":
			text += ", status " + x.Text
		}
	}
	return text
}

const leaseTimeField = "option 51 (dhcp-lease-time)"

func isResource(name string) bool {
	for _, end := range [...]string{" address", " prefix"} {
		if len(name) > len(end) && name[len(name)-len(end):] == end {
			return true
		}
	}
	return false
}

// pooled says whether an address could be given to a client of a subnet: a pool of
// it, or of a subnet of its shared network, has it.
func pooled(f *config.Family, subnet uint32, a netip.Addr) bool {
	i := slices.IndexFunc(f.Subnets, func(s *config.Subnet) bool { return s.ID == subnet })
	if i < 0 {
		return false
	}
	for _, s := range f.Subnets {
		if s != f.Subnets[i] && (s.Network == nil || s.Network != f.Subnets[i].Network) {
			continue
		}
		for _, p := range slices.Concat(s.Pools, s.PDPools) {
			if p.First.Compare(a) <= 0 && a.Compare(p.Last) <= 0 {
				return true
			}
		}
	}
	return false
}
