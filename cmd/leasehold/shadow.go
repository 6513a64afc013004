package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"leasehold/config"
	"leasehold/server"
	"leasehold/server/logging"
)

// shadowing is how serve --shadow was called.
type shadowing struct {
	on        bool
	mirror    string
	servers   []string
	socketDir string
}

func (x *shadowing) flags(f *pflag.FlagSet) {
	f.BoolVar(&x.on, "shadow", false, "answer nobody: watch what another server answers, and tell what would differ")
	f.StringVar(&x.mirror, "mirror", "", "with --shadow: watch interface `NAME` at a mirror port, not those of the configuration")
	f.StringArrayVar(&x.servers, "server", nil, "with --shadow: only answers of the IPv4 `ADDRESS` count; repeat")
	f.StringVar(&x.socketDir, "shadow-sockets", "/run/leasehold", "with --shadow: `DIRECTORY` of the control sockets shadow4 and shadow6")
}

// run watches until a signal comes.
func (x *shadowing) run(cfg *config.Config, w *logging.Writer, dataDir string) error {
	o := server.ShadowOptions{Now: time.Now, Log: w, Mirror: x.mirror, SocketDir: x.socketDir, DataDir: dataDir}
	for _, text := range x.servers {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return fmt.Errorf("--server %q is no IPv4 address", text)
		}
		o.Servers = append(o.Servers, a)
	}
	s, err := server.NewShadow(cfg, o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-s.Ready()
		notify(daemon.SdNotifyReady, "STATUS=Watching, answering nobody")
	}()
	return s.Run(ctx)
}

func newShadow(c *client) *cobra.Command {
	return &cobra.Command{
		Use:   "shadow",
		Short: "Show what a server started with serve --shadow would have answered otherwise",
		Long: `Show what a shadow has seen so far, and the last differences: what it would have
answered, and what the server beside it did. An offer of another free address is not
counted. leasehold explain --socket PATH tells how a decision came about.

The shadow's control sockets are /run/leasehold/shadow4 and shadow6, or where
serve --shadow-sockets says.`,
		Example: "  leasehold serve --shadow -c /etc/kea/kea-dhcp4.conf\n  leasehold shadow\n  leasehold shadow -6\n  leasehold explain --socket /run/leasehold/shadow4 02:00:00:00:00:01",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.url != "" {
				return errors.New("a shadow has no HTTP socket")
			}
			if c.socket == "" {
				c.socket = "/run/leasehold/shadow" + c.family()
			}
			return c.carryOut(cmd, "leasehold-shadow", nil, printShadow)
		},
	}
}

// printShadow prints the differences of leasehold-shadow, oldest first.
func printShadow(w io.Writer, arguments json.RawMessage) error {
	var x struct {
		Since       time.Time
		Differences []struct {
			Time         time.Time
			Type, Client string
			Ours         string `json:"would-answer"`
			Theirs       string `json:"answered"`
			Differences  []struct {
				Field string
				Ours  string `json:"would-be"`
				Is    string
			}
		}
	}
	if err := json.Unmarshal(arguments, &x); err != nil {
		return fmt.Errorf("read differences: %w", err)
	}
	fmt.Fprintf(w, "since %s\n", x.Since.Local().Format("2006-01-02 15:04:05"))
	for _, d := range x.Differences {
		fmt.Fprintf(w, "\n%s  %s  %s\n", d.Time.Local().Format("2006-01-02 15:04:05.000"), d.Type, d.Client)
		fmt.Fprintf(w, "  would answer: %s\n  was answered: %s\n", d.Ours, d.Theirs)
		for _, y := range d.Differences {
			if y.Field != "answer" {
				fmt.Fprintf(w, "  * %s: %s, is %s\n", y.Field, nameOr(y.Ours, "none"), nameOr(y.Is, "none"))
			}
		}
	}
	return nil
}
