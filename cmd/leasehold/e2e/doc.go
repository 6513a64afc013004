// Package e2e holds the end-to-end tests: the program as it is installed,
// foreign DHCP clients, relay agents and load generators, and a wire between
// them. Start with talk4, the life of a DHCPv4 client. Missing among the
// clients is systemd-networkd's, which does not run without systemd.
//
// Each test runs in network, mount and process namespaces of its own, in a
// second process of the test binary, and every client in further ones below
// it. Nothing of the machine's network is seen or touched, and when a test
// ends the kernel ends all its processes.
//
// A program that is missing here skips its test; with CI or LEASEHOLD_CI in the
// environment it fails it.
package e2e
