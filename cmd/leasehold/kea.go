package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"leasehold/config"
	"leasehold/server"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// keaOptions are what Kea's command line says.
type keaOptions struct {
	config, check          string
	serverPort, clientPort uint16
	debug                  bool
	anywhere               bool   // files may be in any directory
	lastGood               bool   // --last-good, which Kea does not have
	print                  string // to say instead of serving: -v, -V, -W
}

// keaMessages are the messages that differ between the two daemons.
type keaMessages struct {
	starting, configLoadFail, initFail, parserFail, alreadyRunning *message.Message
}

var keaMessagesOf = map[int]keaMessages{
	4: {message.DHCP4Starting, message.DHCP4ConfigLoadFail, message.DHCP4InitFail, message.DHCP4ParserFail, message.DHCP4AlreadyRunning},
	6: {message.DHCP6Starting, message.DHCP6ConfigLoadFail, message.DHCP6InitFail, message.DHCP6ParserFail, message.DHCP6AlreadyRunning},
}

// runKea is the program under one of Kea's names.
func runKea(version int, args []string, stdout, stderr io.Writer) int {
	name := fmt.Sprintf("kea-dhcp%d", version)
	o, err := parseKea(args[1:])
	if err != nil {
		if text := err.Error(); text != "" {
			fmt.Fprintln(stderr, strings.ReplaceAll(text, "%name", name))
		}
		fmt.Fprintf(stderr, keaUsage, version, server.Version, name)
		return 1
	}
	if o.print != "" {
		fmt.Fprint(stdout, o.print)
		return 0
	}
	w := logging.Start(logging.Options{Stdout: stdout, Stderr: stderr, Debug: o.debug})
	defer w.Close()
	sink, err := w.Sink(name, nil)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	k := &kea{version: version, name: name, opts: o, m: keaMessagesOf[version], w: w, log: sink, stderr: stderr}
	if o.check != "" {
		return k.check()
	}
	return k.serve()
}

// kea is one process under one of Kea's names.
type kea struct {
	version int
	name    string
	opts    keaOptions
	m       keaMessages
	w       *logging.Writer
	log     *logging.Sink
	stderr  io.Writer
}

// load reads a file that must have the map of our family.
func (k *kea) load(file string) (*config.Config, error) {
	cfg, err := config.LoadWith(k.parsing(), file)
	var missing *os.PathError
	if _, statErr := os.Stat(file); errors.As(statErr, &missing) {
		return nil, fmt.Errorf("Unable to open file %s", file)
	}
	if err != nil {
		return nil, err
	}
	if k.version == 4 && cfg.V4 == nil || k.version == 6 && cfg.V6 == nil {
		return nil, config.Problems{{Code: "top-level", Pos: config.Pos{File: file, Line: 1, Col: 1},
			What: fmt.Sprintf("syntax error, unexpected constant string, expecting Dhcp%d", k.version), Syntax: true}}
	}
	return cfg, nil
}

func (k *kea) parsing() config.Options {
	dirs, kea3 := k.dirs()
	return config.Options{InterfaceExists: interfaceExists, Dirs: dirs, Kea3: kea3}
}

// dirs are where files have to be. Kea 3 has them built in. Here they count if
// the environment names them; where it does not, for texts of Kea 3 that are
// where a Kea has its own, so that configurations of Kea 2.2 go on working.
func (k *kea) dirs() (always, kea3 config.Dirs) {
	if k.opts.anywhere {
		return always, kea3
	}
	return config.DirsOf(os.Getenv), config.DirsBeside(cmp.Or(k.opts.config, k.opts.check))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func interfaceExists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// interfaceAddressed says whether an interface has an address of a family.
func interfaceAddressed(name string, version int) bool {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return false
	}
	addrs, err := i.Addrs()
	if err != nil {
		return true // not known
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() == (version == 4) {
			return true
		}
	}
	return false
}

// complain logs every problem that has a meaning, as Kea logs its first.
func (k *kea) complain(err error) {
	var ps config.Problems
	if !errors.As(err, &ps) {
		return
	}
	for _, p := range ps {
		if text, ok := strings.CutPrefix(p.What, "Unable to open database: "); ok && p.Code == config.CodePath {
			k.log.Log(message.DHCPSrvMemfileFailedToOpen, "Could not open lease file: %s", text)
		}
		if !p.Warning && !p.Syntax {
			k.log.Log(k.m.parserFail, "failed to create or run parser for configuration element %s: %s", p.Element(), p.Placed())
		}
	}
}

// check is -t: the last line on standard error is Kea's.
func (k *kea) check() int {
	_, err := k.load(k.opts.check)
	if err == nil {
		return 0
	}
	k.complain(err)
	k.w.Flush()
	fmt.Fprintln(k.stderr, k.lastLine(err))
	return 1
}

func (k *kea) lastLine(err error) string {
	if ps := config.Problems(nil); errors.As(err, &ps) {
		return config.LastLine(ps)
	}
	return "Syntax check failed with: " + err.Error()
}

