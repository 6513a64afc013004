package logging

import (
	"bytes"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"leasehold/server/message"
)

// Kea's own layouts. Syslog adds the date itself.
const (
	keaPattern    = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m\n"
	syslogPattern = "%-5p [%c.%t] %m\n"
	jsonPattern   = "json" // ours
)

// line is what a layout prints.
type line struct {
	now  time.Time
	root string
	msg  *message.Message
	text []byte
	pid  int
}

type layout interface {
	append(dst []byte, l line) []byte
}

func newLayout(pattern, byDefault string) layout {
	switch pattern {
	case jsonPattern:
		return newJSON()
	case "":
		pattern = byDefault
	}
	return parsePattern(pattern)
}

func (l line) appendLogger(dst []byte) []byte {
	dst = append(dst, l.root...)
	if l.msg.Logger != message.Root {
		dst = append(append(dst, '.'), l.msg.Logger.String()...)
	}
	return dst
}

var zeroLevels = [...]zerolog.Level{
	message.Fatal: zerolog.FatalLevel,
	message.Error: zerolog.ErrorLevel,
	message.Warn:  zerolog.WarnLevel,
	message.Info:  zerolog.InfoLevel,
	message.Debug: zerolog.DebugLevel,
}

// jsonLayout prints one object a line, for log collectors.
type jsonLayout struct {
	buf bytes.Buffer
	log zerolog.Logger
}

func newJSON() *jsonLayout {
	j := &jsonLayout{}
	j.log = zerolog.New(&j.buf)
	return j
}

func (j *jsonLayout) append(dst []byte, l line) []byte {
	j.buf.Reset()
	name := make([]byte, 0, 32)
	j.log.WithLevel(zeroLevels[min(l.msg.Level, message.Debug)]).
		Str("time", l.now.Format("2006-01-02T15:04:05.000Z07:00")).
		Bytes("logger", l.appendLogger(name)).
		Str("id", l.msg.ID).
		Int("pid", l.pid).
		Msg(string(l.text))
	return append(dst, j.buf.Bytes()...)
}

// consoleLayout prints for somebody who watches: time of day, colour, ID.
type consoleLayout struct {
	json    *jsonLayout
	buf     bytes.Buffer
	console zerolog.ConsoleWriter
}

func newConsole() *consoleLayout {
	c := &consoleLayout{json: newJSON()}
	c.console = zerolog.ConsoleWriter{
		Out:           &c.buf,
		TimeFormat:    "15:04:05.000",
		TimeLocation:  time.Local,
		PartsOrder:    []string{zerolog.TimestampFieldName, zerolog.LevelFieldName, "id", zerolog.MessageFieldName},
		FieldsExclude: []string{"pid", "logger", "id"},
	}
	return c
}

func (c *consoleLayout) append(dst []byte, l line) []byte {
	c.buf.Reset()
	if _, err := c.console.Write(c.json.append(nil, l)); err != nil {
		return append(append(append(append(dst, l.msg.ID...), ' '), l.text...), '\n')
	}
	return append(dst, c.buf.Bytes()...)
}

// pattern is a log4cplus pattern, cut into its directives.
type pattern []directive

// directive is literal text, or one conversion with its padding.
type directive struct {
	literal  string
	conv     byte   // 0: literal
	arg      string // in braces
	min, max int    // width; max 0 = no limit
	left     bool   // padded on the right
}

// parsePattern never fails: what it does not know is printed as it stands.
func parsePattern(s string) pattern {
	var p pattern
	literal := func(t string) {
		if n := len(p); n > 0 && p[n-1].conv == 0 {
			p[n-1].literal += t
		} else {
			p = append(p, directive{literal: t})
		}
	}
	for i := 0; i < len(s); {
		if s[i] != '%' {
			literal(s[i : i+1])
			i++
			continue
		}
		start := i
		d, next := parseDirective(s, i+1)
		i = next
		switch d.conv {
		case 0:
			literal(s[start:i])
		case '%':
			literal("%")
		case 'n':
			literal("\n")
		default:
			p = append(p, d)
		}
	}
	return p
}

