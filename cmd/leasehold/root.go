package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"leasehold/cmd/leasehold/bench"
	"leasehold/cmd/leasehold/demo"
)

// quiet is an error that has been reported already; only its exit code is left.
type quiet int

func (q quiet) Error() string { return fmt.Sprintf("exit code %d", int(q)) }

func (q quiet) ExitCode() int { return int(q) }

// exitCode reports an error and turns it into the code of the process.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if q := quiet(0); !errors.As(err, &q) {
		fmt.Fprintf(stderr, "leasehold: %v\n", err)
	}
	if coded := interface{ ExitCode() int }(nil); errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return 1
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "leasehold",
		Short:         "DHCP server for IPv4 and IPv6 with high availability built in",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newServe(), newCheck(), bench.Command(), demo.Command(), newVersion(), newMan(root), newOpenAPI(), newSchema())
	root.AddCommand(newReplay(), newConvert())
	addOperatorVerbs(root)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version and the level of Kea that is followed",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), extendedVersion()) },
	}
}
