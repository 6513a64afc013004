package convert

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// exprISC translates an expression of dhcpd.conf into Kea's. Data expressions
// become strings of octets in both.
type exprISC struct {
	c     *isc
	words []word
	pos   int
	depth int
}

// errExpression is why an expression cannot be said in Kea's language.
type errExpression string

func (e errExpression) Error() string { return string(e) }

// boolean translates a whole boolean expression.
func (c *isc) boolean(words []word) (string, error) {
	x := &exprISC{c: c, words: words}
	text, err := x.or()
	if err == nil && x.pos < len(words) {
		err = errExpression(fmt.Sprintf("%q is not understood", words[x.pos].text))
	}
	return text, err
}

// data translates a whole data expression.
func (c *isc) data(words []word) (string, error) {
	x := &exprISC{c: c, words: words}
	text, err := x.value()
	if err == nil && x.pos < len(words) {
		err = errExpression(fmt.Sprintf("%q is not understood", words[x.pos].text))
	}
	return text, err
}

func (x *exprISC) peek() string {
	if x.pos < len(x.words) && !x.words[x.pos].quoted {
		return strings.ToLower(x.words[x.pos].text)
	}
	return ""
}

func (x *exprISC) take(text string) bool {
	if x.peek() == text {
		x.pos++
		return true
	}
	return false
}

func (x *exprISC) need(text string) error {
	if !x.take(text) {
		return errExpression(text + " is missing")
	}
	return nil
}

func (x *exprISC) or() (string, error) {
	if x.depth++; x.depth > deepest {
		return "", errExpression("it is nested too deep")
	}
	defer func() { x.depth-- }()
	a, err := x.and()
	for err == nil && x.take("or") {
		var b string
		if b, err = x.and(); err == nil {
			a = "(" + a + ") or (" + b + ")"
		}
	}
	return a, err
}

func (x *exprISC) and() (string, error) {
	a, err := x.not()
	for err == nil && x.take("and") {
		var b string
		if b, err = x.not(); err == nil {
			a = "(" + a + ") and (" + b + ")"
		}
	}
	return a, err
}

func (x *exprISC) not() (string, error) {
	if x.depth++; x.depth > deepest {
		return "", errExpression("it is nested too deep")
	}
	defer func() { x.depth-- }()
	switch {
	case x.take("not"):
		a, err := x.not()
		return "not (" + a + ")", err
	case x.take("known"):
		return "member('KNOWN')", nil
	case x.take("exists"):
		o, err := x.option()
		return o + ".exists", err
	case x.peek() == "(":
		x.pos++
		a, err := x.or()
		if err == nil {
			err = x.need(")")
		}
		return a, err
	case x.peek() == "static", x.peek() == "check":
		return "", errExpression(x.peek() + " has no counterpart")
	}
	return x.comparison()
}

func (x *exprISC) comparison() (string, error) {
	hardware := x.peek() == "hardware"
	a, err := x.value()
	if err != nil {
		return "", err
	}
	op := x.peek()
	x.pos++
	switch op {
	case "=", "==", "!=":
		b, err := x.value()
		if err != nil {
			return "", err
		}
		if hardware {
			if b, err = withoutType(b); err != nil {
				return "", err
			}
		}
		if op == "!=" {
			return "not (" + a + " == " + b + ")", nil
		}
		return a + " == " + b, nil
	case "~=":
		if x.pos < len(x.words) && x.words[x.pos].quoted && !strings.Contains(x.words[x.pos].text, "'") {
			x.pos++
			return "match('.*(" + x.words[x.pos-1].text + ").*', " + a + ")", nil
		}
	}
	return "", errExpression("the comparison " + op + " has no counterpart")
}

// withoutType takes the hardware type off a literal of type and address.
func withoutType(literal string) (string, error) {
	if rest, ok := strings.CutPrefix(literal, "0x01"); ok && rest != "" {
		return "0x" + rest, nil
	}
	return "", errExpression("hardware can be compared with an Ethernet address only")
}

