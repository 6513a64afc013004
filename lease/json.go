package lease

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var typeNames = [...]string{NA: "IA_NA", TA: "IA_TA", PD: "IA_PD"}

// String returns IA_NA, IA_TA or IA_PD.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return strconv.Itoa(int(t))
}

var stateNames = [states]string{"default", "declined", "expired-reclaimed", "released", "registered"}

// String returns the name that get-by-state takes.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return strconv.Itoa(int(s))
}

// AppendJSON appends a lease as the lease commands answer it and as
// synchronization sends it, byte for byte in Kea's layout. family is 4 or 6.
func AppendJSON(dst []byte, l *Lease, family int) []byte {
	return appendLease(dst, l, family, nil)
}

// AppendUpdateJSON appends a lease in the form of HA updates: with the time of
// its end in place of cltt. For family 4 it is the argument map of
// lease4-update (force says force-create) or lease4-del (force false), with
// origin unless that is empty; for family 6 it is an element of
// lease6-bulk-apply, and force and origin are not used.
func AppendUpdateJSON(dst []byte, l *Lease, family int, force bool, origin string) []byte {
	return appendLease(dst, l, family, &updateForm{force && family == 4, origin})
}

type updateForm struct {
	force  bool
	origin string
}

func appendLease(dst []byte, l *Lease, family int, update *updateForm) []byte {
	v6 := family == 6
	dst = append(dst, "{ "...)
	if !v6 && l.ClientID != "" {
		dst = append(appendHex(append(dst, `"client-id": "`...), l.ClientID), `", `...)
	}
	if update == nil {
		dst = strconv.AppendInt(append(dst, `"cltt": `...), l.CLTT, 10)
		dst = append(dst, ", "...)
	}
	if v6 {
		dst = append(appendDUID(append(dst, `"duid": "`...), l.ClientID), `", `...)
	}
	if update != nil {
		dst = strconv.AppendInt(append(dst, `"expire": `...), l.Expires(), 10)
		dst = append(dst, ", "...)
		if update.force {
			dst = append(dst, `"force-create": true, `...)
		}
	}
	dst = strconv.AppendBool(append(dst, `"fqdn-fwd": `...), l.FQDNFwd)
	dst = strconv.AppendBool(append(dst, `, "fqdn-rev": `...), l.FQDNRev)
	dst = appendJSONString(append(dst, `, "hostname": `...), l.Hostname)
	if !v6 || l.HWAddr != "" {
		dst = append(appendHex(append(dst, `, "hw-address": "`...), l.HWAddr), '"')
	}
	if v6 {
		dst = appendMember(dst, "iaid", l.IAID)
	}
	dst = append(l.Addr.AppendTo(append(dst, `, "ip-address": "`...)), '"')
	if !v6 && update != nil && update.origin != "" {
		dst = appendJSONString(append(dst, `, "origin": `...), update.origin)
	}
	if l.PoolID != 0 {
		dst = appendMember(dst, "pool-id", l.PoolID)
	}
	if v6 {
		dst = appendMember(dst, "preferred-lft", l.Preferred)
		if l.Type == PD {
			dst = appendMember(dst, "prefix-len", uint32(l.PrefixLen))
		}
	}
	dst = appendMember(dst, "state", uint32(l.State))
	dst = appendMember(dst, "subnet-id", l.SubnetID)
	if v6 {
		dst = append(append(append(dst, `, "type": "`...), l.Type.String()...), '"')
	}
	if l.UserContext != "" {
		dst = append(append(dst, `, "user-context": `...), l.UserContext...)
	}
	dst = appendMember(dst, "valid-lft", l.Valid)
	return append(dst, " }"...)
}

func appendMember(dst []byte, name string, n uint32) []byte {
	dst = append(append(append(dst, `, "`...), name...), `": `...)
	return strconv.AppendUint(dst, uint64(n), 10)
}

// FromJSON reads a lease as synchronization sends it (AppendJSON). What Kea
// demands there is demanded.
func FromJSON(data []byte, family int) (Lease, error) {
	f, err := readMembers(data, family)
	if err != nil {
		return Lease{}, err
	}
	need := []string{"subnet-id", "cltt", "valid-lft", "fqdn-fwd", "fqdn-rev", "hostname", "state"}
	if family == 6 {
		need = append(need, "type", "preferred-lft")
	}
	for _, name := range need {
		if !f.has(name) {
			return Lease{}, fmt.Errorf("missing parameter '%s'", name)
		}
	}
	switch {
	case f.lease.SubnetID == 0:
		return Lease{}, errors.New("subnet-id is 0")
	case f.cltt <= 0:
		return Lease{}, fmt.Errorf("cltt is %d", f.cltt)
	}
	f.lease.CLTT = f.cltt
	return f.lease, nil
}

// Update is a lease as a command gives it: lease4-add, lease4-update,
// lease6-add, lease6-update, or an element of lease6-bulk-apply. What it
// leaves out is for the caller to fill in, with Settle.
type Update struct {
	Lease        Lease // SubnetID 0: to be found by address; CLTT is not set
	Expire       int64
	HasExpire    bool
	HasValid     bool
	HasPreferred bool
	ForceCreate  bool
	Origin       string
}

