package ha

import (
	"net/netip"
	"strconv"
	"time"

	"leasehold/lease"
)

// Command is a request to a peer. Name decides which fields count.
type Command struct {
	Name   string
	Family int
	Server string // our own name

	Changes []lease.Change // lease4-update, -del: one; lease6-bulk-apply, leasehold-lease-batch: any number
	Old     bool           // released leases go as deletions: the peer may be too old for their state
	From    netip.Addr     // pages: exclusive; zero = start
	Limit   uint32         // pages and changes
	Point   Point          // changes; ha-sync-complete-notify
	Own     Point          // ha-sync-complete-notify: of our own change stream, when all pages of the peer's were pulled last
	Period  time.Duration  // dhcp-disable; 0 = without end
	Origin  uint32         // dhcp-disable, dhcp-enable, ha-sync-complete-notify
	Cancel  bool           // ha-maintenance-notify
	State   State          // ha-maintenance-notify; ha-heartbeat to one of us
	Shares  []Share        // leasehold-pool-share
}

// Append writes the command as Kea does: members in alphabetical order, all
// that any version of Kea looks for.
func (c *Command) Append(dst []byte) []byte {
	dst = append(dst, `{ "arguments": { `...)
	dst = c.appendArguments(dst)
	dst = append(dst, ` }, "command": "`...)
	dst = append(dst, c.Name...)
	dst = append(dst, `", "service": [ "dhcp`...)
	dst = append(dst, byte('0'+c.Family))
	return append(dst, `" ] }`...)
}

func (c *Command) appendArguments(dst []byte) []byte {
	switch c.Name {
	case cmdUpdate4, cmdDelete4:
		at := len(dst)
		if l := &c.Changes[0].Lease; c.Name == cmdDelete4 {
			dst = lease.AppendUpdateJSON(dst, l, 4, false, "")
		} else {
			dst = lease.AppendUpdateJSON(dst, l, 4, true, "ha-partner")
		}
		// Without its braces: the outer ones are there already.
		dst = dst[:at+copy(dst[at:], dst[at+2:])]
		return dst[:len(dst)-2]
	case cmdBulkApply:
		return c.appendBulk(dst)
	case cmdBatch:
		dst = append(dst, `"changes": `...)
		dst = appendChanges(dst, c.Changes)
		return c.appendServer(dst)
	case cmdShare:
		dst = appendShares(append(dst, `"pools": `...), c.Shares)
		return c.appendServer(dst)
	case cmdChanges:
		dst = append(dst, `"epoch": `...)
		dst = strconv.AppendUint(dst, c.Point.Epoch, 10)
		dst = append(dst, `, "limit": `...)
		dst = strconv.AppendUint(dst, uint64(c.Limit), 10)
		dst = append(dst, `, "seq": `...)
		dst = strconv.AppendUint(dst, c.Point.Seq, 10)
		return c.appendServer(dst)
	case cmdPage4, cmdPage6:
		dst = append(dst, `"from": "`...)
		if c.From.IsValid() {
			dst = c.From.AppendTo(dst)
		} else {
			dst = append(dst, "start"...)
		}
		dst = append(dst, `", "limit": `...)
		return strconv.AppendUint(dst, uint64(c.Limit), 10)
	case cmdDisable:
		if c.Period > 0 {
			dst = append(dst, `"max-period": `...)
			dst = strconv.AppendInt(dst, int64(c.Period/time.Second), 10)
			dst = append(dst, ", "...)
		}
		fallthrough
	case cmdEnable:
		dst = append(dst, `"origin": "ha-partner", "origin-id": `...)
		return strconv.AppendUint(dst, uint64(c.Origin), 10)
	case cmdComplete:
		if c.Point.Epoch != 0 {
			dst = append(dst, `"leasehold": { "epoch": `...)
			dst = strconv.AppendUint(dst, c.Point.Epoch, 10)
			if c.Own.Epoch != 0 {
				dst = append(dst, `, "own-epoch": `...)
				dst = strconv.AppendUint(dst, c.Own.Epoch, 10)
				dst = append(dst, `, "own-seq": `...)
				dst = strconv.AppendUint(dst, c.Own.Seq, 10)
			}
			dst = append(dst, `, "seq": `...)
			dst = strconv.AppendUint(dst, c.Point.Seq, 10)
			dst = append(dst, " }, "...)
		}
		dst = append(dst, `"origin": `...)
		dst = strconv.AppendUint(dst, uint64(c.Origin), 10)
		dst = append(dst, `, "origin-id": `...)
		dst = strconv.AppendUint(dst, uint64(c.Origin), 10)
		return c.appendServer(dst)
	case cmdNotify:
		dst = append(dst, `"cancel": `...)
		dst = strconv.AppendBool(dst, c.Cancel)
		dst = c.appendServer(dst)
		dst = append(dst, `, "state": "`...)
		return append(append(dst, c.State.String()...), '"')
	}
	dst = append(dst, `"server-name": `...)
	dst = appendString(dst, c.Server)
	if c.Name == cmdHeartbeat && c.State != Unknown {
		dst = append(dst, `, "state": "`...)
		dst = append(append(dst, c.State.String()...), '"')
	}
	return dst
}

func (c *Command) appendServer(dst []byte) []byte {
	dst = append(dst, `, "server-name": `...)
	return appendString(dst, c.Server)
}

// deletes says whether a change travels as a deletion.
func (c *Command) deletes(ch *lease.Change) bool {
	return ch.Delete || c.Old && ch.Lease.State > lease.Reclaimed
}

func (c *Command) appendBulk(dst []byte) []byte {
	list := func(deleted bool) {
		empty := true
		for i := range c.Changes {
			if ch := &c.Changes[i]; c.deletes(ch) == deleted {
				if !empty {
					dst = append(dst, ", "...)
				}
				dst = lease.AppendUpdateJSON(dst, &ch.Lease, 6, false, "")
				empty = false
			}
		}
	}
	dst = append(dst, `"deleted-leases": [ `...)
	list(true)
	dst = append(dst, ` ], "leases": [ `...)
	list(false)
	return append(dst, ` ], "origin": "ha-partner"`...)
}

// appendChanges writes changes in their order.
func appendChanges(dst []byte, changes []lease.Change) []byte {
	dst = append(dst, "[ "...)
	for i := range changes {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendChange(dst, &changes[i])
	}
	return append(dst, " ]"...)
}

// Admitted says whether restrict-commands lets a command through. Survey
// and mirror are how the partner's operators see this server's side.
func Admitted(command string) bool {
	switch command {
	case "list-commands", "status-get", cmdDisable, cmdEnable, cmdReset, cmdHeartbeat, cmdNotify, cmdComplete,
		cmdUpdate4, cmdDelete4, "lease4-get-all", cmdPage4,
		"lease6-update", "lease6-del", cmdBulkApply, "lease6-get-all", cmdPage6,
		cmdBatch, cmdChanges, cmdGoodbye, cmdShare, "leasehold-survey", "leasehold-mirror":
		return true
	}
	return false
}
