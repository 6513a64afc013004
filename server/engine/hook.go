package engine

// Hooked is what the built-in hooks and DDNS want done beside the exchange. No
// response waits for it, but for pings.
type Hooked struct {
	NameChanges []NameChange // in order
	Scripts     []Script     // in order
	Legal       []Legal      // in order
	Pings       []Ping       // an OFFER waits for each
}

func (h *Hooked) reset() {
	clear(h.NameChanges)
	clear(h.Scripts)
	clear(h.Legal)
	*h = Hooked{NameChanges: h.NameChanges[:0], Scripts: h.Scripts[:0], Legal: h.Legal[:0], Pings: h.Pings[:0]}
}

// Any says whether there is anything to do.
func (h *Hooked) Any() bool { return len(h.NameChanges)+len(h.Scripts)+len(h.Legal)+len(h.Pings) > 0 }
