package config

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// maxExprDepth bounds the nesting of brackets, functions and not.
const maxExprDepth = 10000

// exprParser is a recursive descent over the tokens of one expression. Class
// tests and strings share their brackets, so every operand says which it is.
type exprParser struct {
	text    string
	tokens  []exprToken // what is left; the last one is exprEnd
	depth   int
	version int
	defs    *OptionDefs
	late    bool // evaluated after the deferred options have been decoded
	known   func(class string) (ClassID, bool, bool)

	dependsOnKnown bool
}

// operand is a compiled part: either a test or a value.
type operand struct {
	test  testNode
	value valueNode
	at    int
}

// parseExpr compiles an expression. known gives the ID of a class that
// member() may name at this place, and whether it hangs on KNOWN or UNKNOWN.
// pos is the place of the string; an error is an *exprError.
func parseExpr(text string, pos Pos, wantBool bool, version int, defs *OptionDefs, known func(class string) (id ClassID, dependsOnKnown, ok bool)) (e *Expr, dependsOnKnown bool, err error) {
	p := &exprParser{text: text, version: version, defs: defs, known: known}
	e, err = p.parse(wantBool)
	if fault, ok := err.(*exprError); ok && pos.Line > 0 {
		fault.Pos = pos
		fault.Pos.Col += 1 + fault.at // behind the quote
	}
	return e, p.dependsOnKnown, err
}

