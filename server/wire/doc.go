// Package wire reads and writes DHCP messages in place, in buffers that are
// used again and again, and says how they came and where they go.
//
// Message4 and Message6 are views of a received datagram: one pass over the
// bytes notes where each option lies. Whatever is unusual (option overload,
// split options) goes through the codec github.com/insomniacslk/dhcp, which is
// also the oracle in tests: both must agree on every message of the scenarios
// and under fuzz. Writer4 and Writer6 append responses to a reused buffer.
//
// Left out on purpose: sockets (package listen), decisions (package engine).
package wire
