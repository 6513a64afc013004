package lease

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var errSlow = errors.New("not a row")

// slowRow reads a row by the plainest means. What is wrong with it does not
// matter here.
func slowRow(line string, v6 bool, sc schema) (l Lease, gone bool, err error) {
	f := strings.Split(line, ",")
	if len(f) < sc.min || len(f) > sc.max {
		return l, false, errSlow
	}
	f = append(f, make([]string, maxColumns)...)
	number := func(s string, most uint64) uint64 {
		n, e := strconv.ParseUint(s, 10, 64)
		if e != nil || n > most || strings.HasPrefix(s, "+") {
			err = errSlow
		}
		return n
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	expire := func(s string) int64 {
		n := int64(number(strings.TrimPrefix(s, "-"), 1<<60))
		if strings.HasPrefix(s, "-") {
			return -n
		}
		return n
	}
	octets := func(s string) string {
		var b []byte
		for s != "" {
			// Two digits, or one before a colon or the end.
			n := 1
			if len(s) > 1 && s[1] != ':' {
				n = 2
			}
			x, e := hex.DecodeString(strings.Repeat("0", 2-n) + s[:n])
			if e != nil {
				err = errSlow
				return ""
			}
			b, s = append(b, x...), s[n:]
			if rest, colon := strings.CutPrefix(s, ":"); colon {
				if s = rest; s == "" {
					err = errSlow
				}
			}
		}
		return string(b)
	}
	text := func(s string) string {
		parts := strings.Split(s, "&#x")
		for i, p := range parts[1:] {
			if len(p) >= 2 {
				if x, e := hex.DecodeString(p[:2]); e == nil {
					parts[i+1] = string(x) + p[2:]
					continue
				}
			}
			parts[i+1] = "&#x" + p
		}
		return strings.Join(parts, "")
	}
	if l.Addr, _ = netip.ParseAddr(f[0]); !l.Addr.IsValid() || l.Addr.Is6() != v6 || l.Addr.Zone() != "" || l.Addr.Is4In6() {
		err = errSlow
	}
	context := ""
	if !v6 {
		l.HWAddr, l.ClientID, l.HWType = octets(f[1]), octets(f[2]), 1
		l.Valid, l.CLTT, l.SubnetID = uint32(number(f[3], 1<<32-1)), expire(f[4]), uint32(number(f[5], 1<<32-1))
		l.FQDNFwd, l.FQDNRev, l.Hostname = number(f[6], 1) == 1, number(f[7], 1) == 1, text(f[8])
		l.State, context, l.PoolID = State(number(or(f[9], "0"), 4)), text(f[10]), uint32(number(or(f[11], "0"), 1<<32-1))
		if len(l.ClientID) == 1 || len(l.ClientID) > 255 || len(l.HWAddr) > 255 || l.State == Registered ||
			l.HWAddr == "" && l.ClientID == "" && l.State != Declined {
			err = errSlow
		}
	} else {
		l.ClientID, l.Valid, l.CLTT = octets(f[1]), uint32(number(f[2], 1<<32-1)), expire(f[3])
		l.SubnetID, l.Preferred, l.Type = uint32(number(f[4], 1<<32-1)), uint32(number(f[5], 1<<32-1)), Type(number(f[6], 2))
		l.IAID, l.PrefixLen = uint32(number(f[7], 1<<32-1)), uint8(number(f[8], 128))
		l.FQDNFwd, l.FQDNRev, l.Hostname = number(f[9], 1) == 1, number(f[10], 1) == 1, text(f[11])
		l.HWAddr, l.State, context = octets(f[12]), State(number(or(f[13], "0"), 4)), text(f[14])
		hwType := "0"
		if l.HWAddr != "" {
			hwType = "1"
		}
		l.HWType = uint16(number(or(f[15], hwType), 1<<16-1))
		l.HWSource, l.PoolID = uint32(number(or(f[16], "0"), 1<<32-1)), uint32(number(or(f[17], "0"), 1<<32-1))
		if l.Type != PD {
			l.PrefixLen = 128
		}
		nobody := l.ClientID == "\x00" || l.ClientID == "\x00\x00\x00"
		if len(l.ClientID) == 0 || len(l.ClientID) > 130 || nobody && l.State != Declined {
			err = errSlow
		}
		if nobody {
			l.ClientID = ""
		}
	}
	if l.UserContext = context; context != "" && !isMap(context) {
		err = errSlow
	}
	l.CLTT -= int64(l.Valid)
	if err != nil {
		return Lease{}, false, err
	}
	return l, l.Valid == 0 && l.State != Released, nil
}

// wantSlow compares a row with what the plainest reading makes of it.
func wantSlow(t testing.TB, line string, v6 bool, sc schema, got Lease, gone bool, err error) {
	t.Helper()
	want, wantGone, wantErr := slowRow(line, v6, sc)
	if (err != nil) != (wantErr != nil) || err == nil && (got != want || gone != wantGone) {
		t.Fatalf("%q is %+v, gone %v, %v; want %+v, gone %v, %v", line, got, gone, err, want, wantGone, wantErr)
	}
}

// A journal of many rows, damaged here and there, fills a Store with what it
// says when it is read row by row; and the indexes made at once are as good as
// those that grew.
func TestRestoreReadsRowByRow(t *testing.T) {
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprint("v", family), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v6 := family == 6
				var drawn []Lease
				for range rapid.IntRange(1, 60).Draw(t, "leases") {
					drawn = append(drawn, drawLease(t, v6))
				}
				rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				damage := rapid.SampledFrom([]float64{0, 0.01, 0.3}).Draw(t, "damage")
				names, _ := columns(v6)
				sc, m := schema{min: len(names), max: len(names)}, newModel()
				text, good, bad := []byte(header(v6)), 0, 0
				for range rapid.SampledFrom([]int{0, 1, 511, 512, 513, 3000}).Draw(t, "rows") {
					row := bytes.TrimSuffix(appendRow(nil, &drawn[rnd.IntN(len(drawn))], rnd.IntN(4) == 0), []byte("\n"))
					if rnd.Float64() < damage {
						switch i := rnd.IntN(len(row)); rnd.IntN(3) {
						case 0:
							row[i] = "0:,&x\x00\xff"[rnd.IntN(7)]
						case 1:
							row = row[:i]
						default:
							row = append(row[:i:i], row[rnd.IntN(len(row)):]...)
						}
					}
					text = append(append(text, row...), '\n')
					l, gone, err := slowRow(string(row), v6, sc)
					switch {
					case len(row) == 0:
						continue
					case err != nil:
						bad++
						continue
					case gone:
						m.delete(l.Addr)
					default:
						m.put(l)
					}
					good++
				}
				s, r := restored(t, text, family)
				if r.Rows != good || r.Bad != bad {
					t.Fatalf("%d rows and %d bad ones, want %d and %d", r.Rows, r.Bad, good, bad)
				}
				asks(t, s, m)
				for range 100 {
					if l := drawn[rnd.IntN(len(drawn))]; rnd.IntN(3) == 0 {
						s.Delete(l.Addr)
						m.delete(l.Addr)
					} else {
						s.Put(l)
						m.put(l)
					}
				}
				asks(t, s, m)
			})
		})
	}
}

func restored(t *rapid.T, text []byte, family int) (*Store, LoadReport) {
	dir, err := os.MkdirTemp("", "restore")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "leases.csv")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := OpenMemfile(MemfileOptions{Path: path, Family: family})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := NewStore(family, 1)
	if err := s.Restore(b); err != nil {
		t.Fatal(err)
	}
	return s, b.Report()
}
