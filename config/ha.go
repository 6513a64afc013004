package config

import "time"

// Relationship is one entry of high-availability.
type Relationship struct {
	Index                          int // position in the list: number of the origins 1000+n, 2000+n
	ThisServer                     string
	Mode                           string // load-balancing, hot-standby, passive-backup
	SendUpdates                    bool
	SyncLeases                     bool
	SyncTimeout                    time.Duration
	SyncPageLimit                  uint32
	DelayedUpdates                 uint32        // delayed-updates-limit
	HeartbeatDelay                 time.Duration // 0 = no heartbeats
	MaxResponse                    time.Duration
	MaxAck                         time.Duration
	MaxUnacked                     uint32
	MaxRejected                    uint32
	WaitBackupAck                  bool
	MultiThreading                 bool
	Listener                       bool // http-dedicated-listener
	ListenerThreads, ClientThreads uint32
	RequireClientCerts             bool
	RestrictCommands               bool
	Pauses                         map[string]string // state → never, once, always
	Peers                          []Peer            // primary, then secondary or standby, then backups by name
	Pos                            Pos
}

// Peer is one server of a relationship, this one included.
type Peer struct {
	Name           string
	URL            string // scheme://ip:port/…
	Role           string // primary, secondary, standby, backup
	AutoFailover   bool
	User, Password string
	TLS            TLSFiles // resolved
	Pos            Pos
}

// This returns the entry of this server.
func (r *Relationship) This() *Peer { return r.Peer(r.ThisServer) }

// Peer returns the entry of a name, or nil.
func (r *Relationship) Peer(name string) *Peer {
	for i := range r.Peers {
		if r.Peers[i].Name == name {
			return &r.Peers[i]
		}
	}
	return nil
}

// Partner returns the other active server, or nil (passive-backup, backups).
func (r *Relationship) Partner() *Peer {
	this := r.This()
	if this == nil || this.Role == "backup" || r.Mode == "passive-backup" {
		return nil
	}
	for i := range r.Peers {
		if p := &r.Peers[i]; p != this && p.Role != "backup" {
			return p
		}
	}
	return nil
}
