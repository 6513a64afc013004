package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"leasehold/config"
)

func newCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check FILE…",
		Short: "Find everything wrong with configuration files at once",
		Long: `Find everything wrong with configuration files at once: each error and each trap
with its place, what is wrong, and a cure. The exit code is 1 if there are errors;
warnings alone give 0. Interfaces that this machine does not have are a warning.

Files may be anywhere, unless the environment says where they have to be, as for a
server that is started as kea-dhcp4 or kea-dhcp6 without -X: KEA_DHCP_DATA_DIR,
KEA_LOG_FILE_DIR, KEA_LEGAL_LOG_DIR, KEA_CONTROL_SOCKET_DIR, KEA_HOOKS_PATH.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			var all config.Problems
			for _, file := range files {
				ps, err := checkFile(file)
				if err != nil {
					return err
				}
				all = append(all, ps...)
			}
			out := c.OutOrStdout()
			if asJSON {
				if err := writeProblems(out, all); err != nil {
					return err
				}
			} else {
				printProblems(out, all)
			}
			for _, p := range all {
				if !p.Warning {
					return quiet(1)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON list of objects")
	return c
}

func checkFile(file string) (config.Problems, error) {
	cfg, err := config.LoadWith(config.Options{InterfaceExists: interfaceExists, MissingInterfacesWarn: true, Dirs: config.DirsOf(os.Getenv)}, file)
	var ps config.Problems
	switch {
	case err == nil:
		return cfg.Warnings, nil
	case errors.As(err, &ps):
		return ps, nil
	}
	return nil, err
}

// printProblems prints one line each: place, path, what, cure, code.
func printProblems(w io.Writer, ps config.Problems) {
	for _, p := range ps {
		kind := p.Code
		if p.Warning {
			kind += ", warning"
		}
		fmt.Fprintf(w, "%v [%s]\n", p, kind)
	}
}

// problemJSON is one problem as `check --json` prints it.
type problemJSON struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Path     string `json:"path,omitempty"`
	Severity string `json:"severity"` // error, warning
	Code     string `json:"code"`
	What     string `json:"what"`
	Cure     string `json:"cure,omitempty"`
}

func writeProblems(w io.Writer, ps config.Problems) error {
	list := make([]problemJSON, len(ps))
	for i, p := range ps {
		list[i] = problemJSON{p.Pos.File, p.Pos.Line, p.Pos.Col, p.Path, "error", p.Code, p.What, p.Cure}
		if p.Warning {
			list[i].Severity = "warning"
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(list)
}
