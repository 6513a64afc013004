package demo

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

// Command returns `leasehold demo`.
func Command() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Serve real exchanges in namespaces of its own, and tell of them",
		Long: `Starts a server on a small configuration, lets clients get, renew and release
leases, and prints what happens until Ctrl-C. All of it is on a wire of its own:
no interface of this machine is used and no packet leaves it. Where the kernel
lets users make namespaces it needs no privileges.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return start(once, c.OutOrStdout(), c.ErrOrStderr()) },
	}
	c.Flags().BoolVar(&once, "once", false, "end after each client had its first lease, renewed and released it")
	c.AddCommand(newStage(), newNode())
	return c
}

// newStage and newNode are the command's calls of itself.
func newStage() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use: "stage", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return play(ctx, once, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&once, "once", false, "")
	return c
}

func newNode() *cobra.Command {
	return &cobra.Command{
		Use: "node ADDRESS FILE", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return becomeServer(args[0], args[1], os.Stdin) },
	}
}

// start runs the stage in namespaces and returns when it is over.
func start(once bool, stdout, stderr io.Writer) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)

	stage := func(flags uintptr) (*exec.Cmd, error) {
		cmd := &exec.Cmd{Path: self, Args: []string{"leasehold", "demo", "stage"}, Stdout: stdout, Stderr: stderr}
		if once {
			cmd.Args = append(cmd.Args, "--once")
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | flags,
			Pdeathsig:  syscall.SIGKILL,
		}
		if flags&syscall.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		return cmd, cmd.Start()
	}
	cmd, err := stage(syscall.CLONE_NEWUSER)
	if err != nil && os.Getuid() == 0 {
		cmd, err = stage(0)
	}
	if err != nil {
		return fmt.Errorf("make user and network namespaces (as root it may work): %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// Ctrl-C has reached the stage as well; kill reaches us alone.
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s)
			}
		case err := <-ended:
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				return stageFailed(exit.ExitCode())
			}
			return err
		}
	}
}

// stageFailed is the end of a stage that has said why.
type stageFailed int

func (s stageFailed) Error() string { return "the demo ended early" }

func (s stageFailed) ExitCode() int { return max(1, int(s)) }
