// Package packaging holds the files that packages are made of: units, manual
// page, maintainer scripts, dashboard and alerts. Its test installs the package
// on a machine that systemd runs and follows it through its life there
// (testdata/machine.sh).
package packaging