func (k *kea) serve() int {
	file := k.opts.config
	k.log.Log(k.m.starting, "Kea DHCPv%d server version %s (stable) starting: Leasehold %s", k.version, server.Version, release)
	pid, err := writePIDFile(keaPIDFile(file, k.name, os.Getenv("KEA_PIDFILE_DIR")))
	if running := (*alreadyRunning)(nil); errors.As(err, &running) {
		k.log.Log(k.m.alreadyRunning, "%s already running? %v", k.name, err)
		return 1
	} else if err != nil {
		return k.initFail(err)
	}
	defer pid.remove()

	var broken map[string]error
	cfg, err := k.load(file)
	if err != nil && k.opts.lastGood {
		cfg, broken, err = loadOr(k.parsing(), true, []string{file})
	}
	if err != nil {
		k.logAsAsked(file)
		k.complain(err)
		_, reason, _ := strings.Cut(k.lastLine(err), ": ")
		k.log.Log(k.m.configLoadFail, "configuration error using file: %s, reason: %s", file, reason)
		if !k.opts.lastGood {
			k.w.Flush()
			offerLastGood(k.stderr, k.parsing(), []string{file}, os.Args)
		}
		return k.initFail(fmt.Errorf("configuration error using file '%s': %s", file, reason))
	}
	o := serverOptions(k.w)
	o.Dirs, o.Kea3 = k.dirs()
	if dir := config.DirsBeside(file).Data; o.DataDir == "" && isDir(dir) {
		o.DataDir = dir // a Kea with a prefix of its own keeps its leases there
	}
	o.Broken = broken
	switch k.version {
	case 4:
		o.ServerPort4, o.ClientPort4 = k.opts.serverPort, k.opts.clientPort
	case 6:
		o.ServerPort6, o.ClientPort6 = k.opts.serverPort, k.opts.clientPort
	}
	if err := serve(cfg, o); err != nil {
		if coded := interface{ ExitCode() int }(nil); errors.As(err, &coded) {
			return coded.ExitCode()
		}
		return k.initFail(err)
	}
	return 0
}

// logAsAsked opens the log that a refused configuration asks for: there the
// operator looks for the reason.
func (k *kea) logAsAsked(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	if loggers := config.LoggersOf(file, text); loggers != nil {
		if sink, err := k.w.Sink(k.name, loggers); err == nil {
			k.log = sink
		}
	}
}

// initFail ends a start that failed: Kea's last line on standard error.
func (k *kea) initFail(err error) int {
	sink, sinkErr := k.w.Sink(k.name, []config.Logger{{Name: k.name, Outputs: []config.LogOutput{{Output: "stderr"}}}})
	if sinkErr != nil {
		sink = k.log
	}
	sink.Log(k.m.initFail, "failed to initialize Kea server: %v", err)
	return 1
}

// parseKea reads the command line as getopt does: letters may stand together,
// values may follow without a blank. An error with an empty text asks for the
// usage alone.
func parseKea(args []string) (keaOptions, error) {
	var o keaOptions
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--last-good" {
			o.lastGood = true
			continue
		}
		if len(arg) < 2 || arg[0] != '-' || arg == "--" {
			return o, errors.New("")
		}
		for i := 1; i < len(arg); i++ {
			letter := arg[i]
			if !strings.ContainsRune("ctTpP", rune(letter)) {
				done, err := o.flag(letter)
				if done || err != nil {
					return o, err
				}
				continue
			}
			value := arg[i+1:]
			if value == "" {
				if len(args) == 0 {
					return o, fmt.Errorf("%%name: option requires an argument -- '%c'", letter)
				}
				value, args = args[0], args[1:]
			}
			if err := o.value(letter, value); err != nil {
				return o, err
			}
			break
		}
	}
	if o.config == "" && o.check == "" {
		return o, errors.New("Configuration file not specified.")
	}
	return o, nil
}

// flag takes an option without a value. done: nothing behind it counts.
func (o *keaOptions) flag(letter byte) (done bool, err error) {
	switch letter {
	case 'd':
		o.debug = true
	case 'v':
		o.print = server.Version + "\n"
	case 'V':
		o.print = extendedVersion()
	case 'W':
		o.print = buildReport()
	case 'X':
		o.anywhere = true
	case 'F', 'R':
		// Exits on half-applied configurations and configuration
		// backends do not exist here.
	default:
		return false, fmt.Errorf("%%name: invalid option -- '%c'", letter)
	}
	return o.print != "", nil
}

func (o *keaOptions) value(letter byte, value string) error {
	var err error
	switch letter {
	case 'c':
		o.config = value
	case 't', 'T':
		o.check = value
	case 'p':
		o.serverPort, err = parsePort("server", value)
	case 'P':
		o.clientPort, err = parsePort("client", value)
	}
	return err
}

func parsePort(which, value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("Failed to parse %s port number: [%s], 1-65535 allowed.", which, value)
	}
	return uint16(n), nil
}

const keaUsage = `DHCPv%[1]d server, compatible with Kea %[2]s

Usage: %[3]s -[v|V|W] [-d] [-X] [-{c|t|T} FILE] [-p PORT] [-P PORT] [--last-good]
  -c FILE  serve what this configuration file says
  -t FILE  check this configuration file and exit
  -T FILE  the same
  -d       log everything
  -p PORT  server port, for tests
  -P PORT  client port, for tests
  -v       print the version of Kea that is followed, and exit
  -V       print the version with details, and exit
  -W       print what the program was built from, and exit
  -X       files may be outside of KEA_DHCP_DATA_DIR, KEA_LOG_FILE_DIR,
           KEA_LEGAL_LOG_DIR, KEA_CONTROL_SOCKET_DIR and KEA_HOOKS_PATH
  -F -R    accepted, without effect
  --last-good
           if the file is broken, serve the last configuration of it that
           worked, which is kept as FILE.last-good
`
