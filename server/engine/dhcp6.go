package engine

import (
	"leasehold/config"
)

// receive6 takes a DHCPv6 query from reception to its response or drop.
func (e *Engine) receive6(q *Query) { e.fx.Done = append(e.fx.Done, q) }

func (e *Engine) countSent6(*Query) {}

func (e *Engine) isHost6(*Query, *config.Host) bool { return false }

func (q *Query) appendLabel6(t []byte) []byte { return t }
