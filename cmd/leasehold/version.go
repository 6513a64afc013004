package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"leasehold/server"
)

// release is our own version; the Makefile sets it from the tag.
var release = "devel"

// extendedVersion begins with the level of Kea, as tools expect of -V.
func extendedVersion() string {
	return fmt.Sprintf("%s\nLeasehold %s, compatible with Kea %s\nbuilt with %s for %s/%s\n",
		server.Version, release, server.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// buildReport lists what the binary was made of.
func buildReport() string {
	var b strings.Builder
	b.WriteString(extendedVersion())
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b.String()
	}
	for _, s := range info.Settings {
		fmt.Fprintf(&b, "setting %s=%s\n", s.Key, s.Value)
	}
	for _, m := range info.Deps {
		fmt.Fprintf(&b, "module %s %s\n", m.Path, m.Version)
	}
	return b.String()
}
