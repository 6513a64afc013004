package lease

// Free knows which resources of one pool are free to be given away: it counts
// them by index (0 = first address or prefix of the pool) and finds the next
// or a random free one in time that does not grow as the pool fills. Pools too
// large to map are kept as the set of what is taken.
type Free struct {
}

// NewFree returns a Free of n resources, all free. n is capped at 1<<63.
func NewFree(n uint64) *Free { panic("lease: Free is being written") }

// Take and Give mark index i taken or free. Marks nest: a resource can be held
// for several reasons (leased, reserved) and is free when none is left.
// Reasons are bits chosen by the caller.
func (f *Free) Take(i uint64, reason uint8) { panic("lease: Free is being written") }

func (f *Free) Give(i uint64, reason uint8) { panic("lease: Free is being written") }

// Next returns the first free index at or after from, wrapping around once.
func (f *Free) Next(from uint64) (uint64, bool) { panic("lease: Free is being written") }

// Random returns a free index; rnd is the caller's randomness.
func (f *Free) Random(rnd uint64) (uint64, bool) { panic("lease: Free is being written") }

// Oldest returns the index that was given back longest ago, never-used ones
// first (free lease queue).
func (f *Free) Oldest() (uint64, bool) { panic("lease: Free is being written") }

// Len returns how many are free, Size how many there are.
func (f *Free) Len() uint64 { panic("lease: Free is being written") }

func (f *Free) Size() uint64 { panic("lease: Free is being written") }