// UpdateFromJSON reads the argument map of a command. Errors have Kea's texts,
// without positions.
func UpdateFromJSON(data []byte, family int) (Update, error) {
	f, err := readMembers(data, family)
	if err != nil {
		return Update{}, err
	}
	l := &f.lease
	if l.Type == PD && netip.PrefixFrom(l.Addr, int(l.PrefixLen)).Masked().Addr() != l.Addr {
		// Kea 2.2 let these in, so synchronization may still bring them.
		return Update{}, fmt.Errorf("Prefix address %v exceeds prefix/prefix-len pair: %[1]v/%d", l.Addr, l.PrefixLen)
	}
	return Update{
		Lease: f.lease, Expire: f.expire, ForceCreate: f.force, Origin: f.origin,
		HasExpire: f.has("expire"), HasValid: f.has("valid-lft"), HasPreferred: f.has("preferred-lft"),
	}, nil
}

// Settle returns the lease of an Update. valid and preferred are the lifetimes
// of its subnet, for an Update without; l.SubnetID stays as it is.
func (u *Update) Settle(now int64, valid, preferred uint32) (Lease, error) {
	l := u.Lease
	if !u.HasValid {
		l.Valid = valid
	}
	if !u.HasPreferred && l.Addr.Is6() {
		l.Preferred = preferred
	}
	l.CLTT = now
	if u.HasExpire {
		if u.Expire <= 0 {
			return l, fmt.Errorf("expiration time must be positive for address %v", l.Addr)
		}
		if u.Expire < int64(l.Valid) {
			return l, fmt.Errorf("expiration time must be greater than valid lifetime for address %v", l.Addr)
		}
		l.CLTT = u.Expire - int64(l.Valid)
	}
	return l, nil
}

// members is what a lease map said.
type members struct {
	family int
	seen   []string
	lease  Lease

	cltt, expire     int64
	force            bool
	origin           string
	comment, context []byte
}

func (f *members) has(name string) bool {
	for _, s := range f.seen {
		if s == name {
			return true
		}
	}
	return false
}

func readMembers(data []byte, family int) (*members, error) {
	f := &members{family: family, seen: make([]string, 0, 20)}
	s := scanner{b: data}
	if err := s.members(0, f.member); err != nil {
		return nil, err
	}
	if !s.end() {
		return nil, errJSON
	}
	if err := f.complete(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *members) member(name string, v []byte) (err error) {
	l := &f.lease
	switch name {
	case "ip-address":
		err = f.address(v)
	case "hw-address":
		l.HWType = 1
		l.HWAddr, err = memberHex(name, v)
	case "client-id":
		if f.family == 4 {
			l.ClientID, err = memberHex(name, v)
		}
	case "duid":
		if f.family == 6 {
			l.ClientID, err = memberHex(name, v)
		}
	case "hostname":
		l.Hostname, err = memberString(name, v)
		l.Hostname = strings.ToLower(l.Hostname)
	case "subnet-id":
		l.SubnetID, err = memberUint32(name, v)
	case "pool-id":
		l.PoolID, err = memberUint32(name, v)
	case "valid-lft":
		l.Valid, err = memberUint32(name, v)
	case "preferred-lft":
		l.Preferred, err = memberUint32(name, v)
	case "iaid":
		l.IAID, err = memberUint32(name, v)
	case "cltt":
		f.cltt, err = memberInt(name, v)
	case "expire":
		f.expire, err = memberInt(name, v)
	case "fqdn-fwd":
		l.FQDNFwd, err = memberBool(name, v)
	case "fqdn-rev":
		l.FQDNRev, err = memberBool(name, v)
	case "force-create":
		f.force, err = memberBool(name, v)
	case "state":
		err = f.state(v)
	case "type":
		err = f.leaseType(v)
	case "prefix-len":
		var n uint32
		n, err = memberUint32(name, v)
		if err == nil && (n == 0 || n > 128) {
			err = fmt.Errorf("prefix-len is %d", n)
		}
		l.PrefixLen = uint8(n)
	case "origin":
		if v[0] == '"' {
			f.origin, err = jsonString(v)
		} else {
			f.origin = string(v)
		}
	case "comment":
		f.comment = v
	case "user-context":
		f.context = v
		if v[0] != '{' {
			err = fmt.Errorf("Invalid user context '%s': not a map", v[:min(len(v), 64)])
		}
	default:
		return nil
	}
	f.seen = append(f.seen, name)
	return err
}

func (f *members) address(v []byte) error {
	s, err := memberString("ip-address", v)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return fmt.Errorf("Failed to convert '%s' to address: Failed to convert string to address '%[1]s': Invalid argument", s)
	}
	if a.Is4() != (f.family == 4) {
		return fmt.Errorf("Non-IPv%d address specified: %s", f.family, s)
	}
	f.lease.Addr = a
	return nil
}