func (p *exprParser) parse(wantBool bool) (*Expr, error) {
	var err error
	if p.tokens, err = lexExpr(p.text); err != nil {
		return nil, err
	}
	op, err := p.expression()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != exprEnd {
		return nil, p.fault(t, "syntax error, unexpected "+t.String()+", expecting end of file")
	}
	e := &Expr{Text: p.text}
	if wantBool {
		e.test, err = p.wantTest(op)
	} else {
		e.node, err = p.wantValue(op)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

func (p *exprParser) peek() exprToken { return p.tokens[0] }

func (p *exprParser) next() exprToken {
	t := p.tokens[0]
	if t.kind != exprEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// is says whether the next token is this word or mark, and takes it then.
func (p *exprParser) is(text string) bool {
	if t := p.peek(); (t.kind == exprWord || t.kind == exprPunct) && t.text == text {
		p.next()
		return true
	}
	return false
}

func (p *exprParser) expect(texts ...string) error {
	for _, text := range texts {
		if !p.is(text) {
			return p.unexpected("'" + text + "'")
		}
	}
	return nil
}

func (p *exprParser) fault(t exprToken, what string) error {
	return &exprError{text: p.text, at: t.at, end: t.at + len(t.text), what: what}
}

func (p *exprParser) unexpected(wanted string) error {
	t := p.peek()
	return p.fault(t, "syntax error, unexpected "+t.String()+", expecting "+wanted)
}

func (p *exprParser) wantTest(o operand) (testNode, error) {
	if o.test == nil {
		return nil, &exprError{text: p.text, at: o.at, what: "a condition is needed here, this is a string"}
	}
	return o.test, nil
}

func (p *exprParser) wantValue(o operand) (valueNode, error) {
	if o.value == nil {
		return nil, &exprError{text: p.text, at: o.at, what: "a string is needed here, this is a condition"}
	}
	return o.value, nil
}

// chainLevels are the connectives from the loosest to the tightest.
var chainLevels = []struct {
	word        string
	stop, eager bool
}{
	{"sor", true, true}, {"or", true, false}, {"sand", false, true}, {"and", false, false},
}

func (p *exprParser) expression() (operand, error) {
	if p.depth++; p.depth > maxExprDepth {
		return operand{}, p.fault(p.peek(), "nested too deeply")
	}
	defer func() { p.depth-- }()
	return p.chain(0)
}

// chain reads the connectives of one level.
func (p *exprParser) chain(level int) (operand, error) {
	if level == len(chainLevels) {
		return p.not()
	}
	l := chainLevels[level]
	first, err := p.chain(level + 1)
	if err != nil || !p.is(l.word) {
		return first, err
	}
	c := &chain{stop: l.stop, eager: l.eager}
	op := first
	for n := 1; ; n++ {
		t, err := p.wantTest(op)
		if err != nil {
			return operand{}, err
		}
		c.list = append(c.list, t)
		if n > 1 && !p.is(l.word) {
			return operand{test: c, at: first.at}, nil
		}
		if op, err = p.chain(level + 1); err != nil {
			return operand{}, err
		}
	}
}

func (p *exprParser) not() (operand, error) {
	at := p.peek().at
	count := 0
	for p.is("not") {
		count++
	}
	op, err := p.comparison()
	if err != nil || count == 0 {
		return op, err
	}
	t, err := p.wantTest(op)
	if count%2 == 1 {
		t = not{t}
	}
	return operand{test: t, at: at}, err
}

// comparison reads a == b, or a alone.
func (p *exprParser) comparison() (operand, error) {
	left, err := p.sum()
	if err != nil || !p.is("==") {
		return left, err
	}
	a, err := p.wantValue(left)
	if err != nil {
		return operand{}, err
	}
	right, err := p.sum()
	if err != nil {
		return operand{}, err
	}
	b, err := p.wantValue(right)
	return operand{test: &equal{a, b}, at: left.at}, err
}

// sum reads a + b + ….
func (p *exprParser) sum() (operand, error) {
	first, err := p.primary()
	if err != nil || !p.is("+") {
		return first, err
	}
	var list concat
	op := first
	for n := 1; ; n++ {
		v, err := p.wantValue(op)
		if err != nil {
			return operand{}, err
		}
		if len(list) == maxConcat {
			list = concat{list}
		}
		list = append(list, v)
		if n > 1 && !p.is("+") {
			return operand{value: list, at: first.at}, nil
		}
		if op, err = p.primary(); err != nil {
			return operand{}, err
		}
	}
}

// primary reads a constant, a bracket, a reference or a function.
func (p *exprParser) primary() (operand, error) {
	t := p.next()
	o := operand{at: t.at}
	var err error
	switch t.kind {
	case exprString:
		o.value = literal(t.value)
	case exprInt:
		o.value, err = p.integerLiteral(t)
	case exprPunct:
		if t.text != "(" {
			return o, p.fault(t, "syntax error, unexpected "+t.text)
		}
		if o, err = p.expression(); err == nil {
			err = p.expect(")")
		}
		o.at = t.at
	case exprWord:
		o.test, o.value, err = p.word(t)
	default:
		return o, p.fault(t, "syntax error, unexpected end of file")
	}
	return o, err
}

func (p *exprParser) integerLiteral(t exprToken) (valueNode, error) {
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil || n < 0 || n > math.MaxUint32 {
		return nil, p.fault(t, "integer "+t.text+" is out of range")
	}
	return literal(binary.BigEndian.AppendUint32(nil, uint32(n))), nil
}

// integer reads a number within bounds.
func (p *exprParser) integer(low, high int64) (int, error) {
	t := p.peek()
	if t.kind != exprInt {
		return 0, p.unexpected("integer")
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil || n < low || n > high {
		return 0, p.fault(t, "integer "+t.text+" is not in "+strconv.FormatInt(low, 10)+".."+strconv.FormatInt(high, 10))
	}
	p.next()
	return int(n), nil
}

// quoted reads a string in quotes.
func (p *exprParser) quoted() (exprToken, error) {
	t := p.peek()
	if t.kind != exprString || !t.quoted {
		return t, p.unexpected("a string in quotes")
	}
	return p.next(), nil
}

// value reads a string expression as an argument.
func (p *exprParser) value() (valueNode, error) {
	op, err := p.expression()
	if err != nil {
		return nil, err
	}
	return p.wantValue(op)
}

// values reads string expressions separated by commas.
func (p *exprParser) values(list ...*valueNode) error {
	for i, v := range list {
		if i > 0 {
			if err := p.expect(","); err != nil {
				return err
			}
		}
		var err error
		if *v, err = p.value(); err != nil {
			return err
		}
	}
	return nil
}

// optionCode reads [code] or [name]; names are searched in spaces, in order.
func (p *exprParser) optionCode(spaces ...string) (uint16, error) {
	if err := p.expect("["); err != nil {
		return 0, err
	}
	t := p.peek()
	if t.kind == exprWord {
		for _, space := range spaces {
			if def := p.defs.ByName(space, t.text); def != nil {
				p.next()
				return def.Code, p.expect("]")
			}
		}
		return 0, p.fault(t, "option '"+t.text+"' is not defined")
	}
	high := int64(255)
	if p.version == 6 {
		high = 65535
	}
	n, err := p.integer(0, high)
	if err != nil {
		return 0, err
	}
	return uint16(n), p.expect("]")
}

// enterprise reads [number] or [*]; 0 stands for any as well.
func (p *exprParser) enterprise() (e enterpriseRef, err error) {
	if err = p.expect("["); err != nil {
		return e, err
	}
	if e.any = p.is("*"); !e.any {
		n, err := p.integer(0, math.MaxUint32)
		if err != nil {
			return e, err
		}
		e.number, e.any = uint32(n), n == 0
	}
	return e, p.expect("]")
}

// only refuses a word that the other family has.
func (p *exprParser) only(t exprToken, version int) error {
	if p.version != version {
		return p.fault(t, t.text+" can only be used in DHCPv"+strconv.Itoa(version)+".")
	}
	return nil
}

// builtinPrefixes are beginnings of class names that need no definition.
var builtinPrefixes = []string{"VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_"}

// member reads ('class').
func (p *exprParser) member() (testNode, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	t, err := p.quoted()
	if err != nil {
		return nil, err
	}
	name := string(t.value)
	id, dependsOnKnown, ok := p.known(name)
	if !ok {
		return nil, p.fault(t, "Not defined client class '"+name+"'")
	}
	p.dependsOnKnown = p.dependsOnKnown || dependsOnKnown || slices.Contains([]string{"KNOWN", "UNKNOWN"}, name)
	return member(id), p.expect(")")
}
