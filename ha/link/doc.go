// Package link carries the commands of package ha between servers over HTTP: a
// Client for what the machines send, a Listener for what peers send us.
//
// HTTP is written by hand where Kea's peers depend on details that net/http
// decides otherwise: the Host header, error bodies, a request that stays
// incomplete, connections that close while idle.
//
// Left out on purpose: what commands mean.
package link
