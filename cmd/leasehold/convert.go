package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/cobra"

	"leasehold/cmd/leasehold/convert"
	"leasehold/config"
)

// converting is how convert was called.
type converting struct {
	from       string
	v4, v6     bool
	interfaces []string
	address    string
	out        string
}

func newConvert() *cobra.Command {
	x := &converting{}
	c := &cobra.Command{
		Use:   "convert FILE",
		Short: "Turn dhcpd.conf of ISC DHCP, or dnsmasq.conf, into a configuration of Kea's form",
		Long: `Turn dhcpd.conf of ISC DHCP, or dnsmasq.conf, into a configuration of Kea's form, for
Leasehold and for Kea. The result goes to standard output or -o; what was not carried
over, or not exactly, is told on standard error, line by line with the reason.

One run converts one family: a dhcpd.conf with both is converted with -4 and with -6. The
result is checked as leasehold check does; the exit code is 1 if it has errors.

Interfaces are not in a dhcpd.conf: --interface names them (on Debian they are in
/etc/default/isc-dhcp-server). Dnsmasq gives its clients its own address as router and
name server: --address says it.

Leases are taken over by leasehold leases import --from isc, or dnsmasq.`,
		Example: "  leasehold convert /etc/dhcp/dhcpd.conf --interface eth0 -o kea-dhcp4.conf\n  leasehold convert /etc/dnsmasq.conf --address 192.168.1.1 -o kea-dhcp4.conf",
		Args:    cobra.ExactArgs(1),
		RunE:    x.run,
	}
	f := c.Flags()
	f.StringVar(&x.from, "from", "", "`FORMAT` of the file: isc or dnsmasq (default: as it looks)")
	f.BoolVarP(&x.v4, "ipv4", "4", false, "convert what is about DHCPv4")
	f.BoolVarP(&x.v6, "ipv6", "6", false, "convert what is about DHCPv6")
	f.StringArrayVar(&x.interfaces, "interface", nil, "`NAME` of an interface to listen on; repeat")
	f.StringVar(&x.address, "address", "", "dnsmasq: its own `ADDRESS`")
	f.StringVarP(&x.out, "output", "o", "", "write the result to `FILE`, which must not be there yet")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	return c
}

func (x *converting) run(c *cobra.Command, args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	o := convert.Options{Interfaces: x.interfaces, Read: os.ReadFile}
	switch {
	case x.v4:
		o.Version = 4
	case x.v6:
		o.Version = 6
	}
	if x.address != "" {
		if o.Address, err = netip.ParseAddr(x.address); err != nil {
			return fmt.Errorf("--address: %w", err)
		}
	}
	if x.from == "" {
		x.from = formatOf(text)
	}
	var r *convert.Result
	switch x.from {
	case "isc":
		r, err = convert.ISC(args[0], text, o)
	case "dnsmasq":
		r, err = convert.Dnsmasq(args[0], text, o)
	default:
		return fmt.Errorf("--from is isc or dnsmasq, not %q", x.from)
	}
	if err != nil {
		return err
	}
	return x.write(c, r)
}

// blocks are what dhcpd.conf has and dnsmasq.conf has not.
var blocks = regexp.MustCompile(`(?m)^[^#]*[{};]\s*(#.*)?$`)

func formatOf(text []byte) string {
	if blocks.Match(text) {
		return "isc"
	}
	return "dnsmasq"
}

// write writes the result, what was not carried over, and what check says of it.
func (x *converting) write(c *cobra.Command, r *convert.Result) error {
	var b bytes.Buffer
	if err := json.Indent(&b, r.Config.AppendJSON(nil), "", "  "); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	b.WriteByte('\n')
	said := c.ErrOrStderr()
	for _, n := range r.Notes {
		fmt.Fprintln(said, n)
	}
	fmt.Fprintf(said, "%d lines were not carried over, or not exactly\n", len(r.Notes))
	name := "converted"
	if x.out != "" {
		f, err := os.OpenFile(x.out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
		if err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
		_, err = f.Write(b.Bytes())
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
		name = x.out
	} else if _, err := c.OutOrStdout().Write(b.Bytes()); err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return checkConverted(said, name, b.Bytes())
}

// checkConverted tells what is wrong with a result.
func checkConverted(w io.Writer, name string, text []byte) error {
	cfg, err := config.Parse(name, text)
	var ps config.Problems
	switch {
	case err == nil:
		// The older spellings are those that every Kea reads.
		printProblems(w, slices.DeleteFunc(cfg.Warnings, func(p *config.Problem) bool { return p.Code == "older-spelling" }))
		return nil
	case errors.As(err, &ps):
		printProblems(w, ps)
		return quiet(1)
	}
	return err
}
