package engine

// internTable remembers the identifiers of clients seen lately: the REQUEST
// that follows an OFFER finds its strings made.
type internTable [4096]string

func (t *internTable) get(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	h := uint32(2166136261) // FNV-1a
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	s := &t[(h^h>>16)%uint32(len(t))]
	if *s != string(b) {
		*s = string(b)
	}
	return *s
}

// setString sets s to b without allocating when it says so already or was made
// lately.
func (e *Engine) setString(s *string, b []byte) {
	if *s != string(b) {
		*s = e.strings.get(b)
	}
}
