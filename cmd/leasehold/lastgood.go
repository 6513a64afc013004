package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"leasehold/config"
	"leasehold/server"
)

// loadOr loads files. With lastGood, a broken file is replaced by the last
// configuration of it that worked; broken says by file what is wrong with it.
func loadOr(opts config.Options, lastGood bool, files []string) (cfg *config.Config, broken map[string]error, err error) {
	cfg, err = config.LoadWith(opts, files...)
	if err == nil || !lastGood {
		return cfg, nil, err
	}
	broken = make(map[string]error)
	served := make([]string, len(files))
	for i, file := range files {
		served[i] = file
		if _, wrong := config.LoadWith(opts, file); wrong != nil && hasLastGood(opts, file) {
			served[i] = server.LastGood(file)
			broken[file] = wrong
		}
	}
	if len(broken) == 0 {
		return nil, nil, err
	}
	if cfg, err = config.LoadWith(opts, served...); err != nil {
		return nil, nil, err
	}
	// A reload reads the file again, and config-write repairs it.
	for file := range broken {
		for _, f := range []*config.Family{cfg.V4, cfg.V6} {
			if f != nil && f.File == server.LastGood(file) {
				f.File = file
			}
		}
	}
	return cfg, broken, nil
}

// hasLastGood says whether a configuration that works is kept beside a file.
func hasLastGood(opts config.Options, file string) bool {
	_, err := config.LoadWith(opts, server.LastGood(file))
	return err == nil
}

// offerLastGood tells who reads why the start was refused that service is one
// option away, if it is. The command is the one that was given, and the option.
func offerLastGood(w io.Writer, opts config.Options, files []string, command []string) {
	for _, file := range files {
		if _, wrong := config.LoadWith(opts, file); wrong == nil || !hasLastGood(opts, file) {
			continue
		}
		when := ""
		if i, err := os.Stat(server.LastGood(file)); err == nil {
			when = i.ModTime().Format(" of 2006-01-02 15:04:05 MST")
		}
		fmt.Fprintf(w, "%s is broken. The last configuration of it that worked is kept in %s%s.\nTo serve with that one meanwhile: %s\n",
			file, server.LastGood(file), when, shellLine(append(command, "--last-good")))
		return
	}
}

// shellLine is a command line as a shell takes it.
func shellLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		plain := a != "" && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=+,@%") == ""
		if quoted[i] = a; !plain {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
