package page

import (
	"fmt"
	"html/template"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// functions are what templates say things with.
func (p *Page) functions() template.FuncMap {
	return template.FuncMap{
		"clock":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + "Z" },
		"machine":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":       func(t time.Time) string { return rough(p.o.Now().Sub(t)) },
		"until":     func(t time.Time) string { return ahead(t.Sub(p.o.Now())) },
		"rough":     rough,
		"number":    number,
		"grouped":   func(n any) string { return grouped(reflect.ValueOf(n).Int()) },
		"percent":   percent,
		"pace":      pace,
		"spark":     spark,
		"line":      func(level string, text any) said { return said{level, fmt.Sprint(text)} },
		"backwards": func(list []transition) []transition { list = slices.Clone(list); slices.Reverse(list); return list },
		"reverse":   func(list []decision) []decision { list = slices.Clone(list); slices.Reverse(list); return list },
		"lines":     func(list []lease, s *sight) []holding { return holdings(list, s) },
	}
}

// said is a text with how it is to be looked at.
type said struct{ Level, Text string }

// holding is a lease and who looks at it.
type holding struct {
	lease
	Sight *sight
}

func holdings(list []lease, s *sight) []holding {
	all := make([]holding, len(list))
	for i := range list {
		all[i] = holding{list[i], s}
	}
	return all
}

// rough prints a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + rough(-d)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// ahead says when something is.
func ahead(d time.Duration) string {
	if d < 0 {
		return rough(-d) + " ago"
	}
	return "in " + rough(d)
}

// number prints counts of addresses, which may be as many as IPv6 has.
func number(x float64) string {
	switch {
	case x < 1e9:
		return grouped(int64(x))
	case math.Exp2(math.Round(math.Log2(x))) == x:
		return "2" + raised(strconv.Itoa(int(math.Round(math.Log2(x)))))
	}
	mantissa, exponent, _ := strings.Cut(fmt.Sprintf("%.2e", x), "e+")
	return mantissa + " × 10" + raised(strings.TrimLeft(exponent, "0"))
}

// raised puts digits up.
func raised(digits string) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(digits)
}

// grouped prints a number with thin spaces between its thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return sign + s
}

func percent(x float64) string {
	switch {
	case x > 0 && x < 0.1:
		return "< 0.1\u202f%"
	case x > 99.9 && x < 100:
		return "> 99.9\u202f%"
	}
	return fmt.Sprintf("%.1f\u202f%%", x)
}

// pace prints queries per second.
func pace(x float64) string {
	switch {
	case x < 0:
		return "–"
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	}
	return grouped(int64(x + 0.5))
}

// spark returns the points of a line through the values, in a box of 120 by 28.
func spark(values []float64) string {
	if len(values) < 2 {
		return ""
	}
	top := max(slices.Max(values), 1e-9)
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%.1f,%.1f", 120*float64(i)/float64(len(values)-1), 26-24*v/top)
	}
	return b.String()
}

// Short is a text from elsewhere, cut to what a line has room for.
func (s *sight) Short(text string) string {
	if r := []rune(text); len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return text
}