// parseDirective reads what follows a percent sign: [-][min][.max]conv[{arg}].
func parseDirective(s string, i int) (d directive, next int) {
	if i < len(s) && s[i] == '-' {
		d.left = true
		i++
	}
	d.min, i = parseWidth(s, i)
	if i < len(s) && s[i] == '.' {
		d.max, i = parseWidth(s, i+1)
	}
	if i >= len(s) {
		return d, i
	}
	c := s[i]
	i++
	switch c {
	case '%', 'n', 'D', 'd', 'p', 'c', 'i', 't', 'm', 'q', 'r', 'x', 'b', 'F', 'L', 'l', 'M', 'T':
		d.conv = c
	}
	if i < len(s) && s[i] == '{' && d.conv != 0 {
		for end := i; end < len(s); end++ {
			if s[end] == '}' {
				d.arg, i = s[i+1:end], end+1
				break
			}
		}
	}
	return d, i
}

func parseWidth(s string, i int) (n, next int) {
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		n = min(n*10+int(s[i]-'0'), 1000)
	}
	return n, i
}

func (p pattern) append(dst []byte, l line) []byte {
	for _, d := range p {
		if d.conv == 0 {
			dst = append(dst, d.literal...)
			continue
		}
		start := len(dst)
		dst = d.append(dst, l)
		dst = d.pad(dst, start)
	}
	return dst
}

func (d directive) append(dst []byte, l line) []byte {
	switch d.conv {
	case 'D':
		return appendTime(dst, d.arg, l.now.Local())
	case 'd':
		return appendTime(dst, d.arg, l.now.UTC())
	case 'q':
		return appendTime(dst, "%q", l.now)
	case 'p':
		return append(dst, l.msg.Level.String()...)
	case 'c':
		return l.appendLogger(dst)
	case 'i', 't', 'T':
		// Goroutines have no number: the thread is that of the process.
		return strconv.AppendInt(dst, int64(l.pid), 10)
	case 'm':
		dst = append(dst, l.msg.ID...)
		if len(l.text) > 0 {
			dst = append(append(dst, ' '), l.text...)
		}
	}
	return dst // the source code position and contexts of log4cplus: empty
}

// pad brings what stands from start to its width. log4cplus cuts at the left.
func (d directive) pad(dst []byte, start int) []byte {
	n := len(dst) - start
	if d.max > 0 && n > d.max {
		copy(dst[start:], dst[len(dst)-d.max:])
		dst, n = dst[:start+d.max], d.max
	}
	missing := d.min - n
	for range missing {
		dst = append(dst, ' ')
	}
	if missing > 0 && !d.left {
		copy(dst[start+missing:], dst[start:start+n])
		for i := start; i < start+missing; i++ {
			dst[i] = ' '
		}
	}
	return dst
}

// appendTime is strftime with %q (milliseconds) and %Q (with microseconds).
func appendTime(dst []byte, format string, t time.Time) []byte {
	if format == "" {
		format = "%Y-%m-%d %H:%M:%S"
	}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			dst = append(dst, format[i])
			continue
		}
		i++
		switch format[i] {
		case 'q':
			dst = appendDigits(dst, t.Nanosecond()/1e6, 3)
		case 'Q':
			dst = appendDigits(dst, t.Nanosecond()/1e6, 3)
			dst = append(dst, '.')
			dst = appendDigits(dst, t.Nanosecond()/1e3%1e3, 3)
		case 's':
			dst = strconv.AppendInt(dst, t.Unix(), 10)
		case '%':
			dst = append(dst, '%')
		default:
			if go1, ok := strftime[format[i]]; ok {
				dst = t.AppendFormat(dst, go1)
			} else {
				dst = append(dst, '%', format[i])
			}
		}
	}
	return dst
}

var strftime = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04",
	'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January",
	'j': "002", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'D': "01/02/06",
	'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
}

func appendDigits(dst []byte, n, width int) []byte {
	for limit := 10; width > 1; width, limit = width-1, limit*10 {
		if n < limit {
			dst = append(dst, '0')
		}
	}
	return strconv.AppendInt(dst, int64(n), 10)
}
