package server

import (
	"context"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
)

// configMirror answers leasehold-mirror: the configuration as a partner may
// compare it with its own, without credentials.
func configMirror(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	tree := f.cfg.Load().Tree.Clone()
	withhold(tree)
	return control.Answer{Arguments: arguments(config.M(f.root(), tree))}
}

// withhold takes every credential out of a tree, and the files that hold one.
func withhold(v *config.Value) {
	v.Members = slices.DeleteFunc(v.Members, func(m config.Member) bool {
		return strings.Contains(m.Key, "password") || strings.Contains(m.Key, "secret") || m.Key == "basic-auth-user-file" || m.Key == "user-file"
	})
	for i := range v.Members {
		withhold(v.Members[i].Value)
	}
	for _, e := range v.List {
		withhold(e)
	}
}
