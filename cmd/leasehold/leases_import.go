package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server"
)

func newLeasesImport(c *client) *cobra.Command {
	from, file, replace := readable(), "", false
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take leases of another server over, into a configured database or a running server",
		Long: `With -c, the leases in FILE are added to the lease file or database that a
configuration names, and belong to its subnets; no server may be running on it. This is
how to move from ISC's server or dnsmasq. Without, they are given to a running server
one by one.

A lease whose address has one already is not taken over, unless --replace says so.
` + leaseFormats,
		Example: "  leasehold leases import --from isc -c /etc/kea/kea-dhcp4.conf /var/lib/dhcp/dhcpd.leases\n" +
			"  leasehold leases import -6 --from json leases.json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := leaseReader{report: cmd.ErrOrStderr(), in: cmd.InOrStdin(), family: c.version(), format: from.Format}
			into := importing{leaseReader: &r, replace: replace}
			if file == "" {
				return into.server(cmd, c, args[0])
			}
			if !cmd.Flags().Changed("ipv6") {
				r.family = 0 // the configuration says it
			}
			f, err := loadFamily(cmd.ErrOrStderr(), file, r.family)
			if err != nil {
				return err
			}
			return into.database(f, args[0])
		},
	}
	cmd.Flags().Var(&from, "from", "csv, sqlite, json, isc or dnsmasq")
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` that names the lease file or database")
	cmd.Flags().BoolVar(&replace, "replace", false, "replace leases that are there already")
	return cmd
}

// importing brings what a leaseReader has read to its place.
type importing struct {
	*leaseReader
	replace bool
	taken   int
}

// importBatch is how many leases are stored at a time.
const importBatch = 1000

// database adds the leases of a file to the database of a configuration.
func (i *importing) database(f *config.Family, path string) (err error) {
	if !f.LeaseDB.Persist {
		return errors.New("the configuration keeps its leases in memory only")
	}
	i.family, i.subnets = f.Version, newSubnetIndex(f.Subnets)
	if err := i.read(path, time.Now().Unix()); err != nil {
		return err
	}
	name := server.Options{DataDir: os.Getenv("KEA_DHCP_DATA_DIR")}.LeaseFile(f)
	if same, err := sameFile(path, name); err != nil {
		return fmt.Errorf("find lease file: %w", err)
	} else if same {
		return fmt.Errorf("%s is the lease file of the configuration itself", path)
	}
	var b lease.Backend
	if f.LeaseDB.Type == "sqlite" {
		b, err = lease.OpenSQLite(name, f.Version, true)
	} else {
		b, err = lease.OpenMemfile(lease.MemfileOptions{Path: name, Family: f.Version, Sync: true, MaxRowErrors: int(f.LeaseDB.MaxRowErrors)})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := i.add(b, name); err != nil {
		return err
	}
	return i.sum(i.taken)
}

func (i *importing) add(b lease.Backend, name string) error {
	store := lease.NewStore(i.family, 0)
	if err := store.Restore(b); err != nil {
		return err
	}
	if m, ok := b.(*lease.Memfile); ok {
		for _, e := range m.Report().Errors {
			i.lose("%v", e)
		}
	}
	var changes []lease.Change
	flush := func() error {
		err := b.Append(changes)
		i.taken += len(changes)
		changes = changes[:0]
		return err
	}
	err := i.each(func(l *lease.Lease) error {
		if _, there := store.Get(l.Addr); there && !i.replace {
			i.lose("%v has a lease in %s already", l.Addr, filepath.Base(name))
			return nil
		}
		if changes = append(changes, store.Put(*l)); len(changes) < importBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// server gives the leases of a file to a running server.
func (i *importing) server(cmd *cobra.Command, c *client, path string) error {
	i.serverKnows = true
	if err := i.read(path, time.Now().Unix()); err != nil {
		return err
	}
	command := "lease" + c.family() + "-add"
	if i.replace {
		command = "lease" + c.family() + "-update"
	}
	var text []byte
	err := i.each(func(l *lease.Lease) error {
		text = lease.AppendUpdateJSON(text[:0], l, i.family, i.replace, "")
		if i.replace && i.family == 6 {
			text = append([]byte(`{ "force-create": true, `), bytes.TrimPrefix(text, []byte("{ "))...)
		}
		a, err := c.send(contextOf(cmd), command, text)
		switch {
		case err == nil && a.Result == resultSuccess:
			i.taken++
		case a != nil:
			i.lose("%v: %s", l.Addr, a.Text)
		default:
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	return i.sum(i.taken)
}

// each calls fn for every lease that was read, by ascending address.
func (i *importing) each(fn func(*lease.Lease) error) error {
	var page []lease.Lease
	for after := (netip.Addr{}); ; after = page[len(page)-1].Addr {
		page = i.leases.Page(page[:0], after, importBatch)
		for n := range page {
			if err := fn(&page[n]); err != nil {
				return err
			}
		}
		if len(page) < importBatch {
			return nil
		}
	}
}

// sameFile says whether two paths lead to the same file; there need be none.
func sameFile(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, nil // "-", or read has said it
	}
	y, err := os.Stat(b)
	if os.IsNotExist(err) {
		return false, nil
	}
	return err == nil && os.SameFile(x, y), err
}
