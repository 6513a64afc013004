package engine

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
)

// leaseArgs is a lease as lease4-add, lease6-update and their like bring it.
type leaseArgs struct {
	lease.Lease
	force bool // force-create
	told  bool // by a partner
}

// parseLease reads a lease from the arguments of a command. The order of the
// checks is Kea's: it decides which of several errors is answered.
func (e *Engine) parseLease(args *config.Value) (leaseArgs, error) {
	var l leaseArgs
	if args == nil || args.Kind != config.Map {
		return l, errors.New("lease information missing")
	}
	steps := []func(*config.Value, *leaseArgs) error{
		e.leaseResource, e.leaseSubnet, e.leaseClient, e.leaseTimes, leaseName, leaseState, leaseContext, e.leaseShape,
	}
	for _, step := range steps {
		if err := step(args, &l); err != nil {
			return l, err
		}
	}
	return l, nil
}

// leaseResource reads what the lease is for.
func (e *Engine) leaseResource(args *config.Value, l *leaseArgs) (err error) {
	if l.Addr, err = addrArg(args, "ip-address"); err != nil {
		return err
	}
	if family(l.Addr) != e.version {
		return fmt.Errorf("Non-IPv%d address specified: %s", e.version, l.Addr)
	}
	if e.version == 4 {
		hw, err := stringArg(args, "hw-address")
		if err != nil {
			return err
		}
		return l.setHWAddr(hw)
	}
	id, err := stringArg(args, "duid")
	if err != nil {
		return err
	}
	duid, err := parseIdentifier(id, 6)
	if state := args.Get("state"); id == "00" && state != nil && state.Int == int64(lease.Declined) {
		// A declined lease as a partner before 2.4 sends it.
		duid, err = []byte{0, 0, 0}, nil
	}
	if err != nil {
		return err
	}
	l.ClientID, l.PrefixLen = string(duid), 128
	if args.Get("type") == nil {
		return nil
	}
	name, err := stringArg(args, "type")
	if err != nil {
		return err
	}
	t, ok := leaseType(name)
	if !ok {
		return fmt.Errorf("Incorrect lease type: %s, the only supported values are: IA_NA and IA_PD", name)
	}
	if l.Type = t; t == lease.PD {
		n, err := uintArg(args, "prefix-len", math.MaxUint8)
		if err != nil {
			return err
		}
		if n == 0 || n > 128 {
			return fmt.Errorf("Invalid prefix length: %d", n)
		}
		l.PrefixLen = uint8(n)
	}
	return nil
}

func (l *leaseArgs) setHWAddr(text string) error {
	hw, err := parseHWAddr(text)
	if err != nil {
		return err
	}
	l.HWAddr, l.HWType = string(hw), 1
	return nil
}

// leaseSubnet finds the subnet of the lease.
func (e *Engine) leaseSubnet(args *config.Value, l *leaseArgs) (err error) {
	if l.SubnetID, _, err = optionalUint32(args, "subnet-id"); err != nil {
		return err
	}
	if l.PoolID, _, err = optionalUint32(args, "pool-id"); err != nil {
		return err
	}
	if l.SubnetID != 0 {
		s := e.subnets[l.SubnetID]
		if s == nil {
			return conflicts("Invalid subnet-id: No IPv%d subnet with subnet-id=%d currently configured.", e.version, l.SubnetID)
		}
		// Prefixes need not lie in their subnet.
		if l.Type != lease.PD && !s.Prefix.Contains(l.Addr) {
			return conflicts("The address %s does not belong to subnet %s, subnet-id=%d", l.Addr, s.Prefix, s.ID)
		}
		return nil
	}
	if l.Type == lease.PD {
		return errors.New("Subnet-id is 0 or not specified. This is allowed for address leases only, not prefix leases.")
	}
	s := e.selection.inPrefix(l.Addr, &classSet{})
	if s == nil {
		return conflicts("subnet-id not specified and failed to find a subnet for address %s", l.Addr)
	}
	l.SubnetID = s.ID
	return nil
}

// leaseClient reads who else holds the lease.
func (e *Engine) leaseClient(args *config.Value, l *leaseArgs) error {
	if e.version == 4 {
		if args.Get("client-id") == nil {
			return nil
		}
		text, err := stringArg(args, "client-id")
		if err != nil {
			return err
		}
		id, err := parseIdentifier(text, 4)
		l.ClientID = string(id)
		return err
	}
	iaid, err := uintArg(args, "iaid", math.MaxUint32)
	if err != nil {
		return err
	}
	l.IAID = uint32(iaid)
	if args.Get("hw-address") == nil {
		return nil
	}
	text, err := stringArg(args, "hw-address")
	if err != nil {
		return err
	}
	return l.setHWAddr(text)
}

