// Package probe asks DHCP servers as clients behind a relay agent do, again and
// again, and measures for how long nobody answers. Start with Open.
//
// It sends DISCOVER or SOLICIT only: nothing is leased.
package probe
