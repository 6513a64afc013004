package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"leasehold/config"
)

// maxDepth bounds the nesting of a request.
const maxDepth = 256

// parseValue reads one JSON value with comments.
func parseValue(text []byte) (*config.Value, error) {
	dec := json.NewDecoder(bytes.NewReader(blankComments(text)))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, fmt.Errorf("%w in <wire>:0:%d", err, dec.InputOffset())
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (*config.Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := dec.Token()
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return decodeList(dec, depth)
		}
		return decodeMap(dec, depth)
	case string:
		return config.NewString(t), nil
	case bool:
		return config.NewBool(t), nil
	case json.Number:
		return number(t)
	}
	return &config.Value{}, nil
}

func decodeList(dec *json.Decoder, depth int) (*config.Value, error) {
	v := config.NewList()
	for dec.More() {
		e, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		v.List = append(v.List, e)
	}
	_, err := dec.Token()
	return v, err
}

func decodeMap(dec *json.Decoder, depth int) (*config.Value, error) {
	v := config.NewMap()
	at := make(map[string]int)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, errors.New("String expected")
		}
		e, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		// Kea: of two equal keys in a command the last one counts.
		if i, twice := at[name]; twice {
			v.Members[i].Value = e
			continue
		}
		at[name] = len(v.Members)
		v.Members = append(v.Members, config.M(name, e))
	}
	_, err := dec.Token()
	return v, err
}

func number(n json.Number) (*config.Value, error) {
	if strings.ContainsAny(n.String(), ".eE") {
		f, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("Number overflow: %s", n)
		}
		return config.NewReal(f), nil
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("Number overflow: %s", n)
	}
	return config.NewInt(i), nil
}

// blankComments replaces comments by blanks, so that positions stay.
func blankComments(text []byte) []byte {
	if bytes.IndexByte(text, '#') < 0 && bytes.IndexByte(text, '/') < 0 {
		return text
	}
	out := bytes.Clone(text)
	f := framer{depth: 1}
	for i, c := range text {
		before := f.state
		f.feed(text[i : i+1])
		f.depth, f.err = 1, nil
		switch {
		case f.state == frameBlock && before == frameSlash, f.state == frameLine && before == frameSlash:
			out[i-1], out[i] = ' ', ' '
		case before == frameLine, before == frameBlock, before == frameStar, f.state == frameLine:
			if c != '\n' {
				out[i] = ' '
			}
		}
	}
	return out
}
