package control

import (
	"errors"
	"fmt"

	"leasehold/config"
)

// parseEnvelope reads one request. The error is the text of Kea's answer, in
// the words of Kea 3, with result 1.
func parseEnvelope(text []byte) (*Command, error) {
	v, err := parseValue(text)
	if err != nil {
		return nil, err
	}
	c, err := envelope(v)
	if err != nil {
		return nil, fmt.Errorf("Error during command processing: %w", err)
	}
	c.Text = text
	return c, nil
}

var kindNames = [...]string{
	config.Null: "null", config.Bool: "boolean", config.Int: "integer", config.Real: "real",
	config.String: "string", config.List: "list", config.Map: "map",
}

func envelope(v *config.Value) (*Command, error) {
	if v.Kind != config.Map {
		return nil, fmt.Errorf("invalid command: expected toplevel entry to be a map, got %s instead", kindNames[v.Kind])
	}
	c := &Command{}
	named := false
	for _, m := range v.Members {
		switch m.Key {
		case "command":
			if m.Value.Kind != config.String {
				return nil, errors.New("'command' element in command message is not a string")
			}
			c.Name, named = m.Value.Str, true
		case "arguments":
			c.Arguments = m.Value
		case "service":
			c.Service = m.Value
		case "remote":
			c.Remote = m.Value
		default:
			return nil, fmt.Errorf("invalid command: unsupported parameter '%s'", m.Key)
		}
	}
	if !named {
		return nil, errors.New("invalid command: does not contain mandatory 'command'")
	}
	return c, nil
}

// framer finds the end of a JSON object or list in a stream, as Kea does: by
// its brackets, with strings and comments skipped. It never looks at a byte twice.
type framer struct {
	depth int
	state frameState
	err   error
	n     int // bytes looked at
}

type frameState uint8

const (
	frameOutside frameState = iota // of strings and comments
	frameString
	frameEscape
	frameSlash // one / seen
	frameLine  // comment to the end of the line
	frameBlock
	frameStar // in a block comment, * seen
)

// feed looks at more of the stream and says whether the value is complete:
// then n is its length. A request that cannot begin a command ends with err.
func (f *framer) feed(p []byte) (complete bool) {
	for _, c := range p {
		f.n++
		switch f.state {
		case frameOutside:
			if f.outside(c) {
				return true
			}
		case frameString:
			switch c {
			case '\\':
				f.state = frameEscape
			case '"':
				f.state = frameOutside
			}
		case frameEscape:
			f.state = frameString
		case frameSlash:
			switch c {
			case '/':
				f.state = frameLine
			case '*':
				f.state = frameBlock
			default:
				f.err = fmt.Errorf("invalid first character %c", '/')
				return true
			}
		case frameLine:
			if c == '\n' {
				f.state = frameOutside
			}
		case frameBlock:
			if c == '*' {
				f.state = frameStar
			}
		case frameStar:
			switch c {
			case '/':
				f.state = frameOutside
			case '*':
			default:
				f.state = frameBlock
			}
		}
	}
	return false
}

func (f *framer) outside(c byte) (complete bool) {
	switch c {
	case '{', '[':
		f.depth++
		return false
	case '/':
		f.state = frameSlash
		return false
	case '#':
		f.state = frameLine
		return false
	case ' ', '\t', '\r', '\n':
		return false
	}
	if f.depth == 0 {
		f.err = fmt.Errorf("invalid first character %c", c)
		return true
	}
	switch c {
	case '"':
		f.state = frameString
	case '}', ']':
		f.depth--
		return f.depth == 0
	}
	return false
}
