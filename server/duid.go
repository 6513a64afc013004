package server

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"leasehold/config"
)

// DUID types, RFC 9915 §11.
const (
	duidLLT = 1
	duidEN  = 2
	duidLL  = 3
)

// enterpriseISC is the number that Kea puts into a DUID-EN of its own making.
const enterpriseISC = 2495

// duidEpoch is the start of DUID time, 2000-01-01 UTC, RFC 9915 §11.2.
const duidEpoch = 946684800

func duidFile(dir string) string { return filepath.Join(dir, "kea-dhcp6-serverid") }

// openDUID returns the server's DUID: what the configuration says, completed
// from the file of the last run, completed by this machine. The result is kept
// in the file, in Kea's form, unless persist is false.
func openDUID(c *config.ServerID, dir string, now time.Time, rnd *rand.Rand) ([]byte, error) {
	path := duidFile(dir)
	var stored []byte
	if c.Persist {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read server identifier: %w", err)
		}
		stored = parseDUID(string(text))
	}
	d, err := makeDUID(c, stored, now, rnd)
	if err != nil || bytes.Equal(d, stored) || !c.Persist {
		return d, err
	}
	if err := os.WriteFile(path, []byte(duidText(d)), 0o640); err != nil {
		return nil, fmt.Errorf("keep server identifier: %w", err)
	}
	return d, nil
}

// makeDUID fills in what the configuration leaves open.
func makeDUID(c *config.ServerID, stored []byte, now time.Time, rnd *rand.Rand) ([]byte, error) {
	typ := uint16(duidLLT)
	switch c.Type {
	case "EN":
		typ = duidEN
	case "LL":
		typ = duidLL
	}
	var old []byte // of the same type
	if len(stored) > 2 && binary.BigEndian.Uint16(stored) == typ {
		old = stored[2:]
	}
	if typ == duidEN {
		return makeEN(c, old, rnd), nil
	}
	return makeLL(c, typ, old, now)
}

func makeEN(c *config.ServerID, old []byte, rnd *rand.Rand) []byte {
	number, id := c.EnterpriseID, c.Identifier
	if len(old) > 4 {
		if number == 0 {
			number = binary.BigEndian.Uint32(old)
		}
		if len(id) == 0 {
			id = old[4:]
		}
	}
	if number == 0 {
		number = enterpriseISC
	}
	if len(id) == 0 {
		id = binary.BigEndian.AppendUint64(nil, rnd.Uint64())[:6]
	}
	d := binary.BigEndian.AppendUint16(nil, duidEN)
	return append(binary.BigEndian.AppendUint32(d, number), id...)
}

// makeLL makes a DUID-LLT or DUID-LL.
func makeLL(c *config.ServerID, typ uint16, old []byte, now time.Time) ([]byte, error) {
	at, fixed := c.Time, 2
	if typ == duidLLT {
		fixed = 6
	}
	htype, id := c.HType, c.Identifier
	if len(old) > fixed {
		if htype == 0 {
			htype = binary.BigEndian.Uint16(old)
		}
		if at == 0 && typ == duidLLT {
			at = binary.BigEndian.Uint32(old[2:])
		}
		if len(id) == 0 {
			id = old[fixed:]
		}
	}
	if htype == 0 {
		htype = 1 // Ethernet
	}
	if at == 0 {
		at = uint32(now.Unix() - duidEpoch)
	}
	if len(id) == 0 {
		if id = firstMAC(); id == nil {
			return nil, errors.New("make server identifier: no interface has a hardware address (give server-id an identifier)")
		}
	}
	d := binary.BigEndian.AppendUint16(nil, typ)
	d = binary.BigEndian.AppendUint16(d, htype)
	if typ == duidLLT {
		d = binary.BigEndian.AppendUint32(d, at)
	}
	return append(d, id...), nil
}

// firstMAC returns the hardware address of the first interface that has one.
func firstMAC() []byte {
	list, _ := net.Interfaces()
	for _, i := range list {
		if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) >= 6 && !bytes.Equal(i.HardwareAddr, make([]byte, len(i.HardwareAddr))) {
			return i.HardwareAddr
		}
	}
	return nil
}

// parseDUID reads Kea's text form, nil if it is not one.
func parseDUID(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(b) < 3 || len(b) > 130 {
		return nil
	}
	return b
}

func duidText(d []byte) string {
	var s strings.Builder
	for i, b := range d {
		if i > 0 {
			s.WriteByte(':')
		}
		fmt.Fprintf(&s, "%02x", b)
	}
	return s.String()
}
