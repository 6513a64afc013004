// Package lease holds what the server has promised: which client holds which
// address or prefix until when.
//
// Start with Store: the one in-memory index of a family, and the only place
// where leases change. Every change comes out of it as a Change with a
// sequence number; a Backend (memfile in Kea's CSV form, or SQLite) remembers
// them and gives the leases back at start. The Store answers every question;
// backends are never asked while serving.
//
// A Store is not safe for concurrent use: the engine owns it. Backends do the
// file work, outside the engine's lock. The only clock is the now argument.
//
// Left out on purpose: configuration, packets, subnets and pools as the
// configuration knows them (a lease carries the number of its subnet, no more).
package lease
