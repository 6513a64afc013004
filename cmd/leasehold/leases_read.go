package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"leasehold/config"
	"leasehold/lease"
)

// leaseReader gathers the leases of a file, and reports what it leaves behind.
type leaseReader struct {
	report  io.Writer
	in      io.Reader // what "-" is
	family  int
	format  lease.Format
	subnets *subnetIndex // for leases that do not know theirs; nil: they stay so

	serverKnows bool // to which subnet a lease belongs

	leases *lease.Store
	over   int // lines that say that a lease is over, or is for the other family
	lost   int // lines that could not be taken over
}

// read fills r.leases from the file at path.
func (r *leaseReader) read(path string, now int64) error {
	r.leases = lease.NewStore(r.family, 0)
	switch {
	case r.format == lease.DB && path == "-":
		return fmt.Errorf("a database needs a file, not standard input")
	case r.format == lease.DB:
		return lease.ReadDB(path, r.family, r.put)
	case r.format == lease.CSV && path != "-":
		report, err := lease.ReadFiles(lease.OS, path, r.leases)
		for _, e := range report.Errors {
			r.lose("%v", e)
		}
		if more := report.Bad - len(report.Errors); more > 0 {
			r.lost += more - 1
			r.lose("%s: %d more lines", filepath.Base(path), more)
		}
		return err
	case r.subnets == nil && !r.serverKnows && (r.format == lease.ISC || r.format == lease.Dnsmasq):
		return fmt.Errorf("%s files do not say which subnet a lease belongs to: give the configuration with -c", r.format)
	}
	in, name := r.in, "<stdin>"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("read leases: %w", err)
		}
		defer f.Close()
		in, name = f, filepath.Base(path)
	}
	report, err := lease.Import(r.format, r.family, in, now, r.put)
	for _, e := range report.Skipped {
		e.File = name
		r.lose("%v", e)
	}
	r.lost -= len(report.Skipped) - report.Lost()
	r.over = len(report.Skipped) - report.Lost()
	return err
}

// put takes one lease over.
func (r *leaseReader) put(l lease.Lease) error {
	if l.Valid == 0 && l.State != lease.Released {
		r.leases.Delete(l.Addr)
		return nil
	}
	if l.SubnetID == 0 && r.subnets != nil {
		var ok bool
		if l.SubnetID, ok = r.subnets.find(&l); !ok {
			return lease.Refusal(fmt.Sprintf("%v is in no subnet of the configuration", l.Addr))
		}
	}
	r.leases.Put(l)
	return nil
}

// lose reports a lease that is not taken over.
func (r *leaseReader) lose(format string, args ...any) {
	r.lost++
	fmt.Fprintf(r.report, format+"\n", args...)
}

// sum says how it went.
func (r *leaseReader) sum(taken int) error {
	fmt.Fprintf(r.report, "%d leases taken over, %d not", taken, r.lost)
	if r.over > 0 {
		fmt.Fprintf(r.report, "; %d lines of leases that are over or of the other family", r.over)
	}
	fmt.Fprintln(r.report)
	if r.lost > 0 {
		return incomplete
	}
	return nil
}

// subnetIndex finds the subnet of an address, and of a delegated prefix by the
// pools.
type subnetIndex struct{ addresses, prefixes prefixIndex }

// prefixIndex finds the longest prefix that holds an address.
type prefixIndex struct {
	ids  map[netip.Prefix]uint32
	bits []int // lengths that occur, descending
}

func newSubnetIndex(subnets []*config.Subnet) *subnetIndex {
	x := &subnetIndex{}
	for _, s := range subnets {
		x.addresses.add(s.Prefix, s.ID)
		for _, p := range s.PDPools {
			x.prefixes.add(p.Prefix, s.ID)
		}
	}
	return x
}

func (x *prefixIndex) add(p netip.Prefix, id uint32) {
	if x.ids == nil {
		x.ids = make(map[netip.Prefix]uint32)
	}
	x.ids[p.Masked()] = id
	if !slices.Contains(x.bits, p.Bits()) {
		x.bits = append(x.bits, p.Bits())
		slices.Sort(x.bits)
		slices.Reverse(x.bits)
	}
}

func (x *subnetIndex) find(l *lease.Lease) (id uint32, ok bool) {
	in := &x.addresses
	if l.Type == lease.PD {
		in = &x.prefixes
	}
	for _, bits := range in.bits {
		if p, err := l.Addr.Prefix(bits); err == nil {
			if id, ok = in.ids[p]; ok {
				return id, true
			}
		}
	}
	return 0, false
}
