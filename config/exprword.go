package config

import (
	"math"
	"strings"
)

// word reads what starts with a keyword.
func (p *exprParser) word(t exprToken) (testNode, valueNode, error) {
	switch t.text {
	case "option":
		code, err := p.optionCode(standardSpace(p.version))
		if err != nil {
			return nil, nil, err
		}
		return p.reference(optionRef{code: code, def: p.topLevel(code)})
	case "relay4":
		if err := p.only(t, 4); err != nil {
			return nil, nil, err
		}
		const space = "dhcp-agent-options-space"
		code, err := p.optionCode(space)
		if err != nil {
			return nil, nil, err
		}
		return p.reference(optionRef{source: refRelay4, code: code, def: p.defs.Lookup(space, code)})
	case "relay6":
		if err := p.only(t, 6); err != nil {
			return nil, nil, err
		}
		return p.relay6()
	case "vendor":
		return p.vendor()
	case "vendor-class":
		return p.vendorClass()
	case "pkt", "pkt4", "pkt6":
		v, err := p.packetField(t)
		return nil, v, err
	case "member":
		n, err := p.member()
		return n, nil, err
	case "match":
		n, err := p.match()
		return n, nil, err
	}
	v, err := p.function(t)
	return nil, v, err
}

// topLevel returns the definition that a received option has been decoded
// with. Kea decodes 43 and 224 to 254 only after classification, by the
// definitions of the classes found; class tests see octets.
func (p *exprParser) topLevel(code uint16) *OptionDef {
	if p.version == 4 && !p.late && (code == 43 || code >= 224) {
		return nil
	}
	return p.defs.Lookup(standardSpace(p.version), code)
}

// reference reads the .option[code] steps and the final .text, .hex or .exists.
func (p *exprParser) reference(r optionRef) (testNode, valueNode, error) {
	r.version = p.version
	for {
		if err := p.expect("."); err != nil {
			return nil, nil, err
		}
		switch {
		case p.is("hex"):
			return nil, &optionHex{r}, nil
		case p.is("text"):
			return nil, &optionText{r, p.defs}, nil
		case p.is("exists"):
			return &optionExists{r}, nil, nil
		case !p.is("option"):
			return nil, nil, p.unexpected("option, text, hex or exists")
		}
		spaces := []string{standardSpace(p.version)}
		if r.def != nil && r.def.Encapsulate != "" {
			spaces = []string{r.def.Encapsulate, spaces[0]}
		}
		code, err := p.optionCode(spaces...)
		if err != nil {
			return nil, nil, err
		}
		step := nestedRef{parent: r.def, code: code}
		r.def, step.padded = p.defs.child(r.def, code)
		r.nested = append(r.nested, step)
	}
}

// relay6 reads [level].option[code]…, [level].peeraddr and [level].linkaddr.
func (p *exprParser) relay6() (testNode, valueNode, error) {
	if err := p.expect("["); err != nil {
		return nil, nil, err
	}
	level, err := p.integer(-32, 31) // RFC 9915: HOP_COUNT_LIMIT and more relays than anybody has
	if err == nil {
		err = p.expect("]", ".")
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case p.is("peeraddr"):
		return nil, relayField{level, false}, nil
	case p.is("linkaddr"):
		return nil, relayField{level, true}, nil
	case !p.is("option"):
		return nil, nil, p.unexpected("option, peeraddr or linkaddr")
	}
	code, err := p.optionCode("dhcp6")
	if err != nil {
		return nil, nil, err
	}
	return p.reference(optionRef{source: refRelay6, level: level, code: code, def: p.defs.Lookup("dhcp6", code)})
}

// vendor reads .enterprise, [n].exists and [n].option[code]….
func (p *exprParser) vendor() (testNode, valueNode, error) {
	if p.is(".") {
		return nil, vendorEnterprise(vendorCode(p.version)), p.expect("enterprise")
	}
	e, err := p.enterprise()
	if err == nil {
		err = p.expect(".")
	}
	if err != nil {
		return nil, nil, err
	}
	if p.is("exists") {
		return &vendorExists{vendorCode(p.version), e}, nil, nil
	}
	if !p.is("option") {
		return nil, nil, p.unexpected("option or exists")
	}
	code, err := p.optionCode()
	if err != nil {
		return nil, nil, err
	}
	return p.reference(optionRef{source: refVendor, enterprise: e, code: code, def: p.defs.vendorDef(e, code)})
}

// vendorClass reads .enterprise, [n].exists and [n].data[index].
func (p *exprParser) vendorClass() (testNode, valueNode, error) {
	if p.is(".") {
		return nil, vendorEnterprise(vendorClassCode(p.version)), p.expect("enterprise")
	}
	e, err := p.enterprise()
	if err == nil {
		err = p.expect(".")
	}
	if err != nil {
		return nil, nil, err
	}
	if p.is("exists") {
		return &vendorExists{vendorClassCode(p.version), e}, nil, nil
	}
	if !p.is("data") {
		return nil, nil, p.unexpected("data or exists")
	}
	n := &vendorClassData{enterprise: e, version: p.version}
	if p.is("[") {
		if n.index, err = p.integer(0, 255); err != nil {
			return nil, nil, err
		}
		err = p.expect("]")
	}
	return nil, n, err
}

