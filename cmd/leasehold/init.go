package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"leasehold/config"
)

// newPair is what `ha init` was told of the pair to make.
type newPair struct {
	version   int
	mode      string
	names     []string
	addresses []netip.Addr
	port      uint16
	from      string // an existing configuration
	ifaces    []string
	subnet    string
	pool      string
	auth      bool
	dir       string
	force     bool
}

func newInit() *cobra.Command {
	x := &newPair{version: 4}
	var v6 bool
	c := &cobra.Command{
		Use:   "init [ADDRESS1 ADDRESS2]",
		Short: "Write the configurations of a first pair",
		Long: `Write the configuration files of both servers of a pair. ADDRESS1 and ADDRESS2 are
where the servers hear each other. With --from, an existing configuration of one server
(Kea's or ours) becomes that of a pair; comments are not carried over, and the file itself
is left alone. Without it, --interface, --subnet and --pool say what to serve. What is
missing is asked for.

Both files are checked before they are written. They differ in this-server-name only.`,
		Example: "  leasehold ha init 192.0.2.1 192.0.2.2 --from /etc/kea/kea-dhcp4.conf\n  leasehold ha init 192.0.2.1 192.0.2.2 --mode load-balancing --interface eth0 \\\n      --subnet 192.0.2.0/24 --pool '192.0.2.100 - 192.0.2.199'",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if v6 {
				x.version = 6
			}
			if err := x.complete(args, cmd.InOrStdin(), cmd.OutOrStdout()); err != nil {
				return err
			}
			return x.write(cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&x.mode, "mode", "hot-standby", "`MODE`: hot-standby or load-balancing")
	f.StringSliceVar(&x.names, "names", []string{"server1", "server2"}, "`NAMES` of the servers, the primary first")
	f.Uint16Var(&x.port, "port", 8000, "TCP `PORT` on which the servers hear each other")
	f.StringVar(&x.from, "from", "", "configuration `FILE` of one server to make a pair of")
	f.StringSliceVar(&x.ifaces, "interface", nil, "`NAME` of the interface to serve, without --from")
	f.StringVar(&x.subnet, "subnet", "", "`PREFIX` of the subnet to serve, without --from")
	f.StringVar(&x.pool, "pool", "", "`RANGE` of addresses to give away, without --from")
	f.BoolVar(&x.auth, "auth", false, "have the servers know each other by a password, which is made up")
	f.StringVarP(&x.dir, "output", "o", ".", "`DIRECTORY` to write to")
	f.BoolVar(&x.force, "force", false, "write over files that exist")
	f.BoolVarP(&v6, "ipv6", "6", false, "a pair for DHCPv6")
	return c
}

// complete checks what was told and asks for what was not.
func (x *newPair) complete(addresses []string, in io.Reader, out io.Writer) error {
	if x.mode != "hot-standby" && x.mode != "load-balancing" {
		return fmt.Errorf("a pair is hot-standby or load-balancing, not %q", x.mode)
	}
	if len(x.names) != 2 || x.names[0] == x.names[1] {
		return errors.New("two servers need two different names")
	}
	lines := bufio.NewScanner(in)
	ask := func(value *string, question string) error {
		if *value != "" {
			return nil
		}
		fmt.Fprintf(out, "%s: ", question)
		if !lines.Scan() || strings.TrimSpace(lines.Text()) == "" {
			fmt.Fprintln(out)
			return fmt.Errorf("nobody told the %s", strings.ToLower(question[:1])+question[1:])
		}
		*value = strings.TrimSpace(lines.Text())
		return nil
	}
	addresses = append(slices.Clone(addresses), "", "")[:2]
	for i := range addresses {
		if err := ask(&addresses[i], "Address of "+x.names[i]); err != nil {
			return err
		}
		a, err := netip.ParseAddr(addresses[i])
		if err != nil {
			return fmt.Errorf("the servers are named by their addresses: %w", err)
		}
		x.addresses = append(x.addresses, a)
	}
	if x.addresses[0] == x.addresses[1] {
		return errors.New("two servers need two different addresses")
	}
	if x.from != "" {
		return nil
	}
	iface := strings.Join(x.ifaces, ",")
	if err := ask(&iface, "Interface to serve"); err != nil {
		return err
	}
	x.ifaces = strings.Split(iface, ",")
	if err := ask(&x.subnet, "Subnet to serve"); err != nil {
		return err
	}
	return ask(&x.pool, "Range of addresses to give away")
}

// write makes both files, checks them, and writes them.
func (x *newPair) write(out io.Writer) error {
	top, err := x.single()
	if err != nil {
		return err
	}
	key := fmt.Sprintf("Dhcp%d", x.version)
	family := top.Get(key)
	if family == nil || family.Kind != config.Map {
		return fmt.Errorf("%s has no %s", x.from, key)
	}
	if err := x.join(family); err != nil {
		return err
	}
	var files []string
	for i := range x.names {
		file := filepath.Join(x.dir, x.names[i]+".conf")
		if _, err := os.Stat(file); err == nil && !x.force {
			return fmt.Errorf("%s exists; --force writes over it", file)
		}
		files = append(files, file)
	}
	for i, file := range files {
		relationship(family).Set("this-server-name", config.NewString(x.names[i]))
		var text bytes.Buffer
		if err := json.Indent(&text, top.AppendJSON(nil), "", "  "); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
		text.WriteByte('\n')
		cfg, err := config.ParseWith(config.Options{Dirs: config.DirsOf(os.Getenv)}, file, text.Bytes())
		if err != nil {
			return err
		}
		printProblems(out, cfg.Warnings)
		if err := os.WriteFile(file, text.Bytes(), 0o640); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	fmt.Fprintf(out, `wrote %s and %s: a %s pair of %s and %s
Copy each to its server, as the file that is served there, and start both servers.
Then, on either:
  leasehold ha status     both are to be in the state %s
  leasehold ha why        what each state depends on
  leasehold ha diff       the configurations agree
  leasehold ha drill      a rehearsal of the failover
`, files[0], files[1], x.mode, x.addresses[0], x.addresses[1], x.mode)
	return nil
}

// single returns the configuration of one server that is to become that of two.
func (x *newPair) single() (*config.Value, error) {
	if x.from != "" {
		text, err := os.ReadFile(x.from)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		v, _, err := config.ParseValue(x.from, text, true)
		return v, err
	}
	str := config.NewString
	var ifaces []*config.Value
	for _, name := range x.ifaces {
		ifaces = append(ifaces, str(strings.TrimSpace(name)))
	}
	subnet := config.NewMap(config.M("id", config.NewInt(1)), config.M("subnet", str(x.subnet)),
		config.M("pools", config.NewList(config.NewMap(config.M("pool", str(x.pool))))))
	if x.version == 6 {
		subnet.Set("interface", ifaces[0])
	}
	socket := fmt.Sprintf("/run/kea/kea%d-ctrl-socket", x.version)
	return config.NewMap(config.M(fmt.Sprintf("Dhcp%d", x.version), config.NewMap(
		config.M("interfaces-config", config.NewMap(config.M("interfaces", config.NewList(ifaces...)))),
		config.M("control-socket", config.NewMap(config.M("socket-type", str("unix")), config.M("socket-name", str(socket)))),
		config.M("lease-database", config.NewMap(config.M("type", str("memfile")))),
		config.M("valid-lifetime", config.NewInt(3600)),
		config.M(fmt.Sprintf("subnet%d", x.version), config.NewList(subnet)),
	))), nil
}

const (
	leaseLibrary = "libdhcp_lease_cmds.so"
	pairLibrary  = "libdhcp_ha.so"
)

// join adds to a configuration what makes a server one of a pair.
func (x *newPair) join(family *config.Value) error {
	hooks := family.Get("hooks-libraries")
	if hooks == nil {
		hooks = config.NewList()
		family.Set("hooks-libraries", hooks)
	}
	dir, leases := "", false
	for _, h := range hooks.List {
		path := str(h, "library")
		switch filepath.Base(path) {
		case pairLibrary:
			return fmt.Errorf("%s has high availability already, in line %d", x.from, h.Pos.Line)
		case leaseLibrary:
			leases = true
		}
		dir = filepath.Dir(path) + "/"
	}
	if dir == "./" {
		dir = ""
	}
	if !leases {
		hooks.List = append(hooks.List, config.NewMap(config.M("library", config.NewString(dir+leaseLibrary))))
	}
	parameters := config.NewMap(config.M("high-availability", config.NewList(x.relationship())))
	hooks.List = append(hooks.List, config.NewMap(config.M("library", config.NewString(dir+pairLibrary)), config.M("parameters", parameters)))
	threads := family.Get("multi-threading")
	if threads == nil {
		threads = config.NewMap()
		family.Set("multi-threading", threads)
	}
	threads.Set("enable-multi-threading", config.NewBool(true)) // Kea 2.2 has no listener without it
	if x.mode == "load-balancing" {
		x.splitAll(family)
	}
	return nil
}

// relationship finds what join has added.
func relationship(family *config.Value) *config.Value {
	hooks := family.Get("hooks-libraries").List
	return hooks[len(hooks)-1].Get("parameters").Get("high-availability").List[0]
}

// relationship is the part of both servers but for this-server-name.
func (x *newPair) relationship() *config.Value {
	roles := []string{"primary", "standby"}
	if x.mode == "load-balancing" {
		roles[1] = "secondary"
	}
	password := ""
	if x.auth {
		password = rand.Text()
	}
	var peers []*config.Value
	for i, name := range x.names {
		p := config.NewMap(
			config.M("name", config.NewString(name)),
			config.M("url", config.NewString("http://"+netip.AddrPortFrom(x.addresses[i], x.port).String()+"/")),
			config.M("role", config.NewString(roles[i])))
		if x.auth {
			p.Set("basic-auth-user", config.NewString("pair"))
			p.Set("basic-auth-password", config.NewString(password))
		}
		peers = append(peers, p)
	}
	threads := config.NewMap(config.M("enable-multi-threading", config.NewBool(true)), config.M("http-dedicated-listener", config.NewBool(true)))
	return config.NewMap(
		config.M("this-server-name", config.NewString(x.names[0])),
		config.M("mode", config.NewString(x.mode)),
		config.M("heartbeat-delay", config.NewInt(1000)),
		config.M("max-response-delay", config.NewInt(10000)),
		config.M("max-ack-delay", config.NewInt(5000)),
		config.M("max-unacked-clients", config.NewInt(0)),
		config.M("restrict-commands", config.NewBool(true)),
		config.M("multi-threading", threads),
		config.M("peers", config.NewList(peers...)))
}
