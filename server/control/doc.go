// Package control carries Kea's commands to a Handler and the answers back:
// unix sockets, HTTP and HTTPS control sockets, the control agent's endpoint,
// and the listener at which an HA partner knocks.
//
// Endpoints lists what a configuration wants; Doors.Apply opens and closes doors
// accordingly. Open opens a single Door, for the listener of HA partners; what
// happens to a command at a door is said by its Endpoint.
// Every transport parses the same envelope (envelope.go), checks the caller's
// role against the command's, writes the audit line, and prints the answer in
// Kea's layout. Memory and time are bounded for every caller: size of a
// request, of all requests together, number of connections, silence, slowness.
//
// HTTP is spoken by hand on top of http.ReadRequest, because Kea's clients and
// tests depend on details that net/http's server decides otherwise: a missing
// Host is fine, a request that stays incomplete is answered 408, every error
// has a JSON body, every answer a Content-Length.
//
// Left out on purpose: what commands do.
package control
