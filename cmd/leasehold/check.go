package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
)

// checking is how check was called.
type checking struct {
	json, sarif bool
	running     client // against which the files are compared, if it has an address
	leases      string // file
}

func newCheck() *cobra.Command {
	x := &checking{}
	c := &cobra.Command{
		Use:   "check FILE…",
		Short: "Find everything wrong with configuration files at once",
		Long: `Find everything wrong with configuration files at once: each error and each trap
with its place, what is wrong, and a cure. The exit code is 1 if there are errors;
warnings alone give 0. Interfaces that this machine does not have are a warning. Keys
in older spellings are one line for a file; --json and --sarif have each with its place.

With --against, what a reload of the files would change in the server behind a control
socket is told, too, and a warning given where leases in use would lose their subnet. With
another configuration file in place of the socket, the leases in its lease file count.

Files may be anywhere, unless the environment says where they have to be, as for a
server that is started as kea-dhcp4 or kea-dhcp6 without -X: KEA_DHCP_DATA_DIR,
KEA_LOG_FILE_DIR, KEA_LEGAL_LOG_DIR, KEA_CONTROL_SOCKET_DIR, KEA_HOOKS_PATH.`,
		Example: "  leasehold check /etc/kea/kea-dhcp4.conf\n  leasehold check new.conf --against /run/kea/kea4-ctrl-socket",
		Args:    cobra.MinimumNArgs(1),
		RunE:    x.run,
	}
	c.Flags().BoolVar(&x.json, "json", false, "print a JSON list of objects")
	c.Flags().BoolVar(&x.sarif, "sarif", false, "print SARIF 2.1.0, for code scanners")
	c.Flags().StringVar(&x.running.socket, "against", "", "compare with the server behind the control socket `PATH`, or with another file")
	c.Flags().StringVar(&x.leases, "leases", "", "with --against a file: lease `FILE` in use, if not the one that it names")
	c.MarkFlagsMutuallyExclusive("json", "sarif")
	x.running.timeout = time.Minute
	return c
}

func (x *checking) run(c *cobra.Command, files []string) error {
	out := c.OutOrStdout()
	told := out // what --against tells beside problems
	if x.json || x.sarif {
		told = io.Discard
	}
	var all config.Problems
	for _, file := range files {
		cfg, ps, err := checkFile(file)
		if err != nil {
			return err
		}
		all = append(all, ps...)
		if cfg == nil || x.running.socket == "" {
			continue
		}
		for _, f := range []*config.Family{cfg.V4, cfg.V6} {
			if f == nil {
				continue
			}
			r, err := x.other(contextOf(c), f.Version)
			if err != nil {
				return reportProblems(c.ErrOrStderr(), err)
			}
			if r == nil {
				continue // the other file has nothing of the family
			}
			all = append(all, r.compare(contextOf(c), told, f)...)
		}
	}
	if err := x.print(out, all); err != nil {
		return err
	}
	for _, p := range all {
		if !p.Warning {
			return quiet(1)
		}
	}
	return nil
}

// other is what the files are compared with: a server, or a file.
func (x *checking) other(ctx context.Context, version int) (*running, error) {
	if info, err := os.Stat(x.running.socket); err == nil && info.Mode().IsRegular() {
		return fromFile(x.running.socket, x.leases, version)
	}
	return askRunning(ctx, &x.running, version)
}

func (x *checking) print(w io.Writer, ps config.Problems) error {
	switch {
	case x.json:
		return writeProblems(w, ps)
	case x.sarif:
		return writeSARIF(w, ps)
	}
	printProblems(w, gatherSpellings(ps))
	return nil
}

// gatherSpellings puts one line for a file in place of many about older spellings,
// which every file of an older Kea has.
func gatherSpellings(ps config.Problems) config.Problems {
	const code = "older-spelling"
	files := map[string]config.Problems{}
	for _, p := range ps {
		if p.Code == code {
			files[p.Pos.File] = append(files[p.Pos.File], p)
		}
	}
	var all config.Problems
	for _, p := range ps {
		of := files[p.Pos.File]
		switch {
		case p.Code != code || len(of) == 1:
			all = append(all, p)
		case p == of[0]:
			var names, cures []string
			for _, q := range of {
				if name := path.Base(q.Path); !slices.Contains(names, name) {
					names, cures = append(names, name), append(cures, strings.TrimPrefix(q.Cure, "use "))
				}
			}
			all = append(all, &config.Problem{Code: code, Pos: config.Pos{File: p.Pos.File}, Warning: true,
				What: fmt.Sprintf("%d keys in older spellings: %s", len(of), strings.Join(names, ", ")),
				Cure: "use " + strings.Join(cures, ", ") + ", unless an older Kea is to read the file; --json has the places"})
		}
	}
	return all
}

// checkFile returns what a file says, if it can be used, and what is wrong with it.
func checkFile(file string) (*config.Config, config.Problems, error) {
	cfg, err := config.LoadWith(config.Options{
		InterfaceExists: interfaceExists, InterfaceAddressed: interfaceAddressed, MissingInterfacesWarn: true,
		Dirs: config.DirsOf(os.Getenv),
	}, file)
	var ps config.Problems
	switch {
	case err == nil:
		return cfg, cfg.Warnings, nil
	case errors.As(err, &ps):
		return nil, ps, nil
	}
	return nil, nil, err
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
