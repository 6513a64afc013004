package lease

// Backend remembers what a Store did. Load is called once, before anything
// else; Append by one goroutine at a time.
type Backend interface {
	// Load calls fn for every lease that is remembered, in no particular
	// order, each address once.
	Load(fn func(Lease) error) error
	// Append remembers changes, in order. When it returns nil they are as
	// durable as the configuration demands: synced, or handed to the system.
	// When it returns an error none of them may be promised to a client; the
	// backend tries again by itself with the next Append.
	Append(changes []Change) error
	// SetSync says whether Append waits for the disk from now on.
	SetSync(on bool) error
	Close() error
}
