package lease

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

var large = flag.Int("large", 1_000_000, "leases in the large benchmarks")

// benchLease is lease number i of a typical network.
func benchLease(i int, family int) Lease {
	var hw [6]byte
	binary.BigEndian.PutUint32(hw[2:], uint32(i))
	hw[0] = 2
	l := Lease{
		HWType: 1, SubnetID: uint32(1 + i>>16), Valid: 3600, CLTT: int64(1_795_000_000 + i%3600),
		HWAddr: string(hw[:]), ClientID: "\x01" + string(hw[:]), Hostname: fmt.Sprintf("host-%d.example.org", i),
	}
	if family == 6 {
		l.Addr = addr6{0x20010db8_00000000 + uint64(i>>16), uint64(i) * 0x9e3779b97f4a7c15}.addr()
		l.ClientID = "\x00\x03\x00\x01" + string(hw[:])
		l.PrefixLen, l.IAID, l.Preferred, l.HWSource = 128, uint32(i), 2400, 2
	} else {
		l.Addr = addr4(10<<24 + uint32(i)).addr()
	}
	return l
}

func filled(n, family int) *Store {
	s := NewStore(family, 1)
	for i := range n {
		s.Put(benchLease(i, family))
	}
	return s
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func BenchmarkMemoryPerLease(b *testing.B) {
	for _, family := range []int{4, 6} {
		b.Run(fmt.Sprint("v", family), func(b *testing.B) {
			for range b.N {
				before := heap()
				s := filled(*large, family)
				b.ReportMetric(float64(heap()-before)/float64(*large), "B/lease")
				start := time.Now()
				runtime.GC()
				b.ReportMetric(float64(time.Since(start).Microseconds()), "µs/GC")
				runtime.KeepAlive(s)
			}
		})
	}
}

func sizes(b *testing.B, fn func(b *testing.B, n int)) {
	for _, n := range []int{1000, *large} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			fn(b, n)
		})
	}
}

// pick spreads over n without order.
func pick(i, n int) int { return int(uint64(i) * 0x9e3779b97f4a7c15 >> 20 % uint64(n)) }

func BenchmarkPutNew(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		more := make([]Lease, 1<<14)
		for i := range more {
			more[i] = benchLease(n+i, 4)
		}
		for i := 0; b.Loop(); i++ {
			if i > 0 && i%len(more) == 0 {
				b.StopTimer()
				for _, l := range more {
					s.Delete(l.Addr)
				}
				b.StartTimer()
			}
			s.Put(more[i%len(more)])
		}
	})
}

func BenchmarkPutRenew(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		few := make([]Lease, 1<<14)
		for i := range few {
			few[i] = benchLease(pick(i, n), 4)
		}
		for i := 0; b.Loop(); i++ {
			l := &few[i%len(few)]
			l.CLTT = int64(1_795_000_000 + i%3600)
			s.Put(*l)
		}
	})
}

func BenchmarkGet(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		for i := 0; b.Loop(); i++ {
			s.Get(addr4(10<<24 + uint32(pick(i, n))).addr())
		}
	})
}

func BenchmarkByHWAddr(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		dst := make([]Lease, 0, 4)
		hw := []byte{2, 0, 0, 0, 0, 0}
		for i := 0; b.Loop(); i++ {
			binary.BigEndian.PutUint32(hw[2:], uint32(pick(i, n)))
			dst = s.ByHWAddr(dst[:0], hw)
			if len(dst) != 1 {
				b.Fatal(len(dst))
			}
		}
	})
}

// What commands look for, a few leases among all: by each index.
func BenchmarkLookup(b *testing.B) {
	for name, find := range map[string]func(s *Store, dst []Lease) []Lease{
		"hw-address": func(s *Store, dst []Lease) []Lease { return s.ByHWAddr(dst, []byte("few")) },
		"client-id":  func(s *Store, dst []Lease) []Lease { return s.ByClientID(dst, []byte("few")) },
		"hostname":   func(s *Store, dst []Lease) []Lease { return s.ByHostname(dst, "few") },
		"state":      func(s *Store, dst []Lease) []Lease { return s.ByState(dst, Declined, 0) },
		"subnet":     func(s *Store, dst []Lease) []Lease { return s.BySubnet(dst, 1<<20) },
		"both":       func(s *Store, dst []Lease) []Lease { return s.ByState(dst, Declined, 1<<20) },
	} {
		b.Run(name, func(b *testing.B) {
			sizes(b, func(b *testing.B, n int) {
				s := filled(n, 4)
				for i := range 3 {
					s.Put(Lease{Addr: addr4(1 + i).addr(), SubnetID: 1 << 20, State: Declined, HWAddr: "few", ClientID: "few", Hostname: "few"})
				}
				dst := make([]Lease, 0, 4)
				for b.Loop() {
					if dst = find(s, dst[:0]); len(dst) != 3 {
						b.Fatal(len(dst))
					}
				}
			})
		})
	}
}

