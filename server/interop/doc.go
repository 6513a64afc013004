// Package interop holds the tests with real Kea servers as partners, and with
// partners that misbehave. Start with TestInteropPair.
//
// Each test runs in network and process namespaces of its own, in a second
// process of the test binary: a bridge in the test's own namespace, and on it
// the two servers, each in a namespace with its own address. The clients are
// in the test's namespace, so that it sees what both servers answer. When a
// test ends the kernel ends all its processes.
//
// Without Kea the tests are skipped; with CI or LEASEHOLD_CI in the environment
// they fail. LEASEHOLD_LONG=1 in the environment makes them longer.
package interop