func (x *exprISC) value() (string, error) {
	if x.depth++; x.depth > deepest {
		return "", errExpression("it is nested too deep")
	}
	defer func() { x.depth-- }()
	if x.pos < len(x.words) && x.words[x.pos].quoted {
		x.pos++
		return quotedText(x.words[x.pos-1].text), nil
	}
	switch w := x.peek(); w {
	case "option":
		o, err := x.option()
		return o + ".hex", err
	case "hardware":
		x.pos++
		return "pkt4.mac", x.c.only4("hardware")
	case "substring":
		return x.substring()
	case "suffix":
		return x.suffix()
	case "concat":
		return x.concat()
	case "lcase", "ucase":
		x.pos++
		args, err := x.arguments(1)
		if err != nil {
			return "", err
		}
		return w + "(" + args[0] + ")", nil
	case "":
		return "", errExpression("something is missing at its end")
	default:
		if b, ok := octets(w); ok {
			x.pos++
			return "0x" + hex.EncodeToString(b), nil
		}
		return "", errExpression(w + " has no counterpart")
	}
}

// option reads "option space.name", or the name alone behind exists.
func (x *exprISC) option() (string, error) {
	x.take("option")
	if x.pos == len(x.words) {
		return "", errors.New("an option is missing")
	}
	name := x.words[x.pos].text
	x.pos++
	switch strings.ToLower(name) {
	case "agent.circuit-id":
		return "relay4[1]", x.c.only4(name)
	case "agent.remote-id":
		return "relay4[2]", x.c.only4(name)
	case "agent.link-selection":
		return "relay4[5]", x.c.only4(name)
	}
	d, err := x.c.lookup(name)
	if err != nil {
		return "", err
	}
	if d.space != standardSpace(x.c.version) {
		if space := d.space; space == "vendor-encapsulated-options" || x.c.vendor == space {
			return fmt.Sprintf("option[43].option[%d]", d.code), nil
		}
		return "", errExpression("options of space " + d.space + " cannot be asked for")
	}
	return fmt.Sprintf("option[%d]", d.code), nil
}

// arguments reads n data expressions in parentheses.
func (x *exprISC) arguments(n int) (list []string, err error) {
	if err := x.need("("); err != nil {
		return nil, err
	}
	for i := range n {
		if i > 0 {
			if err := x.need(","); err != nil {
				return nil, err
			}
		}
		a, err := x.value()
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, x.need(")")
}

func (x *exprISC) number() (int, error) {
	n, err := strconv.Atoi(x.peek())
	if err != nil {
		return 0, errExpression(fmt.Sprintf("%q is no number", x.peek()))
	}
	x.pos++
	return n, nil
}

func (x *exprISC) substring() (string, error) {
	x.pos++
	if err := x.need("("); err != nil {
		return "", err
	}
	hardware := x.peek() == "hardware"
	a, err := x.value()
	if err != nil {
		return "", err
	}
	var n [2]int
	for i := range n {
		if err := x.need(","); err != nil {
			return "", err
		}
		if n[i], err = x.number(); err != nil {
			return "", err
		}
	}
	if hardware { // it begins with the hardware type
		if n[0] == 0 {
			return "", errExpression("the hardware type cannot be asked for")
		}
		n[0]--
	}
	return fmt.Sprintf("substring(%s, %d, %d)", a, n[0], n[1]), x.need(")")
}

func (x *exprISC) suffix() (string, error) {
	x.pos++
	if err := x.need("("); err != nil {
		return "", err
	}
	a, err := x.value()
	if err != nil {
		return "", err
	}
	if err := x.need(","); err != nil {
		return "", err
	}
	n, err := x.number()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("substring(%s, -%d, all)", a, n), x.need(")")
}

func (x *exprISC) concat() (string, error) {
	x.pos++
	if err := x.need("("); err != nil {
		return "", err
	}
	text, err := x.value()
	if err != nil {
		return "", err
	}
	for x.take(",") {
		b, err := x.value()
		if err != nil {
			return "", err
		}
		text = "concat(" + text + ", " + b + ")"
	}
	return text, x.need(")")
}
