package ha

import "time"

// State is a state of the machine, or what is known of the partner's.
type State uint8

// Unknown is the partner's state before anything was heard. Unavailable is the
// partner's state after a failed exchange; a machine is never in either.
const (
	Unknown State = iota
	Waiting
	Syncing
	Ready
	LoadBalancing
	HotStandby
	CommunicationRecovery
	PartnerDown
	InMaintenance
	PartnerInMaintenance
	PassiveBackup
	Backup
	Terminated
	Unavailable
)

// stateNames are Kea's names, as on the wire.
var stateNames = [...]string{
	Unknown:               "",
	Waiting:               "waiting",
	Syncing:               "syncing",
	Ready:                 "ready",
	LoadBalancing:         "load-balancing",
	HotStandby:            "hot-standby",
	CommunicationRecovery: "communication-recovery",
	PartnerDown:           "partner-down",
	InMaintenance:         "in-maintenance",
	PartnerInMaintenance:  "partner-in-maintenance",
	PassiveBackup:         "passive-backup",
	Backup:                "backup",
	Terminated:            "terminated",
	Unavailable:           "unavailable",
}

func (s State) String() string { return stateNames[s] }

// MarshalText writes the name.
func (s State) MarshalText() ([]byte, error) { return []byte(stateNames[s]), nil }

// ParseState returns the state of a name on the wire.
func ParseState(name []byte) (State, bool) {
	for s := Waiting; s <= Unavailable; s++ {
		if stateNames[s] == string(name) {
			return s, true
		}
	}
	return Unknown, false
}

// serves says whether the DHCP service is on for reasons of the state.
func (s State) serves() bool {
	switch s {
	case LoadBalancing, HotStandby, CommunicationRecovery, PartnerDown,
		PartnerInMaintenance, PassiveBackup, Terminated:
		return true
	}
	return false
}

// Settled says whether the state tells who serves which clients. In the others
// a server that has just started finds that out.
func (s State) Settled() bool {
	switch s {
	case Unknown, Waiting, Syncing, Ready:
		return false
	}
	return true
}

// pushes says whether lease updates go to the partner.
func (s State) pushes() bool {
	return s == LoadBalancing || s == HotStandby || s == PartnerInMaintenance
}

// normal says whether the state is one of the two that a pair strives for.
func (s State) normal() bool { return s == LoadBalancing || s == HotStandby }

// The names of the configuration that decisions depend on.
const (
	modeLoadBalancing = "load-balancing"
	modePassiveBackup = "passive-backup"

	rolePrimary   = "primary"
	roleSecondary = "secondary"
	roleStandby   = "standby"
	roleBackup    = "backup"
)

const (
	requestTimeout = 10 * time.Second // every command but the pages
	skewWarning    = 30 * time.Second
	skewLimit      = 60 * time.Second
	skewRepeat     = 60 * time.Second // between two warnings
	hopelessAfter  = 10 * time.Minute // waiting for a terminated partner
	rejectedFor    = 24 * time.Hour   // a rejected update is held against us
)
