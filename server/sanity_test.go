package server

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/logging"
)

// TestLeaseChecks: what becomes of a lease whose subnet does not fit, by
// sanity-checks.lease-checks.
func TestLeaseChecks(t *testing.T) {
	subnets := []*config.Subnet{
		{ID: 1, Prefix: netip.MustParsePrefix("2001:db8:1::/64")},
		{ID: 2, Prefix: netip.MustParsePrefix("2001:db8:2::/64")},
	}
	lost := lease.Lease{Addr: netip.MustParseAddr("2001:db8:2::5"), SubnetID: 1}
	nowhere := lease.Lease{Addr: netip.MustParseAddr("2001:db8:9::5"), SubnetID: 9}
	prefix := lease.Lease{Addr: netip.MustParseAddr("2001:db8:9::"), Type: lease.PD, PrefixLen: 56, SubnetID: 1}
	fits := lease.Lease{Addr: netip.MustParseAddr("2001:db8:1::5"), SubnetID: 1}
	cases := []struct {
		how    string
		l      lease.Lease
		keep   bool
		subnet uint32
		says   string
	}{
		{"none", nowhere, true, 9, ""},
		{"warn", fits, true, 1, ""},
		{"warn", lost, true, 1, "DHCPSRV_LEASE_SANITY_FAIL The lease 2001:db8:2::5 with subnet-id 1 failed subnet-id checks"},
		{"del", prefix, true, 1, ""},
		{"fix", lost, true, 2, "failed subnet-id checks, but was corrected to subnet-id 2."},
		{"fix", nowhere, true, 9, "DHCPSRV_LEASE_SANITY_FAIL "},
		{"fix-del", lost, true, 2, "corrected to subnet-id 2."},
		{"fix-del", nowhere, false, 9, "DHCPSRV_LEASE_SANITY_FAIL_DISCARD The lease 2001:db8:9::5 with subnet-id 9 failed"},
		{"del", lost, false, 1, "DHCPSRV_LEASE_SANITY_FAIL_DISCARD"},
	}
	for _, c := range cases {
		var out bytes.Buffer
		w := logging.Start(logging.Options{Stdout: &out, Stderr: &out})
		log, err := w.Sink("kea-dhcp6", nil)
		if err != nil {
			t.Fatal(err)
		}
		s := newSanity(&config.Family{Version: 6, Subnets: subnets, Sanity: config.SanityChecks{LeaseChecks: c.how}}, log)
		l := c.l
		keep := s.check(&l)
		w.Close()
		if keep != c.keep || l.SubnetID != c.subnet {
			t.Errorf("%s %s: kept %v in subnet %d, want %v in %d", c.how, c.l.Addr, keep, l.SubnetID, c.keep, c.subnet)
		}
		if c.says == "" && out.Len() > 0 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s %s: said %q", c.how, c.l.Addr, out.String())
		}
	}
}
