package ha

// facts is all that a decision depends on.
type facts struct {
	balancing bool // mode load-balancing
	passive   bool // mode passive-backup
	primary   bool
	standby   bool
	backup    bool
	pulls     bool // sync-leases
	recovers  bool // delayed-updates-limit > 0

	partner     State
	interrupted bool // no good heartbeat for max-response-delay
	detected    bool // more unacked clients than allowed, or not looked at
	skewed      bool // clocks more than a minute apart
	rejected    bool // too many clients whose update was refused
	hopeless    bool // partner terminated for ten minutes
	unsent      bool // partner gave leases away that it did not send us
	merges      bool // leases can be pulled while both serve
	overflowed  bool // backlog
	backlogged  bool // backlog is not empty
	healed      bool // whatever terminated us is gone, for the partner too
}

// job is work that a state waits for: commands to the partner whose answers
// come back as events.
type job uint8

const (
	noJob    job = iota
	pullJob      // copy the partner's leases
	flushJob     // send the backlog
	resetJob     // tell the partner to start over
)

// next returns the state that follows s, or s itself and what to do there.
func (f *facts) next(s State) (State, job) {
	if s = f.guard(s); s == Terminated && !f.healed {
		return s, noJob
	}
	switch s {
	case Waiting:
		return f.waiting(), noJob
	case Syncing:
		return f.syncing()
	case Ready:
		return f.ready(), noJob
	case LoadBalancing, HotStandby:
		return f.normalState(), noJob
	case CommunicationRecovery:
		return f.recovery()
	case PartnerDown:
		return f.partnerDown()
	case PartnerInMaintenance:
		return f.partnerInMaintenance(), noJob
	case Terminated:
		return Waiting, noJob
	}
	return s, noJob // in-maintenance, backup, passive-backup
}

// guard holds for all states alike: first the reasons to terminate, then a
// partner whose mode is not ours.
func (f *facts) guard(s State) State {
	switch s {
	case Waiting, Syncing, Ready, LoadBalancing, HotStandby,
		CommunicationRecovery, PartnerDown, PartnerInMaintenance:
	default:
		return s
	}
	if s == Waiting && (f.backup || f.passive) {
		return s
	}
	if f.skewed || f.rejected {
		return Terminated
	}
	if s != PartnerInMaintenance && !f.fits() {
		return Waiting
	}
	return s
}

// fits says whether the partner can be in its state in our mode.
func (f *facts) fits() bool {
	switch f.partner {
	case LoadBalancing, CommunicationRecovery:
		return f.balancing
	case HotStandby:
		return !f.balancing && !f.passive
	}
	return true
}

// normal returns the state that the mode strives for.
func (f *facts) normal() State {
	if f.balancing {
		return LoadBalancing
	}
	return HotStandby
}

// lost says whether the partner is to be given up in a state whose service is
// on. Kea: the primary of a hot-standby pair asks no clients.
func (f *facts) lost() bool {
	return f.interrupted && (f.detected || !f.balancing && !f.standby)
}

func (f *facts) waiting() State {
	switch {
	case f.backup:
		return Backup
	case f.passive:
		return PassiveBackup
	}
	begin := Ready
	if f.pulls {
		begin = Syncing
	}
	switch f.partner {
	case Waiting:
		if f.primary {
			return begin
		}
	case LoadBalancing, HotStandby, CommunicationRecovery:
		if f.fits() {
			return begin
		}
	case Syncing:
		// One at a time: who pulls already is let finish.
	case Ready, PartnerDown, InMaintenance, PartnerInMaintenance:
		return begin
	case Terminated:
		if f.hopeless {
			return Terminated
		}
	case Unavailable:
		if f.interrupted {
			return PartnerDown
		}
	}
	return Waiting
}

func (f *facts) syncing() (State, job) {
	switch f.partner {
	case Unknown:
		return Syncing, noJob
	case Terminated:
		return Terminated, noJob
	case Unavailable:
		if f.interrupted {
			return PartnerDown, noJob
		}
		return Syncing, noJob
	}
	return Syncing, pullJob
}

func (f *facts) ready() State {
	switch f.partner {
	case Ready:
		if f.primary {
			return f.normal()
		}
	case LoadBalancing, HotStandby, CommunicationRecovery:
		return f.normal()
	case InMaintenance:
		return PartnerInMaintenance
	case PartnerInMaintenance:
		return InMaintenance
	case Terminated:
		return Terminated
	case Unavailable:
		if f.interrupted {
			return PartnerDown
		}
	}
	return Ready
}

func (f *facts) normalState() State {
	switch f.partner {
	case PartnerDown:
		return Waiting
	case InMaintenance:
		return PartnerInMaintenance
	case PartnerInMaintenance:
		return InMaintenance
	case Terminated:
		return Terminated
	case Unavailable:
		switch {
		case f.lost():
			return PartnerDown
		case f.recovers:
			// One failure is enough; contact need not be interrupted.
			return CommunicationRecovery
		}
	}
	return f.normal()
}

func (f *facts) recovery() (State, job) {
	switch f.partner {
	case Waiting, Syncing, Ready:
		if f.overflowed && !f.interrupted {
			return Waiting, noJob
		}
	case LoadBalancing, HotStandby, CommunicationRecovery:
		switch {
		case f.interrupted:
		case f.overflowed:
			return CommunicationRecovery, resetJob
		case f.backlogged:
			return CommunicationRecovery, flushJob
		default:
			return f.normal(), noJob
		}
	case Backup, PassiveBackup:
		if !f.interrupted {
			return Waiting, noJob
		}
	case PartnerDown:
		return Waiting, noJob
	case InMaintenance:
		return PartnerInMaintenance, noJob
	case PartnerInMaintenance:
		return InMaintenance, noJob
	case Terminated:
		return Terminated, noJob
	case Unavailable:
		if f.lost() {
			return PartnerDown, noJob
		}
	}
	return CommunicationRecovery, noJob
}

func (f *facts) partnerDown() (State, job) {
	switch f.partner {
	case Ready:
		switch {
		case !f.unsent:
			return f.normal(), noJob
		case f.merges:
			return PartnerDown, pullJob
		}
		return Waiting, noJob
	case CommunicationRecovery, PartnerDown, PartnerInMaintenance:
		return Waiting, noJob
	case Terminated:
		return Terminated, noJob
	}
	return PartnerDown, noJob
}

func (f *facts) partnerInMaintenance() State {
	switch f.partner {
	case Unavailable:
		return PartnerDown
	case PartnerInMaintenance:
		// Each takes the other for the one in maintenance. Kea stays so for
		// ever, and so does the partner if it is Kea: then we step back.
		return Waiting
	}
	return PartnerInMaintenance
}
