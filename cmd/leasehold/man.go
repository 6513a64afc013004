package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"leasehold/server"
)

//go:embed packaging/leasehold.conf.5.md
var manConf string

//go:embed packaging/leasehold-migration.7.md
var manMigration string

// newMan writes the manual pages, for packaging: those of the program follow
// its flags, that of the commands follows their table.
func newMan(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "LEASEHOLD", Section: "8"}, args[0]); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			for name, text := range map[string]string{"leasehold.conf.5": manConf, "leasehold-migration.7": manMigration, "leasehold-commands.7": manCommands()} {
				if err := os.WriteFile(filepath.Join(args[0], name), md2man.Render([]byte(text)), 0o644); err != nil {
					return fmt.Errorf("write manual pages: %w", err)
				}
			}
			return nil
		},
	}
}

// manCommands describes every command of the control socket.
func manCommands() string {
	var b strings.Builder
	b.WriteString(`leasehold-commands 7 "" "Leasehold" "Commands of the control socket"
==================================================

# NAME
leasehold-commands - what the control socket understands

# DESCRIPTION
A command is a JSON map with the members command and arguments, written to a control
socket; **leasehold command** NAME ARGUMENTS sends one. Names and answers are those of
Kea; leasehold-explain and leasehold-goodbye are of our own. X stands for 4 or 6. A
user of an HTTP socket may be given a role: read, operate or change.

# COMMANDS
`)
	for _, c := range server.CommandDocs() {
		fmt.Fprintf(&b, "**%s**\n: %s (role %s", c.Name, c.Doc, c.Role)
		if c.Hook != "" {
			fmt.Fprintf(&b, ", with %s", strings.ReplaceAll(c.Hook, "_", `\_`))
		}
		b.WriteString(")\n\n")
	}
	b.WriteString("# SEE ALSO\n**leasehold**(8), **leasehold.conf**(5)\n")
	return b.String()
}
