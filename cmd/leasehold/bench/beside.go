package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// self is the program, from inside whatever namespace.
const self = "/proc/self/exe"

// comparison is what `leasehold bench beside` is asked for.
type comparison struct {
	Rounds int
	Count  int
	Window int
	Leases int // of the start; 0: left out
	Quick  bool
	JSON   string
}

// beside returns `leasehold bench beside`.
func beside() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use:   "beside [flags]",
		Short: "Measure this server, and Kea beside it where it is installed",
		Long: `Starts this server and, where they are installed, Kea's, one after the other on
the same configuration, in network namespaces of its own, loads each in the same
way, and prints medians over the rounds and their ratio to Kea's: CPU time and
rate of new and renewing clients, latencies at half of Kea's own best rate, what
is completed when three times as much is offered, the time to start with many
leases, and a hot-standby pair.

Server and generator share the machine, so rates and latencies depend on what
else it does; CPU time per exchange hardly does. Needs root, or a kernel that
lets users make namespaces.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.inNamespace(cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	c.flags(cmd)
	stage := &cobra.Command{
		Use: "stage", Hidden: true, Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return c.run(ctx, cmd.OutOrStdout())
		},
	}
	c.flags(stage)
	node := &cobra.Command{
		Use: "node ADDRESS PROGRAM [ARG]...", Hidden: true, Args: cobra.MinimumNArgs(2), DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error { return becomeServer(args[0], args[1:], os.Stdin) },
	}
	cmd.AddCommand(stage, node)
	return cmd
}

func (c *comparison) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&c.Rounds, "rounds", 3, "how often each server is measured")
	f.IntVarP(&c.Count, "count", "n", 40000, "exchanges of each measurement")
	f.IntVarP(&c.Window, "window", "w", 64, "exchanges in flight")
	f.IntVar(&c.Leases, "leases", 1000000, "leases that the servers start with; 0: no start is measured")
	f.BoolVar(&c.Quick, "quick", false, "one small round of DHCPv4, in a few seconds")
	f.StringVar(&c.JSON, "json", "", "write all figures to this `file`, too")
}

// inNamespace runs the comparison in namespaces of its own.
func (c *comparison) inNamespace(stdout, stderr io.Writer) error {
	args := []string{"leasehold", "bench", "beside", "stage", "--json", c.JSON, fmt.Sprintf("--quick=%v", c.Quick)}
	for name, v := range map[string]int{"rounds": c.Rounds, "count": c.Count, "window": c.Window, "leases": c.Leases} {
		args = append(args, fmt.Sprintf("--%s=%d", name, v))
	}
	stage := func(flags uintptr) (*exec.Cmd, error) {
		cmd := &exec.Cmd{Path: self, Args: args, Stdout: stdout, Stderr: stderr}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | flags, Pdeathsig: syscall.SIGKILL}
		if flags&syscall.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		return cmd, cmd.Start()
	}
	var cmd *exec.Cmd
	var err error
	if os.Getuid() == 0 {
		cmd, err = stage(0)
	} else {
		cmd, err = stage(syscall.CLONE_NEWUSER)
	}
	if err != nil {
		return fmt.Errorf("make a network namespace (as root it may work): %w", err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		for s := range signals {
			// Ctrl-C has reached the stage as well; kill reaches us alone.
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s)
			}
		}
	}()
	if err := cmd.Wait(); err != nil {
		return errors.New("the comparison ended early")
	}
	return nil
}
