// Package config turns the text of a Kea configuration file into typed,
// checked, immutable values that the server can use as they are.
//
// Start with Load (files) or Parse (one text): both give a *Config, or every
// problem that could be found in one run, each with file:line:column, the path
// of the key, what is wrong and a cure. keys.go is the one table of Kea's keys.
// Everything that Kea inherits (global, shared network, subnet, pool) is
// resolved here once; nobody else looks upwards.
//
// A text goes through these hands: json.go reads Kea's dialect, keys_walk.go
// checks it against the table and brings older spellings into today's form,
// parse*.go make typed values and check their meaning, check*.go compares the
// parts with each other, tree.go completes the map to what config-get prints.
//
// A running configuration is changed by editing its tree (Family.Tree) and
// parsing it again; the result replaces the old value whole, between two
// batches of the engine.
//
// Left out on purpose: packets, leases, sockets, the clock. This package knows
// neither of them and imports no other package of this module.
package config
