package config

import "strconv"

// Value is the value of an option for people: its fields with commas between
// them, octets where the format is not known. d may be nil.
func (d *OptionDef) Value(data []byte) string {
	switch {
	case d == nil || d.Type == "binary" || d.Type == "internal" || d.Type == "empty":
		return string(appendOctets(nil, data))
	case d.Type == "string" && !d.Array:
		return strconv.Quote(string(data))
	}
	var out []byte
	for i := 0; len(data) > 0 && (d.Array || i == 0 || i < len(d.Record)); i++ {
		typ := d.field(i)
		n, ok := d.fieldSize(typ, data)
		if !ok || n == 0 || n > len(data) {
			break
		}
		if i > 0 {
			out = append(out, ", "...)
		}
		switch typ {
		case "string":
			out = strconv.AppendQuote(out, string(data[:n]))
		case "fqdn":
			out = append(out, printable(appendNameText(nil, data[:n]))...)
		case "tuple":
			out = strconv.AppendQuote(out, string(data[min(d.tupleHeader(), n):n]))
		default:
			out = d.appendFieldText(out, typ, data[:n])
		}
		data = data[n:]
	}
	if len(data) > 0 {
		if len(out) > 0 {
			out = append(out, " + "...)
		}
		out = appendOctets(out, data)
	}
	return string(out)
}

// printable quotes a name if it has anything in it that a terminal acts upon.
func printable(name []byte) string {
	quoted := strconv.Quote(string(name))
	if quoted[1:len(quoted)-1] == string(name) {
		return string(name)
	}
	return quoted
}
