package server

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
)

// everyOption4 asks for all that could be configured.
func everyOption4() (codes []dhcpv4.OptionCode) {
	for code := 1; code < 255; code++ {
		if code < 50 || code > 61 || code == 60 {
			codes = append(codes, dhcpv4.GenericOptionCode(code))
		}
	}
	return codes
}

// describedQuery4 builds the DHCPv4 message that arguments describe.
func describedQuery4(_ *family, args *config.Value) ([]byte, error) {
	if args == nil || args.Kind != config.Map {
		return nil, errors.New("arguments must be a map that describes a query")
	}
	hw, err := net.ParseMAC(stringOf(args, "hw-address"))
	if err != nil {
		return nil, fmt.Errorf("read hw-address: %w", err)
	}
	m, err := dhcpv4.NewDiscovery(hw)
	if err != nil {
		return nil, fmt.Errorf("build the query: %w", err)
	}
	m.UpdateOption(dhcpv4.OptParameterRequestList(everyOption4()...))
	for _, x := range args.Members {
		if err := describe4(m, x.Key, stringOf(args, x.Key)); err != nil {
			return nil, err
		}
	}
	return m.ToBytes(), nil
}

func describe4(m *dhcpv4.DHCPv4, key, text string) error {
	addr := func() (net.IP, error) {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("%s is no IPv4 address: %q", key, text)
		}
		return a.AsSlice(), nil
	}
	var ip net.IP
	var err error
	switch key {
	case "hw-address", "interface":
	case "type":
		switch text {
		case "discover":
		case "request":
			m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
		default:
			return fmt.Errorf("type is discover or request, not %q", text)
		}
	case "relay":
		ip, err = addr()
		m.GatewayIPAddr = ip
	case "requested":
		if ip, err = addr(); err == nil {
			m.UpdateOption(dhcpv4.OptRequestedIPAddress(ip))
		}
	case "hostname":
		m.UpdateOption(dhcpv4.OptHostName(text))
	case "vendor-class":
		m.UpdateOption(dhcpv4.OptClassIdentifier(text))
	case "client-id":
		id, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
		if err != nil {
			return fmt.Errorf("read client-id: %w", err)
		}
		m.UpdateOption(dhcpv4.OptClientIdentifier(id))
	default:
		return fmt.Errorf("%q describes nothing: use hw-address, client-id, hostname, interface, relay, requested, type, vendor-class", key)
	}
	return err
}
