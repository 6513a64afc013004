package server

import (
	"encoding/binary"
	"time"

	"leasehold/server/wire"
)

// overload judges for one socket whether more arrives than can be answered.
// Then messages that look for a server (DISCOVER, SOLICIT) are dropped before
// anything is spent on them: the client asks again or another server answers.
// What is left of the time goes to those who have an offer or a lease already.
// Left to itself, the queue would overflow and lose all kinds alike, and most
// exchanges begun would not be finished.
type overload struct {
	shedding bool
	dropped  int // since reported
	reported time.Time
}

// Shedding begins when so much of the receive queue is full, and ends when it
// is as empty again.
const (
	shedFrom  = 1.0 / 4
	shedUntil = 1.0 / 8
)

// reportEvery is how often an overload that goes on is logged.
const reportEvery = 30 * time.Second

// see takes how much of the queue is full.
func (o *overload) see(waiting, room int) {
	switch full := float64(waiting) / float64(max(room, 1)); {
	case full >= shedFrom:
		o.shedding = true
	case full <= shedUntil:
		o.shedding = false
	}
}

// drops says whether a datagram is to be dropped unread.
func (o *overload) drops(version int, datagram []byte) bool {
	if !o.shedding || !looksForServer(version, datagram) {
		return false
	}
	o.dropped++
	return true
}

// report returns how many were dropped since the last report, if one is due.
func (o *overload) report(now time.Time) (dropped int, due bool) {
	if o.dropped == 0 || now.Sub(o.reported) < reportEvery {
		return 0, false
	}
	dropped, o.dropped, o.reported = o.dropped, 0, now
	return dropped, true
}

// looksForServer says whether a datagram is a DISCOVER or SOLICIT. What cannot
// be read is not: it is the decoder's.
func looksForServer(version int, b []byte) bool {
	if version == 6 {
		return innerType(b) == wire.Solicit
	}
	const options = 240
	for p := options; p+2 < len(b); {
		switch b[p] {
		case 0: // pad
			p++
		case wire.OptMessageType:
			return b[p+1] == 1 && b[p+2] == wire.Discover4
		default:
			p += 2 + int(b[p+1])
		}
	}
	return false
}

// innerType returns the type of a client's message, within whatever relays it
// came through; 0 if there is none.
func innerType(b []byte) byte {
	const relayHeader, optionHeader = 34, 4
	for len(b) > 0 && b[0] == wire.RelayForw {
		if len(b) < relayHeader {
			return 0
		}
		options := b[relayHeader:]
		b = nil
		for len(options) >= optionHeader {
			code, n := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
			if options = options[optionHeader:]; n > len(options) {
				return 0
			}
			if code == wire.Opt6RelayMsg {
				b = options[:n]
				break
			}
			options = options[n:]
		}
	}
	if len(b) == 0 {
		return 0
	}
	return b[0]
}