// A lease ends, is told, reclaimed and given again.
func BenchmarkExpiry(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		dst := make([]Lease, 0, 1)
		for b.Loop() {
			now, _ := s.NextExpiry()
			dst = s.Expired(dst[:0], now, 1)
			l := dst[0]
			l.State = Reclaimed
			s.Put(l)
			s.Lapse(now-1, n, func(*Lease) {})
			l.State, l.CLTT = Default, l.CLTT+3600
			s.Put(l)
		}
	})
}

func BenchmarkPage1000(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		s := filled(n, 4)
		dst := make([]Lease, 0, 1000)
		var after netip.Addr
		for b.Loop() {
			dst = s.Page(dst[:0], after, 1000)
			after = netip.Addr{}
			if len(dst) == 1000 {
				after = dst[999].Addr
			}
		}
	})
}

func BenchmarkFree(b *testing.B) {
	for _, n := range []uint64{1000, 1_000_000} {
		for _, full := range []bool{false, true} {
			f := NewFree(n)
			if full {
				for i := range n {
					if i%1000 != 999 {
						f.Take(i, 1)
					}
				}
			}
			name := fmt.Sprintf("%d/empty", n)
			if full {
				name = fmt.Sprintf("%d/99.9%%full", n)
			}
			b.Run("Next/"+name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					k, _ := f.Next(uint64(pick(i, int(n))), n)
					f.Take(k, 1)
					f.Give(k, 1)
				}
			})
			b.Run("Random/"+name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					k, _ := f.Random(0, n, uint64(i)*0x9e3779b97f4a7c15)
					f.Take(k, 1)
					f.Give(k, 1)
				}
			})
			b.Run("Count/"+name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					f.Count(0, n/2+uint64(pick(i, int(n/2))))
				}
			})
			b.Run("Oldest/"+name, func(b *testing.B) {
				for b.Loop() {
					k, _ := f.Oldest()
					f.Take(k, 1)
					f.Give(k, 1)
				}
			})
		}
	}
}

// benchFile writes a lease file of n leases.
func benchFile(b *testing.B, n, family int) string {
	path := filepath.Join(b.TempDir(), "leases.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	w.WriteString(header(family == 6))
	var row []byte
	for i := range n {
		l := benchLease(i, family)
		row = appendRow(row[:0], &l, false)
		w.Write(row)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
	return path
}

func BenchmarkLoad(b *testing.B) {
	for _, family := range []int{4, 6} {
		b.Run(fmt.Sprint("v", family), func(b *testing.B) {
			path := benchFile(b, *large, family)
			for b.Loop() {
				m, err := OpenMemfile(MemfileOptions{Path: path, Family: family})
				if err != nil {
					b.Fatal(err)
				}
				s := NewStore(family, 1)
				start := time.Now()
				if err := s.Restore(m); err != nil || s.Len() != *large {
					b.Fatal(err, s.Len())
				}
				b.ReportMetric(time.Since(start).Seconds(), "s")
				m.Close()
			}
		})
	}
}

func BenchmarkCleanup(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		path := benchFile(b, *large, 4)
		m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := m.Cleanup(b.Context()); err != nil {
			b.Fatal(err)
		}
		m.Close()
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("sync=%v/%d", sync, batch), func(b *testing.B) {
				m, err := OpenMemfile(MemfileOptions{Path: filepath.Join(b.TempDir(), "l.csv"), Family: 4, Sync: sync})
				if err != nil {
					b.Fatal(err)
				}
				defer m.Close()
				s := NewStore(4, 1)
				cs := make([]Change, batch)
				for i := range cs {
					cs[i] = s.Put(benchLease(i, 4))
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Append(cs); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/lease")
			})
		}
	}
}