func (f *members) state(v []byte) error {
	n, err := memberInt("state", v)
	if err != nil {
		return err
	}
	if n < 0 || n >= states {
		return fmt.Errorf("Invalid state value: %d, supported values are: 0 (default), 1 (declined), 2 (expired-reclaimed), 3 (released) and 4 (registered)", n)
	}
	f.lease.State = State(n)
	if f.family == 4 && f.lease.State == Registered {
		return errors.New("DHCPv4 leases do not support registered state")
	}
	return nil
}

func (f *members) leaseType(v []byte) error {
	s, err := memberString("type", v)
	if err != nil || f.family == 4 {
		return err
	}
	for t, name := range typeNames {
		if s == name {
			f.lease.Type = Type(t)
			return nil
		}
	}
	return fmt.Errorf("Incorrect lease type: %s", s)
}

// complete checks what concerns several members.
func (f *members) complete() error {
	need := []string{"ip-address", "hw-address"}
	if f.family == 6 {
		need = []string{"ip-address", "duid", "iaid"}
	}
	for _, name := range need {
		if !f.has(name) {
			return fmt.Errorf("missing parameter '%s'", name)
		}
	}
	l := &f.lease
	if (l.FQDNFwd || l.FQDNRev) && l.Hostname == "" {
		return errors.New("No hostname specified and either forward or reverse fqdn was set to true.")
	}
	if err := f.identifier(); err != nil {
		return err
	}
	if f.family == 6 {
		if l.HWAddr == "" {
			l.HWType = 0 // it is not written then
		}
		if err := f.prefix(); err != nil {
			return err
		}
	}
	return f.contexts()
}

func (f *members) identifier() error {
	l := &f.lease
	if f.family == 4 {
		if !f.has("client-id") {
			return nil
		}
		return idLen(l.ClientID, 2, 255)
	}
	// Kea 2.2 sends one byte for the DUID of a declined lease, and newer ones
	// refuse it: we read both.
	if isEmptyDUID(l.ClientID) && l.State == Declined {
		l.ClientID = ""
		return nil
	}
	return idLen(l.ClientID, 3, 130)
}

func idLen(id string, least, most int) error {
	switch {
	case len(id) < least:
		return fmt.Errorf("identifier is too short (%d), at least %d is required", len(id), least)
	case len(id) > most:
		return fmt.Errorf("identifier is too large (%d), at most %d is required", len(id), most)
	}
	return nil
}

func (f *members) prefix() error {
	l := &f.lease
	if l.Type != PD {
		l.PrefixLen = 128
		return nil
	}
	switch {
	case !f.has("prefix-len"):
		return errors.New("missing parameter 'prefix-len'")
	case l.SubnetID == 0:
		return errors.New("Subnet-id is 0 or not specified. This is allowed for address leases only, not prefix leases.")
	case l.State == Declined:
		return errors.New("Invalid declined state for PD prefix.")
	}
	return nil
}

// contexts brings the user context into Kea's layout, with the comment in it.
func (f *members) contexts() error {
	if f.comment != nil {
		if f.comment[0] != '"' {
			return errors.New("invalid type specified for parameter 'comment'")
		}
		rest := strings.TrimLeft(strings.TrimPrefix(string(f.context), "{"), " \t\r\n")
		if rest == "" {
			rest = "}"
		}
		if rest != "}" {
			rest = ", " + rest
		}
		f.context = []byte(`{ "comment": ` + string(f.comment) + rest)
	}
	if f.context == nil {
		return nil
	}
	b, err := appendValue(nil, f.context)
	f.lease.UserContext = string(b)
	return err
}

func invalidType(name string) error {
	return fmt.Errorf("invalid type specified for parameter '%s'", name)
}

func memberString(name string, v []byte) (string, error) {
	if v[0] != '"' {
		return "", invalidType(name)
	}
	return jsonString(v)
}

func memberBool(name string, v []byte) (bool, error) {
	if v[0] != 't' && v[0] != 'f' {
		return false, invalidType(name)
	}
	return v[0] == 't', nil
}

func memberInt(name string, v []byte) (int64, error) {
	n, err := strconv.ParseInt(view(v), 10, 64)
	if err != nil {
		return 0, invalidType(name)
	}
	return n, nil
}

func memberUint32(name string, v []byte) (uint32, error) {
	n, err := memberInt(name, v)
	if err != nil {
		return 0, err
	}
	if n < 0 || n > 0xffffffff {
		return 0, fmt.Errorf("The '%s' value (%d) is not within expected range: (0 - 4294967295)", name, n)
	}
	return uint32(n), nil
}

func memberHex(name string, v []byte) (string, error) {
	s, err := memberString(name, v)
	if err != nil || s == "" {
		return "", err
	}
	p := rowParser{text: make([]byte, 0, len(s))}
	d := decoder{}
	if s = p.hex(&d, name, []byte(s)); d.err != nil {
		return "", d.err
	}
	return s, nil
}
