package page

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// A pool that loses 60 addresses an hour and has 30 left is full in half an hour.
func TestOutlook(t *testing.T) {
	now, free, received := noon, 150.0, int64(0)
	p := New(Options{Now: func() time.Time { return now }, Families: func() []Family { return serving4 },
		Ask: func(context.Context, int, string, any) (json.RawMessage, error) {
			return json.Marshal(map[string]any{
				"counts":  []any{map[string]any{"name": "pkt4-received", "value": received}},
				"subnets": []any{map[string]any{"id": 1, "pools": []any{map[string]any{"first": "192.0.2.1", "last": "192.0.2.200", "size": 200, "free": free}}}},
			})
		}})
	here := pool{First: "192.0.2.1", Last: "192.0.2.200", Size: 200}
	if o := p.trend.outlook(4, 1, here); o.Known {
		t.Errorf("before any measurement: %+v", o)
	}
	for range 2 * 60 * poolEvery {
		p.Measure(t.Context())
		now, free, received = now.Add(measureEvery), free-1.0/poolEvery, received+50
	}
	here.Free = free
	o := p.trend.outlook(4, 1, here)
	if !o.Known || o.Hour < 59.9 || o.Hour > 60.1 || o.Full < 29*time.Minute || o.Full > 31*time.Minute {
		t.Errorf("%+v with %v free", o, free)
	}
	if pace := p.trend.pace(4); pace < 4.99 || pace > 5.01 {
		t.Errorf("pace %v", pace)
	}
	if n := len(p.trend.paces(4)); n != paceKept {
		t.Errorf("%d paces are kept", n)
	}
	received = 0 // the counters were reset
	p.Measure(t.Context())
	if pace := p.trend.pace(4); pace < 0 {
		t.Errorf("pace %v after a reset", pace)
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		number(1048576): "1\u202f048\u202f576", number(1 << 64): "2⁶⁴", number(3e20): "3.00 × 10²⁰", number(0): "0",
		percent(0.01): "< 0.1\u202f%", percent(99.95): "> 99.9\u202f%", percent(100): "100.0\u202f%",
		rough(90 * time.Minute): "90 min", ahead(-time.Hour): "60 min ago", grouped(-1234): "−1\u202f234",
		pool{First: "2001:db8::", Last: "2001:db8::ffff:ffff:ffff:ffff"}.Range(): "2001:db8::/64",
		pool{First: "192.0.2.10", Last: "192.0.2.19"}.Range():                    "192.0.2.10 – 192.0.2.19",
		pool{First: "0.0.0.0", Last: "255.255.255.255"}.Range():                  "0.0.0.0/0",
		pool{First: "192.0.2.4", Last: "192.0.2.5"}.Range():                      "192.0.2.4/31",
		pool{First: nasty, Last: ""}.Range():                                     nasty + " – ",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Octets that were escaped one by one are characters again; what is no UTF-8
// is shown as such.
func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`"93\u00c2\u00b5s"`: "93µs", `"a\\u00c2"`: `a\u00c2`, `"\u00ff"`: "\ufffd", `"\u20ac \"x\""`: `€ "x"`, `"\u0041"`: "A",
	} {
		var got string
		if err := decode([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %q %v", text, got, err)
		}
	}
}
