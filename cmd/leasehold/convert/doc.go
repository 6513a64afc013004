// Package convert turns the configuration files of other DHCP servers into Kea's
// form: dhcpd.conf of ISC DHCP (ISC) and dnsmasq.conf (Dnsmasq). Every line that is
// not carried over, or not exactly, is in the result's notes with its reason.
//
// Start with ISC, in isc.go. A file is read into a tree of statements
// (isc_parse.go); scopes collect what Kea's maps will have (isc_scope.go); options,
// classes and hosts have files of their own. Files that are included are read by a
// function that the caller gives: nothing here opens one.
//
// Left out on purpose: leases (package lease reads those of both servers).
package convert
