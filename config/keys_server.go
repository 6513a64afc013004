package config

const (
	noSQL       = "this server has no SQL backend: leases are kept in memfile or sqlite, reservations in the configuration"
	oneEngine   = "each family is served by one engine that needs no thread settings"
	ownQueue    = "every receive queue is bounded already and sheds new clients first"
	backendOnly = "only a configuration backend gives it a meaning"
)

// serverKeys are the keys of the Dhcp4 and Dhcp6 maps that are legal nowhere
// else, and those of Control-agent.
var serverKeys = []key{
	{name: "shared-networks", at: lvGlobal, is: mapsOf(lvNetwork), def: "[]"},
	{name: "interfaces-config", at: lvGlobal, is: mapOf(lvInterfaces), def: "{}"},
	{name: "lease-database", at: lvGlobal, is: mapOf(lvLeaseDB), def: "{}"},
	{name: "hosts-databases", at: lvGlobal, is: mapsOf(lvDatabase), stand: refused, why: noSQL},
	{name: "hosts-database", at: lvGlobal, is: mapOf(lvDatabase), newName: "hosts-databases", stand: refused, why: noSQL},
	{name: "config-control", at: lvGlobal, is: mapOf(lvConfigControl), stand: refused, why: noSQL},
	{name: "server-tag", at: lvGlobal, is: text, def: `""`, stand: noEffect, why: backendOnly},
	{name: "decline-probation-period", at: lvGlobal, is: uint32s, def: "86400"},
	{name: "option-def", at: lvGlobal, is: mapsOf(lvOptionDef), def: "[]"},
	{name: "client-classes", at: lvGlobal, is: mapsOf(lvClass)},
	{name: "host-reservation-identifiers", at: lvGlobal, family: 4, is: textList, def: `["hw-address","duid","circuit-id","client-id"]`},
	{name: "host-reservation-identifiers", at: lvGlobal, family: 6, is: textList, def: `["hw-address","duid"]`},
	{name: "early-global-reservations-lookup", at: lvGlobal, is: boolean, def: "false"},
	{name: "reservations-lookup-first", at: lvGlobal, is: boolean, def: "false"},
	{name: "ip-reservations-unique", at: lvGlobal, is: boolean, def: "true"},
	{name: "echo-client-id", at: lvGlobal, family: 4, is: boolean, def: "true"},
	{name: "stash-agent-options", at: lvGlobal, family: 4, is: boolean, def: "false"},
	{name: "dhcp-ddns", at: lvGlobal, is: mapOf(lvD2), def: "{}"},
	{name: "expired-leases-processing", at: lvGlobal, is: mapOf(lvExpired), def: "{}"},
	{name: "multi-threading", at: lvGlobal, is: mapOf(lvThreads), def: "{}", stand: noEffect, why: oneEngine},
	{name: "sanity-checks", at: lvGlobal, is: mapOf(lvSanity), def: "{}"},
	{name: "dhcp-queue-control", at: lvGlobal, is: mapOf(lvQueue), def: "{}", stand: noEffect, why: ownQueue},
	{name: "parked-packet-limit", at: lvGlobal, is: uint32s, def: "256"},
	{name: "compatibility", at: lvGlobal, is: mapOf(lvCompat)},
	{name: "dhcp4o6-port", at: lvGlobal, is: uint16s, def: "0"},
	{name: "control-sockets", at: lvGlobal, is: mapsOf(lvSocket)},
	{name: "control-socket", at: lvGlobal, is: mapOf(lvSocket), newName: "control-sockets"},
	{name: "hooks-libraries", at: lvGlobal | lvAgent, is: mapsOf(lvHook), def: "[]"},
	{name: "loggers", at: lvGlobal | lvAgent, is: mapsOf(lvLogger)},
	{name: "statistic-default-sample-count", at: lvGlobal, is: uint32s, def: "20"},
	{name: "statistic-default-sample-age", at: lvGlobal, is: uint32s, def: "0"},
	{name: "data-directory", at: lvGlobal, family: 6, is: text},
	{name: "server-id", at: lvGlobal, family: 6, is: mapOf(lvServerID), def: "{}"},
	{name: "mac-sources", at: lvGlobal, family: 6, is: textList, def: `["any"]`},
	{name: "relay-supplied-options", at: lvGlobal, family: 6, is: textList, def: `["65"]`},
	{name: "allow-address-registration", at: lvGlobal, family: 6, is: boolean, def: "true"},

	// Keys of our own, which Kea does not know.
	{name: "leasehold", at: lvGlobal, is: mapOf(lvLeasehold)},
	{name: "http", at: lvLeasehold, is: mapOf(lvHTTP)},
	{name: "address", at: lvHTTP, is: text, def: `"127.0.0.1"`},
	{name: "port", at: lvHTTP, is: integer(1, maxUint16), def: "9547"},
	{name: "cert-file", at: lvHTTP, is: text},
	{name: "key-file", at: lvHTTP, is: text},
	{name: "authentication", at: lvHTTP, is: mapOf(lvAuth)},
	{name: "events", at: lvLeasehold, is: mapOf(lvEvents)},
	{name: "keep", at: lvEvents, is: integer(100, 1<<20), def: "16384"},
	{name: "webhooks", at: lvLeasehold, is: mapsOf(lvWebhook)},
	{name: "url", at: lvWebhook, is: text, must: true},
	{name: "secret", at: lvWebhook, is: text},
	{name: "secret-file", at: lvWebhook, is: text},
	{name: "trust-anchor", at: lvWebhook, is: text},
	{name: "types", at: lvWebhook, is: textList},
	{name: "explain-records", at: lvLeasehold, is: integer(1, 1<<20), def: "4096"},
	{name: "install-pd-routes", at: lvLeasehold, family: 6, is: boolean, def: "false"},

	{name: "http-host", at: lvAgent, is: text, def: `"127.0.0.1"`},
	{name: "http-port", at: lvAgent, is: uint16s, def: "8000"},
	{name: "control-sockets", at: lvAgent, is: mapOf(lvAgentSockets)},
	{name: "dhcp4", at: lvAgentSockets, is: mapOf(lvAgentSocket)},
	{name: "dhcp6", at: lvAgentSockets, is: mapOf(lvAgentSocket)},
	{name: "d2", at: lvAgentSockets, is: mapOf(lvAgentSocket)},
	{name: "socket-type", at: lvAgentSocket, is: words("unix"), must: true},
	{name: "socket-name", at: lvAgentSocket, is: text, must: true},
}

