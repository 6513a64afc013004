package convert

// Dnsmasq converts a dnsmasq.conf.
func Dnsmasq(file string, text []byte, o Options) (*Result, error) { return nil, nil }
