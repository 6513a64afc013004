package lease

// Leases are found by subnet and state in a tree of numbers: the subnet in the
// upper half, then the state, then the record. So those of a subnet stand
// together, and within it those of a state.
const (
	subnetShift = 32
	stateShift  = 29 // records below 2^29: more than memory holds
	recordMask  = 1<<stateShift - 1
	stateMask   = 1<<(subnetShift-stateShift) - 1
)

func groupKey(subnet uint32, st State, n uint32) number {
	return number(subnet)<<subnetShift | number(st)<<stateShift | number(n)
}

// Group is a choice of leases: of a subnet, in a state, or both.
type Group struct {
	Subnet   uint32 // 0: of every subnet
	State    State
	AnyState bool
}

// A Place is where InGroup goes on. The zero Place is the start.
type Place uint64

// InGroup appends up to limit leases of a group, in no particular order, and
// returns where to go on; done: there are no more. Between two calls leases may
// change: those that are in the group all the time are met. Cost: what is
// appended, and at most limit subnets without a fitting lease.
func (s *Store) InGroup(dst []Lease, g Group, from Place, limit int) (_ []Lease, next Place, done bool) {
	k := number(from)
	if g.Subnet != 0 {
		k = max(k, groupKey(g.Subnet, 0, 0))
	}
	for limit > 0 {
		done = true
		s.groups.ascend(k, false, func(at number, _ *struct{}) bool {
			k = at
			subnet, st := uint32(at>>subnetShift), State(at>>stateShift&stateMask)
			switch {
			case g.Subnet != 0 && subnet != g.Subnet:
				return false
			case !g.AnyState && st < g.State:
				k, done = groupKey(subnet, g.State, 0), false
			case !g.AnyState && st > g.State:
				k, done = groupKey(subnet+1, g.State, 0), subnet == 1<<32-1
			default:
				dst = append(dst, Lease{})
				s.read(uint32(at&recordMask), &dst[len(dst)-1])
				k++
				limit--
				done = limit > 0
				return done
			}
			limit--
			return false
		})
		if done {
			break
		}
	}
	return dst, Place(k), done
}

// BySubnet appends the leases of a subnet, by ascending address.
func (s *Store) BySubnet(dst []Lease, subnet uint32) []Lease {
	return s.whole(dst, Group{Subnet: subnet, AnyState: true})
}

// ByState appends the leases in a state, by ascending address; subnet 0 = all
// subnets.
func (s *Store) ByState(dst []Lease, st State, subnet uint32) []Lease {
	return s.whole(dst, Group{Subnet: subnet, State: st})
}

func (s *Store) whole(dst []Lease, g Group) []Lease {
	first := len(dst)
	for from, done := Place(0), false; !done; {
		dst, from, done = s.InGroup(dst, g, from, pageLimit)
	}
	byAddr(dst[first:])
	return dst
}

// Subnets returns the numbers of all subnets that have leases, ascending.
func (s *Store) Subnets() []uint32 {
	var ids []uint32
	for k, more := number(0), true; more; {
		more = false
		s.groups.ascend(k, false, func(at number, _ *struct{}) bool {
			id := uint32(at >> subnetShift)
			ids = append(ids, id)
			k, more = groupKey(id+1, 0, 0), id < 1<<32-1
			return false
		})
	}
	return ids
}

// join and leave keep record n in the group of its subnet and state.
func (s *Store) join(n uint32) {
	r := s.slab.rec(n)
	s.groups.put(groupKey(r.subnet, r.state, n))
}

func (s *Store) leave(n uint32) {
	r := s.slab.rec(n)
	s.groups.remove(groupKey(r.subnet, r.state, n))
}
