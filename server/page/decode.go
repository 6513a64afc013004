package page

import (
	"encoding/json"
	"strconv"
)

// decode reads an answer. Kea, and so our commands, escape every octet outside
// ASCII on its own, also those of one UTF-8 character: they are put together
// again.
func decode(raw []byte, v any) error {
	text := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' || i+1 >= len(raw) {
			text = append(text, c)
			continue
		}
		if raw[i+1] == 'u' && i+5 < len(raw) {
			if n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16); err == nil && 0x80 <= n && n <= 0xff {
				text = append(text, byte(n))
				i += 5
				continue
			}
		}
		text = append(text, c, raw[i+1])
		i++
	}
	return json.Unmarshal(text, v)
}
