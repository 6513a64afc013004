// Command leasehold is a DHCPv4 and DHCPv6 server with high availability built
// in. It reads Kea's configuration files and answers Kea's commands; started
// under the name kea-dhcp4 or kea-dhcp6 it takes Kea's command line as well.
package main

import (
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without its process. args begins with the name it was
// called by. The result is the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch filepath.Base(args[0]) {
	case "kea-dhcp4":
		return runKea(4, args, stdout, stderr)
	case "kea-dhcp6":
		return runKea(6, args, stdout, stderr)
	}
	root := newRoot()
	root.SetArgs(args[1:])
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.Execute(), stderr)
}
