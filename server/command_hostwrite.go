package server

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
)

// reservationArg returns the reservation that a command brings, without its
// subnet.
func (f *family) reservationArg(c *control.Command) (v *config.Value, subnet int64, given bool, err error) {
	args, err := hostArgs(c)
	if err != nil {
		if c.Arguments == nil {
			err = refused("no parameters specified for the command")
		}
		return nil, 0, false, err
	}
	v = args.Get("reservation")
	switch {
	case v == nil:
		return nil, 0, false, refused("reservation must be specified")
	case v.Kind != config.Map:
		return nil, 0, false, refused("invalid command: expected 'reservation' to be a map, got %s instead", kindNames[v.Kind])
	}
	v = v.Clone()
	if subnet, given, err = subnetID(v); err != nil {
		return nil, 0, false, err
	}
	v.Remove("subnet-id")
	return v, subnet, given, nil
}

// reservationList returns the list that holds the reservations of a subnet.
func (f *family) reservationList(tree *config.Value, subnet int64) (*config.Value, error) {
	if subnet == 0 {
		return listIn(tree, "reservations"), nil
	}
	p, ok := f.placed(tree, byID(subnet))
	if !ok {
		return nil, refused("%s subnet with ID of '%d' is not configured", f.protocol(), subnet)
	}
	return listIn(p.value(), "reservations"), nil
}

func reservationAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, subnet, given, err := f.reservationArg(c)
	if err != nil {
		return answered(err)
	}
	if !given {
		if err := f.hintSubnet(v); err != nil {
			return answered(err)
		}
	}
	text := "Host added."
	if !given {
		text += " subnet-id not specified, assumed global (subnet-id 0)."
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		list, err := f.reservationList(tree, subnet)
		if err != nil {
			return nil, err
		}
		if err := f.matching(tree, subnet, v); err != nil {
			return nil, err
		}
		list.List = append(list.List, v)
		return saying(text), nil
	})
}

// matching refuses addresses outside of the subnet.
func (f *family) matching(tree *config.Value, subnet int64, v *config.Value) error {
	p, ok := f.placed(tree, byID(subnet))
	if !ok {
		return nil
	}
	prefix, err := netip.ParsePrefix(stringOf(p.value(), "subnet"))
	if err != nil {
		return err
	}
	for _, text := range addressesOf(v) {
		if a, err := netip.ParseAddr(text); err == nil && !prefix.Contains(a) {
			return refused("specified reservation '%s' is not matching the %s subnet prefix '%s'", text, f.protocol(), prefix)
		}
	}
	return nil
}

func addressesOf(v *config.Value) []string {
	var texts []string
	if a := stringOf(v, "ip-address"); a != "" {
		texts = append(texts, a)
	}
	for _, x := range elements(v.Get("ip-addresses")) {
		if x.Kind == config.String {
			texts = append(texts, x.Str)
		}
	}
	return texts
}

// hintSubnet refuses addresses without a subnet, and says which one they are in.
func (f *family) hintSubnet(v *config.Value) error {
	for _, text := range addressesOf(v) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		for _, s := range f.cfg.Load().Subnets {
			if s.Prefix.Contains(a) {
				return refused("Mandatory 'subnet-id' parameter missing. The address '%s' belongs to subnet '%s' id %d.", a, s.Prefix, s.ID)
			}
		}
		return refused("Mandatory 'subnet-id' parameter missing. The address '%s' belongs to no configured subnet.", a)
	}
	return nil
}

func reservationUpdate(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, subnet, given, err := f.reservationArg(c)
	if err != nil {
		return answered(err)
	}
	if !given {
		return failure("missing parameter 'subnet-id' (%s)", v.Pos)
	}
	var fits func(host) bool
	for _, typ := range identifierTypes {
		if text := stringOf(v, typ); text != "" {
			id, err := identifier(text)
			if err != nil || typ == "hw-address" && len(id) > maxHWAddr {
				return failure("invalid host identifier value '%s'", text)
			}
			fits = both(inSubnet(subnet), identifiedBy(typ, id))
		}
	}
	if fits == nil {
		return failure("one of the supported identifiers must be specified for host reservation: %s", strings.Join(identifierTypes, ", "))
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		found := f.hosts(tree, fits)
		if len(found) == 0 {
			return nil, refused("Host not updated (not found).")
		}
		if err := f.matching(tree, subnet, v); err != nil {
			return nil, err
		}
		found[0].list.List[found[0].index] = v
		return saying("Host updated."), nil
	})
}

func reservationDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	fits, err := f.whichHost(c)
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		found := f.hosts(tree, fits)
		if len(found) == 0 {
			return nil, missing("Host not deleted (not found).")
		}
		h := found[0]
		h.list.List = slices.Delete(h.list.List, h.index, h.index+1)
		return saying("Host deleted."), nil
	})
}
