package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
	"leasehold/lease"
)

// incomplete is the exit code when everything was done but for leases that
// could not be taken over; each of them was told.
const incomplete = quiet(3)

const leaseFormats = `
Formats: csv is Kea's lease file, together with the files of its cleanup beside it;
sqlite is a database; json has a lease a line, as the lease commands answer it; isc
(dhcpd.leases) and dnsmasq (dnsmasq.leases) can only be read. "-" is standard input or
output.

Each line that is not taken over is printed to standard error with its number and the
reason. Exit code 0: every lease was taken over (lines of leases that are over, or of
the other family, do not count); 3: some were not; 1: nothing was done.`

// leaseForm reads a flag for a format.
type leaseForm struct {
	lease.Format
	allowed []lease.Format
}

func (f *leaseForm) String() string { return string(f.Format) }
func (f *leaseForm) Type() string   { return "FORMAT" }

func (f *leaseForm) Set(s string) error {
	if !slices.Contains(f.allowed, lease.Format(s)) {
		return fmt.Errorf("can be %s", strings.Trim(fmt.Sprint(f.allowed), "[]"))
	}
	f.Format = lease.Format(s)
	return nil
}

func readable() leaseForm {
	return leaseForm{lease.CSV, []lease.Format{lease.CSV, lease.DB, lease.JSON, lease.ISC, lease.Dnsmasq}}
}

func writable() leaseForm {
	return leaseForm{lease.CSV, []lease.Format{lease.CSV, lease.DB, lease.JSON}}
}

func newLeasesExport(c *client) *cobra.Command {
	to, force := writable(), false
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the leases of a running server to a file or standard output",
		Long: `Asks a running server, of ours or Kea's with its lease_cmds hook, for all leases, page
by page, and writes them to FILE. What lease commands do not tell (where a DHCPv6
server knew a hardware address from) is not in it.
` + leaseFormats,
		Example: "  leasehold leases export --to json | jq .hostname\n  leasehold leases export -6 backup.csv",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var failed error
			n, err := writeLeases(cmd.OutOrStdout(), append(args, "-")[0], to.Format, c.version(), force,
				func(dst []lease.Lease, after netip.Addr, limit int) []lease.Lease {
					if failed == nil {
						dst, failed = c.fetchLeases(cmd, dst, after, limit)
					}
					return dst
				}, func() error { return failed })
			if err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d leases written\n", n)
			}
			return err
		},
	}
	cmd.Flags().Var(&to, "to", "csv, sqlite or json")
	cmd.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
	return cmd
}

func newLeasesConvert(c *client) *cobra.Command {
	from, to, force, subnets := readable(), writable(), false, ""
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Turn a lease file into another form, without a server",
		Long: `Reads the leases in IN and writes them to OUT. No server may be using either file; a
database may be read at any time.

dhcpd.leases and dnsmasq.leases do not say which subnet a lease belongs to: that
follows from the configuration that will serve them (-c).
` + leaseFormats,
		Example: "  leasehold leases convert --from isc -c kea-dhcp4.conf /var/lib/dhcp/dhcpd.leases kea-leases4.csv\n" +
			"  leasehold leases convert -6 --to sqlite kea-leases6.csv leases.db",
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := leaseReader{report: cmd.ErrOrStderr(), in: cmd.InOrStdin(), family: c.version(), format: from.Format}
			if subnets != "" {
				f, err := loadFamily(cmd.ErrOrStderr(), subnets, c.version())
				if err != nil {
					return err
				}
				r.subnets = newSubnetIndex(f.Subnets)
			}
			if err := r.read(args[0], time.Now().Unix()); err != nil {
				return err
			}
			if _, err := writeLeases(cmd.OutOrStdout(), args[1], to.Format, c.version(), force, r.leases.Page, nil); err != nil {
				return err
			}
			return r.sum(r.leases.Len())
		},
	}
	cmd.Flags().Var(&from, "from", "csv, sqlite, json, isc or dnsmasq")
	cmd.Flags().Var(&to, "to", "csv, sqlite or json")
	cmd.Flags().StringVarP(&subnets, "config", "c", "", "configuration `FILE` whose subnets leases without one belong to")
	cmd.Flags().BoolVar(&force, "force", false, "replace OUT if it exists")
	return cmd
}

func newLeasesBackup(c *client) *cobra.Command {
	return &cobra.Command{
		Use:   "backup NAME",
		Short: "Let a running server copy its leases to a file beside its lease file or database",
		Long: `Sends lease4-write or lease6-write: the server writes all leases to a file of that name,
in the directory and in the form (csv or sqlite) of its own. Service goes on. The file
has every lease that a client heard of before; it appears whole or not at all.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.verb("lease"+c.family()+"-write", func([]string) (any, error) {
				return map[string]any{"filename": args[0]}, nil
			}, printTree)(cmd, args)
		},
	}
}

// fetchLeases is a lease.Pager over a running server.
func (c *client) fetchLeases(cmd *cobra.Command, dst []lease.Lease, after netip.Addr, limit int) ([]lease.Lease, error) {
	from := "start"
	if after.IsValid() {
		from = after.String()
	}
	request, err := json.Marshal(map[string]any{"from": from, "limit": limit})
	if err != nil {
		return dst, fmt.Errorf("encode arguments: %w", err)
	}
	a, err := c.send(contextOf(cmd), "lease"+c.family()+"-get-page", request)
	if err != nil {
		return dst, err
	}
	var page struct{ Leases []json.RawMessage }
	if len(a.Arguments) > 0 {
		if err := json.Unmarshal(a.Arguments, &page); err != nil {
			return dst, fmt.Errorf("read leases: %w", err)
		}
	}
	for _, text := range page.Leases {
		l, err := lease.FromJSON(text, c.version())
		if err != nil {
			return dst, fmt.Errorf("read lease %s: %w", text, err)
		}
		if after.IsValid() && !after.Less(l.Addr) {
			return dst, fmt.Errorf("the server gives %v after %v", l.Addr, after)
		}
		dst = append(dst, l)
	}
	return dst, nil
}

// writeLeases writes the leases of a pager to a file, or w for "-". failed is
// asked whether the pager could give all.
func writeLeases(w io.Writer, path string, f lease.Format, family int, force bool, page lease.Pager, failed func() error) (n int, err error) {
	if failed == nil {
		failed = func() error { return nil }
	}
	if path == "-" {
		if f == lease.DB {
			return 0, errors.New("a database needs a file, not standard output")
		}
		n, err = lease.Export(w, f, family, page)
		return n, errors.Join(failed(), err)
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return 0, fmt.Errorf("%s exists: --force replaces it", path)
	}
	return lease.Write(stoppable{lease.OS, failed}, path, f, family, page)
}

// stoppable is a file system on which nothing is renamed after a failure: a pager
// that fails ends early.
type stoppable struct {
	lease.FS
	failed func() error
}

func (s stoppable) Rename(from, to string) error {
	if err := s.failed(); err != nil {
		return err
	}
	return s.FS.Rename(from, to)
}

// loadFamily reads the configuration of one family; 0: of the only one.
func loadFamily(w io.Writer, path string, family int) (*config.Family, error) {
	cfg, err := config.LoadWith(config.Options{}, path)
	if err != nil {
		return nil, reportProblems(w, err)
	}
	switch {
	case cfg.V4 != nil && (family == 4 || cfg.V6 == nil && family == 0):
		return cfg.V4, nil
	case cfg.V6 != nil && (family == 6 || cfg.V4 == nil && family == 0):
		return cfg.V6, nil
	}
	return nil, fmt.Errorf("%s has no Dhcp%d map", path, family)
}
