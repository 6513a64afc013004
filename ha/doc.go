// Package ha is Kea's High Availability: two servers that watch each other,
// tell each other every lease they give, and take over when one is lost.
//
// Start with Machine: New and Step. A Machine is one relationship of one
// family seen from this server. It is a pure value: an Event and the time go
// in, Actions come out, and the owner carries them out in order. Nothing in it
// waits; where Kea blocks inside a handler (synchronization, backlog,
// ha-reset, maintenance) the Machine sends a Command and goes on with the
// answer when that comes back as an Event.
//
// Reading order: state.go names the states, transition.go is the table of the
// protocol (one function per state), machine.go turns events into runs of that
// table, heartbeat.go and early.go say when the partner is asked, update.go parks
// responses until the partner has acknowledged, sync.go pulls leases, share.go
// divides pools, command.go and answer.go are the words on the wire.
// Package ha/link carries commands over HTTP; this package has no networking.
//
// testdata/ha/transitions.txt is the table written out, for every mode, role,
// own state and state of the partner.
//
// Left out on purpose: packets (the machine sees a Query), the lease store
// (it sees changes and hands changes back), configuration files, DNS.
package ha
