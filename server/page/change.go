package page

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"

	"leasehold/server/control"
)

// Commands behind the buttons.
const (
	cmdRelease     = "leasehold-release"
	cmdReserve     = "reservation-add"
	cmdWrite       = "config-write"
	cmdMaintenance = "ha-maintenance-start"
	cmdCancel      = "ha-maintenance-cancel"
	cmdContinue    = "ha-continue"
)

// change does what a form asks for and returns to where it was sent from.
func (p *Page) change(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBytes)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "that form cannot be read", http.StatusBadRequest)
		return
	}
	v := visitorOf(r)
	if !sameToken(r, v) {
		http.Error(w, "that form is none of this session", http.StatusForbidden)
		return
	}
	n, code := p.carry(r, v)
	if code != 0 {
		http.Error(w, n.Text, code)
		return
	}
	p.sessions.tell(v.session, n)
	http.Redirect(w, r, local(r.PostForm.Get("back")), http.StatusSeeOther)
}

// carry has a command carried out and says what came of it; a code is not 0 if
// it was not allowed to try.
func (p *Page) carry(r *http.Request, v visitor) (n *notice, code int) {
	version, err := strconv.Atoi(r.PostForm.Get("family"))
	if err != nil || !p.serves(version) {
		return &notice{Text: errNoFamily.Error()}, http.StatusBadRequest
	}
	command, arguments, err := p.command(r, version)
	if command == "" {
		return &notice{Text: "there is no such change"}, http.StatusBadRequest
	}
	role, known := p.o.Demands(command)
	caller := control.Caller{Transport: "page", Addr: r.RemoteAddr, User: v.User, Role: v.Role}
	switch {
	case !known || p.o.Act == nil:
		return &notice{Text: "this server cannot do that"}, http.StatusBadRequest
	case v.Role < role:
		p.o.Note(true, fmt.Sprintf("user '%s' from %s over the page may not %s", printable(v.User), r.RemoteAddr, command))
		return &notice{Text: fmt.Sprintf("that takes the role %s, yours is %s", role, v.Role)}, http.StatusForbidden
	case err != nil:
		return &notice{Bad: true, Text: err.Error()}, 0
	}
	text, err := p.o.Act(r.Context(), version, caller, command, arguments)
	if err != nil {
		return &notice{Bad: true, Text: err.Error()}, 0
	}
	n = &notice{Text: text}
	switch server := r.PostForm.Get("server"); r.PostForm.Get("do") {
	case "maintenance", "cancel":
		p.drills.turn(fmt.Sprint(version, " ", server))
	case "drill":
		if length, err := drillLength(r.PostForm.Get("minutes")); err == nil {
			p.begin(version, caller, server, length)
			n.Text = fmt.Sprintf("%s serves alone. In %s both will serve again.", server, rough(length))
		}
	case "reserve":
		n.Text = "The address is reserved now."
		if write, ok := p.o.Demands(cmdWrite); ok && v.Role >= write && p.file(version) != "" {
			n.Write = version
			n.Text += " The configuration file does not say so yet: a restart would forget it."
		}
	}
	return n, 0
}

func (p *Page) serves(version int) bool {
	for _, f := range p.o.Families() {
		if f.Version == version {
			return true
		}
	}
	return false
}

func (p *Page) file(version int) string {
	for _, f := range p.o.Families() {
		if f.Version == version {
			return f.File
		}
	}
	return ""
}

// command is what a form stands for; "" if it stands for nothing.
func (p *Page) command(r *http.Request, version int) (name string, arguments map[string]any, err error) {
	server := func() map[string]any { return map[string]any{"server-name": r.PostForm.Get("server")} }
	switch r.PostForm.Get("do") {
	case "release":
		return cmdRelease, map[string]any{"ip-address": r.PostForm.Get("address")}, nil
	case "reserve":
		arguments, err = p.reservation(r, version)
		return cmdReserve, arguments, err
	case "write":
		return cmdWrite, nil, nil
	case "maintenance":
		return cmdMaintenance, server(), nil
	case "drill":
		_, err = drillLength(r.PostForm.Get("minutes"))
		return cmdMaintenance, server(), err
	case "cancel":
		return cmdCancel, server(), nil
	case "continue":
		return cmdContinue, server(), nil
	}
	return "", nil, nil
}

// reservation makes one of the lease of an address.
func (p *Page) reservation(r *http.Request, version int) (map[string]any, error) {
	address := r.PostForm.Get("address")
	if _, err := netip.ParseAddr(address); err != nil {
		return nil, fmt.Errorf("%.60q is no address", address)
	}
	raw, err := p.o.Ask(r.Context(), version, "leasehold-leases", map[string]any{"client": address})
	if err != nil {
		return nil, err
	}
	var x found
	if len(raw) > 0 {
		if err := decode(raw, &x); err != nil {
			return nil, fmt.Errorf("read the lease: %w", err)
		}
	}
	if len(x.Leases) != 1 {
		return nil, fmt.Errorf("there is no lease of %s any more", address)
	}
	l := x.Leases[0]
	host := map[string]any{"subnet-id": l.Subnet}
	switch {
	case version == 6:
		host["duid"] = l.DUID
		if l.Name() != l.Address {
			host["prefixes"] = []string{l.Name()}
		} else {
			host["ip-addresses"] = []string{l.Address}
		}
	default:
		host["ip-address"] = l.Address
		if l.HWAddr != "" {
			host["hw-address"] = l.HWAddr
		} else {
			host["client-id"] = l.ClientID
		}
	}
	if cmp.Or(l.HWAddr, l.ClientID, l.DUID) == "" {
		return nil, fmt.Errorf("nothing is known of the holder of %s by which it could be recognized", address)
	}
	return map[string]any{"reservation": host}, nil
}

// Back is where a form returns to: the page that it is on.
func (s *sight) Back() string {
	path := "/" + s.View
	if s.View == "overview" {
		path = "/"
	}
	if s.Query != "" {
		path += "?q=" + url.QueryEscape(s.Query)
	}
	return path
}