// Levels of the parameters that are inherited.
const (
	subnetAndUp = lvGlobal | lvNetwork | lvSubnet
	poolAndUp   = subnetAndUp | lvPool
)

// scopeKeys are the keys of networks, subnets, pools, classes and reservations.
var scopeKeys = []key{
	// Lists of scopes.
	{name: "subnet4", at: lvGlobal | lvNetwork, family: 4, is: mapsOf(lvSubnet), def: "[]"},
	{name: "subnet6", at: lvGlobal | lvNetwork, family: 6, is: mapsOf(lvSubnet), def: "[]"},
	{name: "pools", at: lvSubnet, is: mapsOf(lvPool), def: "[]"},
	{name: "pd-pools", at: lvSubnet, family: 6, is: mapsOf(lvPDPool), def: "[]"},
	{name: "reservations", at: lvGlobal, is: mapsOf(lvHost)},
	{name: "reservations", at: lvSubnet, is: mapsOf(lvHost), def: "[]"},
	{name: "option-data", at: poolAndUp | lvPDPool | lvClass | lvHost, is: mapsOf(lvOptionData), def: "[]"},
	{name: "user-context", at: ^level(0), is: anyMap},
	{name: "comment", at: ^level(0), is: text},
	{name: "metadata", at: lvNetwork | lvSubnet | lvPool | lvPDPool | lvOptionData | lvClass | lvOptionDef, is: anyMap, stand: noEffect, why: backendOnly},

	// Times.
	{name: "valid-lifetime", at: subnetAndUp, is: uint32s, def: "7200", inherit: derived},
	{name: "min-valid-lifetime", at: subnetAndUp, is: uint32s, inherit: derived},
	{name: "max-valid-lifetime", at: subnetAndUp, is: uint32s, inherit: derived},
	{name: "preferred-lifetime", at: subnetAndUp, family: 6, is: uint32s, inherit: derived},
	{name: "min-preferred-lifetime", at: subnetAndUp, family: 6, is: uint32s, inherit: derived},
	{name: "max-preferred-lifetime", at: subnetAndUp, family: 6, is: uint32s, inherit: derived},
	{name: "renew-timer", at: subnetAndUp, is: uint32s, inherit: derived},
	{name: "rebind-timer", at: subnetAndUp, is: uint32s, inherit: derived},
	{name: "calculate-tee-times", at: subnetAndUp, family: 4, is: boolean, def: "false", inherit: derived},
	{name: "calculate-tee-times", at: subnetAndUp, family: 6, is: boolean, def: "true", inherit: derived},
	{name: "t1-percent", at: subnetAndUp, is: real, def: "0.5", inherit: derived},
	{name: "t2-percent", at: subnetAndUp, family: 4, is: real, def: "0.875", inherit: derived},
	{name: "t2-percent", at: subnetAndUp, family: 6, is: real, def: "0.8", inherit: derived},
	{name: "cache-threshold", at: subnetAndUp, is: real, inherit: derived},
	{name: "cache-max-age", at: subnetAndUp, is: uint32s, inherit: derived},
	{name: "adaptive-lease-time-threshold", at: subnetAndUp, is: real, inherit: derived},
	{name: "offer-lifetime", at: subnetAndUp, family: 4, is: uint32s, inherit: derived},
	{name: "valid-lifetime", at: lvClass, is: uint32s},
	{name: "min-valid-lifetime", at: lvClass, is: uint32s},
	{name: "max-valid-lifetime", at: lvClass, is: uint32s},
	{name: "preferred-lifetime", at: lvClass, family: 6, is: uint32s},
	{name: "min-preferred-lifetime", at: lvClass, family: 6, is: uint32s},
	{name: "max-preferred-lifetime", at: lvClass, family: 6, is: uint32s},
	{name: "offer-lifetime", at: lvClass, family: 4, is: uint32s},

	// Choice of addresses, identity, reservations.
	{name: "store-extended-info", at: subnetAndUp, is: boolean, def: "false", inherit: derived},
	{name: "allocator", at: subnetAndUp, is: words("iterative", "random", "flq", "shared-flq"), def: `"iterative"`, inherit: derived},
	{name: "pd-allocator", at: subnetAndUp, family: 6, is: words("iterative", "random", "flq", "shared-flq"), def: `"iterative"`, inherit: derived},
	{name: "reservations-global", at: subnetAndUp, is: boolean, def: "false", inherit: fetched},
	{name: "reservations-in-subnet", at: subnetAndUp, is: boolean, def: "true", inherit: fetched},
	{name: "reservations-out-of-pool", at: subnetAndUp, is: boolean, def: "false", inherit: fetched},
	{name: "reservation-mode", at: subnetAndUp, is: words("all", "out-of-pool", "global", "disabled", "off"), newName: "reservations-global, reservations-in-subnet, reservations-out-of-pool"},
	{name: "match-client-id", at: subnetAndUp, family: 4, is: boolean, def: "true", inherit: fetched},
	{name: "authoritative", at: subnetAndUp, family: 4, is: boolean, def: "false", inherit: fetched},

	// Fixed fields of DHCPv4.
	{name: "next-server", at: subnetAndUp, family: 4, is: text, def: `"0.0.0.0"`, inherit: fetched},
	{name: "server-hostname", at: subnetAndUp, family: 4, is: text, def: `""`, inherit: fetched},
	{name: "boot-file-name", at: subnetAndUp, family: 4, is: text, def: `""`, inherit: fetched},
	{name: "next-server", at: lvClass | lvHost, family: 4, is: text, def: `"0.0.0.0"`},
	{name: "server-hostname", at: lvClass | lvHost, family: 4, is: text, def: `""`},
	{name: "boot-file-name", at: lvClass | lvHost, family: 4, is: text, def: `""`},

	// Names.
	{name: "ddns-send-updates", at: poolAndUp, is: boolean, def: "true", inherit: fetched},
	{name: "ddns-override-no-update", at: poolAndUp, is: boolean, def: "false", inherit: fetched},
	{name: "ddns-override-client-update", at: poolAndUp, is: boolean, def: "false", inherit: fetched},
	{name: "ddns-replace-client-name", at: poolAndUp, is: words("never", "always", "when-present", "when-not-present"), def: `"never"`, inherit: fetched},
	{name: "ddns-generated-prefix", at: poolAndUp, is: text, def: `"myhost"`, inherit: fetched},
	{name: "ddns-qualifying-suffix", at: poolAndUp, is: text, def: `""`, inherit: fetched},
	{name: "ddns-update-on-renew", at: poolAndUp, is: boolean, def: "false", inherit: fetched},
	{name: "ddns-conflict-resolution-mode", at: poolAndUp, is: words("check-with-dhcid", "no-check-with-dhcid", "check-exists-with-dhcid", "no-check-without-dhcid"), def: `"check-with-dhcid"`, inherit: fetched},
	{name: "ddns-use-conflict-resolution", at: subnetAndUp, is: boolean, newName: "ddns-conflict-resolution-mode"},
	{name: "ddns-ttl", at: poolAndUp, is: uint32s, inherit: fetched},
	{name: "ddns-ttl-percent", at: poolAndUp, is: real, inherit: fetched},
	{name: "ddns-ttl-min", at: poolAndUp, is: uint32s, inherit: fetched},
	{name: "ddns-ttl-max", at: poolAndUp, is: uint32s, inherit: fetched},
	{name: "hostname-char-set", at: poolAndUp, is: text, def: `"[^A-Za-z0-9.-]"`, inherit: fetched},
	{name: "hostname-char-replacement", at: poolAndUp, is: text, def: `""`, inherit: fetched},

	// Networks and subnets.
	{name: "id", at: lvSubnet, is: integer(0, maxUint32-1)},
	{name: "subnet", at: lvSubnet, is: text, must: true},
	{name: "name", at: lvNetwork, is: text},
	{name: "interface", at: lvNetwork | lvSubnet, is: text},
	{name: "interface-id", at: lvNetwork | lvSubnet, family: 6, is: text},
	{name: "relay", at: lvNetwork | lvSubnet, is: mapOf(lvRelay), def: "{}"},
	{name: "ip-addresses", at: lvRelay, is: textList, def: "[]"},
	{name: "ip-address", at: lvRelay, is: text, newName: "ip-addresses"},
	{name: "rapid-commit", at: lvNetwork | lvSubnet, family: 6, is: boolean},
	{name: "4o6-interface", at: lvSubnet, family: 4, is: text, def: `""`},
	{name: "4o6-interface-id", at: lvSubnet, family: 4, is: text, def: `""`},
	{name: "4o6-subnet", at: lvSubnet, family: 4, is: text, def: `""`},
	{name: "client-classes", at: lvNetwork | lvSubnet | lvPool | lvPDPool, is: textList},
	{name: "client-class", at: lvNetwork | lvSubnet | lvPool | lvPDPool, is: text, newName: "client-classes"},
	{name: "evaluate-additional-classes", at: lvNetwork | lvSubnet | lvPool | lvPDPool, is: textList},
	{name: "require-client-classes", at: lvNetwork | lvSubnet | lvPool | lvPDPool, is: textList, newName: "evaluate-additional-classes"},

	// Pools.
	{name: "pool", at: lvPool, is: text, must: true},
	{name: "pool-id", at: lvPool | lvPDPool, is: integer(1, maxUint32)},
	{name: "prefix", at: lvPDPool, is: text, must: true},
	{name: "prefix-len", at: lvPDPool, is: integer(1, 128), must: true},
	{name: "delegated-len", at: lvPDPool, is: integer(1, 128), must: true},
	{name: "excluded-prefix", at: lvPDPool, is: text},
	{name: "excluded-prefix-len", at: lvPDPool, is: integer(0, 128)},

	// Classes.
	{name: "name", at: lvClass, is: text, must: true},
	{name: "test", at: lvClass, is: text},
	{name: "template-test", at: lvClass, is: text},
	{name: "only-in-additional-list", at: lvClass, is: boolean},
	{name: "only-if-required", at: lvClass, is: boolean, newName: "only-in-additional-list"},
	{name: "option-def", at: lvClass, family: 4, is: mapsOf(lvOptionDef), def: "[]"},

	// Reservations.
	{name: "hw-address", at: lvHost, is: text},
	{name: "duid", at: lvHost, is: text},
	{name: "client-id", at: lvHost, family: 4, is: text},
	{name: "circuit-id", at: lvHost, family: 4, is: text},
	{name: "flex-id", at: lvHost, is: text},
	{name: "ip-address", at: lvHost, family: 4, is: text},
	{name: "ip-addresses", at: lvHost, family: 6, is: textList},
	{name: "prefixes", at: lvHost, family: 6, is: textList},
	{name: "excluded-prefixes", at: lvHost, family: 6, is: textList},
	{name: "hostname", at: lvHost, is: text, def: `""`},
	{name: "client-classes", at: lvHost, is: textList, def: "[]"},
}