// packetFields are the words behind pkt, pkt4 and pkt6.
var packetFields = map[string]Field{
	"pkt.iface": PktIface, "pkt.src": PktSrc, "pkt.dst": PktDst, "pkt.len": PktLen,
	"pkt4.mac": Pkt4MAC, "pkt4.hlen": Pkt4HLen, "pkt4.htype": Pkt4HType, "pkt4.ciaddr": Pkt4CIAddr,
	"pkt4.giaddr": Pkt4GIAddr, "pkt4.yiaddr": Pkt4YIAddr, "pkt4.siaddr": Pkt4SIAddr,
	"pkt4.msgtype": PktMsgType, "pkt4.transid": PktTransID,
	"pkt6.msgtype": PktMsgType, "pkt6.transid": PktTransID,
}

func (p *exprParser) packetField(t exprToken) (valueNode, error) {
	if t.text != "pkt" {
		if err := p.only(t, int(t.text[3]-'0')); err != nil {
			return nil, err
		}
	}
	if err := p.expect("."); err != nil {
		return nil, err
	}
	f, ok := packetFields[t.text+"."+p.peek().text]
	if !ok {
		return nil, p.unexpected("a field of " + t.text)
	}
	p.next()
	return field(f), nil
}

// function reads the arguments of a function that gives a string.
func (p *exprParser) function(t exprToken) (valueNode, error) {
	var parse func(exprToken) (valueNode, error)
	switch t.text {
	case "substring":
		parse = p.substring
	case "split":
		parse = p.split
	case "concat":
		parse = p.concat
	case "hexstring":
		parse = p.hexstring
	case "ifelse", "sifelse":
		parse = p.choice
	case "lcase", "ucase":
		parse = p.letterCase
	case "addrtotext", "int8totext", "int16totext", "int32totext", "uint8totext", "uint16totext", "uint32totext":
		parse = p.toText
	default:
		return nil, p.fault(t, "syntax error, unexpected "+t.text)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	v, err := parse(t)
	if err != nil {
		return nil, err
	}
	return v, p.expect(")")
}

func (p *exprParser) substring(exprToken) (valueNode, error) {
	n := &substring{}
	err := p.values(&n.a)
	if err == nil {
		err = p.expect(",")
	}
	if err == nil {
		n.start, err = p.integer(math.MinInt64, math.MaxInt64)
	}
	if err == nil {
		err = p.expect(",")
	}
	if err != nil {
		return nil, err
	}
	if n.all = p.is("all"); !n.all {
		n.length, err = p.integer(math.MinInt64, math.MaxInt64)
	}
	return n, err
}

func (p *exprParser) split(exprToken) (valueNode, error) {
	n := &split{}
	err := p.values(&n.a, &n.delimiters)
	if err == nil {
		err = p.expect(",")
	}
	if err == nil {
		n.field, err = p.integer(math.MinInt64, math.MaxInt64)
	}
	return n, err
}

func (p *exprParser) concat(exprToken) (valueNode, error) {
	n := make(concat, 2)
	return n, p.values(&n[0], &n[1])
}

func (p *exprParser) hexstring(exprToken) (valueNode, error) {
	n := &hexstring{}
	return n, p.values(&n.a, &n.separator)
}

func (p *exprParser) choice(t exprToken) (valueNode, error) {
	op, err := p.expression()
	if err != nil {
		return nil, err
	}
	n := &choice{eager: t.text == "sifelse"}
	if n.cond, err = p.wantTest(op); err == nil {
		err = p.expect(",")
	}
	if err != nil {
		return nil, err
	}
	return n, p.values(&n.a, &n.b)
}

func (p *exprParser) letterCase(t exprToken) (valueNode, error) {
	n := &letterCase{upper: t.text == "ucase"}
	return n, p.values(&n.a)
}

func (p *exprParser) toText(t exprToken) (valueNode, error) {
	n := &toText{name: t.text, signed: t.text[0] == 'i'}
	switch {
	case strings.Contains(t.text, "int8"):
		n.size = 1
	case strings.Contains(t.text, "int16"):
		n.size = 2
	case strings.Contains(t.text, "int32"):
		n.size = 4
	}
	return n, p.values(&n.a)
}

// match reads ('regular expression', string).
func (p *exprParser) match() (testNode, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	t, err := p.quoted()
	if err != nil {
		return nil, err
	}
	n := &match{}
	if n.re, err = compileRegex(string(t.value)); err != nil {
		return nil, p.fault(t, err.Error())
	}
	if err = p.expect(","); err != nil {
		return nil, err
	}
	if err = p.values(&n.a); err != nil {
		return nil, err
	}
	return n, p.expect(")")
}
