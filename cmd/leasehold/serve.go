package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"leasehold/config"
	"leasehold/server"
	"leasehold/server/logging"
)

func newServe() *cobra.Command {
	var files []string
	var pidPath string
	var debug, lastGood bool
	shadow := &shadowing{}
	c := &cobra.Command{
		Use:   "serve -c FILE [-c FILE …]",
		Short: "Serve what configuration files say: Dhcp4, Dhcp6, Control-agent",
		Long: `Serve what configuration files say: Dhcp4, Dhcp6, Control-agent.

Every configuration that works is kept beside its file, as FILE.last-good. When a file
is broken at the start, the program ends and says so; with --last-good it serves the
kept configuration in its place, says so in its log, in status-get, on the page and at
/readyz, and reads the file again at SIGHUP or config-reload.

With --shadow it answers nobody: beside another server, on its host or at a mirror port,
it watches queries and answers, decides with the leases of the other server's file or
database, which it only reads, and tells in its log and by leasehold shadow what would
differ. It takes no port, sends nothing, and opens none of the configuration's sockets.`,
		Example: "  leasehold serve -c /etc/kea/kea-dhcp4.conf -c /etc/kea/kea-dhcp6.conf",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			opts := config.Options{InterfaceExists: interfaceExists}
			if shadow.mirror != "" {
				opts.InterfaceExists = nil
			}
			cfg, broken, err := loadOr(opts, lastGood, files)
			if err != nil {
				err = reportProblems(c.ErrOrStderr(), err)
				if !lastGood {
					offerLastGood(c.ErrOrStderr(), opts, files, os.Args)
				}
				return err
			}
			if cfg.V4 == nil && cfg.V6 == nil {
				return errors.New("no Dhcp4 or Dhcp6 configuration given")
			}
			if pidPath != "" {
				pid, err := writePIDFile(pidPath)
				if err != nil {
					return err
				}
				defer pid.remove()
			}
			stdout, stderr := c.OutOrStdout(), c.ErrOrStderr()
			w := logging.Start(logging.Options{Stdout: stdout, Stderr: stderr, Debug: debug, Console: isTerminal(stdout)})
			defer w.Close()
			o := serverOptions(w)
			if shadow.on {
				return shadow.run(cfg, w, o.DataDir)
			}
			o.Broken = broken
			return serve(cfg, o)
		},
	}
	c.Flags().StringArrayVarP(&files, "config", "c", nil, "configuration `FILE`; repeat for each of Dhcp4, Dhcp6, Control-agent")
	c.Flags().BoolVarP(&debug, "debug", "d", false, "log everything")
	shadow.flags(c.Flags())
	c.Flags().BoolVar(&lastGood, "last-good", false, "in place of a broken file, serve the last configuration of it that worked")
	c.Flags().StringVar(&pidPath, "pid-file", "", "write the process id to `FILE`")
	c.MarkFlagRequired("config")
	c.MarkFlagFilename("config")
	return c
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// reportProblems prints what is wrong with a configuration, one line each.
func reportProblems(w io.Writer, err error) error {
	var ps config.Problems
	if !errors.As(err, &ps) {
		return err
	}
	printProblems(w, ps)
	return quiet(1)
}

// serverOptions are what the environment of the process says.
func serverOptions(w *logging.Writer) server.Options {
	return server.Options{
		Log:      w,
		Release:  release,
		Now:      time.Now,
		ToSource: os.Getenv("KEA_TEST_SEND_RESPONSES_TO_SOURCE") != "",
		DataDir:  os.Getenv("KEA_DHCP_DATA_DIR"),
	}
}

// reloader is a server that can read its configuration files again.
type reloader interface{ Reload() error }

// serve runs a server until a signal ends it, and keeps the service manager
// informed. An error may carry an ExitCode.
func serve(cfg *config.Config, o server.Options) error {
	store, err := openDescriptorStore()
	if err != nil {
		return err
	}
	if store != nil {
		o.Sockets = store
	}
	s, err := server.New(cfg, o)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lendProcessors()
	go paceCollector(ctx)
	_ = slacken() // it is not worth a word where it may not
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	ready := s.Ready()
	go feedWatchdog(ctx, s)
	for {
		select {
		case err := <-ended:
			notify(daemon.SdNotifyStopping)
			return err
		case <-ready:
			ready = nil
			if store != nil {
				store.forgetLeft()
			}
			notify(daemon.SdNotifyReady, "STATUS="+serving(cfg, o.Broken))
		case sig := <-signals:
			if sig != syscall.SIGHUP {
				notify(daemon.SdNotifyStopping)
				cancel()
				continue
			}
			reload(s, o.Log)
		}
	}
}

// beater is a server that gives a sign of life once all of its engines have.
type beater interface{ Beat(context.Context) error }

// feedWatchdog keeps the service manager from restarting the process as long as
// every engine takes steps: a process that is stuck is not fed.
func feedWatchdog(ctx context.Context, s beater) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return
	}
	ticker := time.NewTicker(interval / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if s.Beat(ctx) == nil {
				notify(daemon.SdNotifyWatchdog)
			}
		}
	}
}

// reload answers SIGHUP. What went wrong is in the log; the old configuration
// goes on.
func reload(s any, w *logging.Writer) {
	notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, monotonicMicroseconds()))
	w.Reopen()
	status := "STATUS=Configuration reloaded"
	if r, ok := s.(reloader); ok {
		if err := r.Reload(); err != nil {
			status = "STATUS=Reload refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	}
	notify(daemon.SdNotifyReady, status)
}

func serving(cfg *config.Config, broken map[string]error) string {
	var what []string
	for _, f := range []*config.Family{cfg.V4, cfg.V6} {
		if f != nil {
			what = append(what, fmt.Sprintf("DHCPv%d (%d subnets)", f.Version, len(f.Subnets)))
		}
	}
	text := "Serving " + strings.Join(what, " and ")
	for _, file := range slices.Sorted(maps.Keys(broken)) {
		text += "; " + file + " IS BROKEN, its last good configuration is served"
	}
	return text
}

// notify tells the service manager, if there is one. If it cannot be told,
// nobody can be told.
func notify(states ...string) {
	_, _ = daemon.SdNotify(false, strings.Join(states, "\n"))
}