// leaseTimes reads lifetimes and end; the subnet has what is not given.
func (e *Engine) leaseTimes(args *config.Value, l *leaseArgs) error {
	p := &e.subnets[l.SubnetID].Params
	valid, given, err := optionalUint32(args, "valid-lft")
	if err != nil {
		return err
	}
	if l.Valid = p.Valid.Default; given {
		l.Valid = valid
	}
	if e.version == 6 {
		preferred, given, err := optionalUint32(args, "preferred-lft")
		if err != nil {
			return err
		}
		// Kea: the subnet's valid lifetime stands in for a preferred one.
		if l.Preferred = p.Valid.Default; given {
			l.Preferred = preferred
		}
	}
	l.CLTT = e.now
	v := args.Get("expire")
	if v == nil {
		return nil
	}
	if v, err = member(args, "expire", config.Int); err != nil {
		return err
	}
	switch {
	case v.Int <= 0:
		return fmt.Errorf("expiration time must be positive for address %s", l.Addr)
	case v.Int < int64(l.Valid):
		return fmt.Errorf("expiration time must be greater than valid lifetime for address %s", l.Addr)
	}
	l.CLTT = v.Int - int64(l.Valid)
	return nil
}

func leaseName(args *config.Value, l *leaseArgs) (err error) {
	if l.FQDNFwd, err = optionalBool(args, "fqdn-fwd"); err != nil {
		return err
	}
	if l.FQDNRev, err = optionalBool(args, "fqdn-rev"); err != nil {
		return err
	}
	name, err := optionalString(args, "hostname")
	if err != nil {
		return err
	}
	l.Hostname = lowerASCII(name)
	if name == "" && (l.FQDNFwd || l.FQDNRev) {
		return errors.New("No hostname specified and either forward or reverse fqdn was set to true.")
	}
	return nil
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func leaseState(args *config.Value, l *leaseArgs) error {
	if args.Get("state") == nil {
		return nil
	}
	n, err := uintArg(args, "state", math.MaxUint8)
	if err != nil {
		return err
	}
	if n > int64(lease.Registered) {
		return fmt.Errorf("Invalid state value: %d, supported values are: 0 (default), 1 (declined), 2 (expired-reclaimed), 3 (released) and 4 (registered)", n)
	}
	l.State = lease.State(n)
	if l.State == lease.Declined && l.Type == lease.PD {
		return errors.New("Invalid declined state for PD prefix.")
	}
	return nil
}

// maxUserContext bounds what a command may attach to a lease.
const maxUserContext = 1 << 16

func leaseContext(args *config.Value, l *leaseArgs) error {
	ctx := args.Get("user-context")
	if ctx != nil && ctx.Kind != config.Map {
		return fmt.Errorf("Invalid user context '%s' is not a JSON map.", ctx.AppendJSON(nil))
	}
	if comment := args.Get("comment"); comment != nil {
		if ctx.Get("comment") != nil {
			return fmt.Errorf("Duplicated comment entry '%s' in user context '%s'", comment.AppendJSON(nil), sorted(ctx).AppendJSON(nil))
		}
		if ctx == nil {
			ctx = config.NewMap()
		}
		ctx = ctx.Clone()
		ctx.Set("comment", comment)
	}
	if ctx == nil || len(ctx.Members) == 0 {
		return nil
	}
	text := sorted(ctx).AppendJSON(nil)
	if len(text) > maxUserContext {
		return fmt.Errorf("user context is longer than %d bytes", maxUserContext)
	}
	l.UserContext = string(text)
	return nil
}

// leaseShape checks what concerns the lease as a whole.
func (e *Engine) leaseShape(args *config.Value, l *leaseArgs) (err error) {
	if l.Type == lease.PD {
		p := netip.PrefixFrom(l.Addr, int(l.PrefixLen))
		if p.Masked().Addr() != l.Addr {
			return fmt.Errorf("Prefix address: %s exceeds prefix/prefix-len pair: %s", l.Addr, p.Masked())
		}
	}
	l.force, err = optionalBool(args, "force-create")
	return err
}
