package metrics

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/ha"
	"leasehold/server/engine"
)

// collector turns readings of one family into metrics.
type collector struct {
	read func() *Reading

	serving, ready, sockets, lost, rejected, started, reloaded *prometheus.Desc
	received, sent, drops, kea                                 *prometheus.Desc
	leases, subnetLeases, poolSize, poolFree                   *prometheus.Desc
	parked, journal, unstored, wait                            *prometheus.Desc
	haState, haPartner, haInterrupted, haSilence, haSkew       *prometheus.Desc
	haUnacked, haUnackedLimit, haRejected, haUnsent            *prometheus.Desc
	haQueued, haInFlight, haInState, haCountdown, haSync       *prometheus.Desc
	haConflicts, haDiffers                                     *prometheus.Desc
}

func newCollector(family string, read func() *Reading) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("leasehold_"+name, help, labels, prometheus.Labels{"family": family})
	}
	pool := []string{"subnet_id", "subnet", "network", "pool"}
	pair := []string{"server", "partner"}
	return &collector{
		read:     read,
		serving:  d("service_enabled", "1 while the service is switched on, by high availability and by operators."),
		ready:    d("ready", "1 while clients can be served, or the server stands by for its partner."),
		sockets:  d("sockets_open", "Open sockets."),
		lost:     d("socket_lost_datagrams", "Datagrams for which the open sockets had no room."),
		rejected: d("socket_rejected_datagrams_total", "Datagrams that were no intact UDP."),
		started:  d("start_time_seconds", "When the server started, in Unix time."),
		reloaded: d("config_loaded_time_seconds", "When the configuration in force was loaded, in Unix time."),

		received: d("packets_received_total", "Queries by type; all is every one.", "type"),
		sent:     d("packets_sent_total", "Responses by type; all is every one.", "type"),
		drops:    d("drops_total", "Queries that got no response, by reason.", "reason"),
		kea:      d("events_total", "Other events under the names of Kea's statistics.", "event"),

		leases:       d("leases", "Leases in the database by state; ended are released and reclaimed ones that are kept.", "state"),
		subnetLeases: d("subnet_leases", "Leases of a subnet by state; prefixes are delegated.", "subnet_id", "subnet", "network", "state"),
		poolSize:     d("pool_size", "Addresses or prefixes of a pool.", pool...),
		poolFree:     d("pool_free", "Addresses or prefixes of a pool that may be given away now.", pool...),

		parked:   d("parked_responses", "Responses that wait for the disk or a partner."),
		journal:  d("journal_changes", "Lease changes that wait to be written."),
		unstored: d("unstored_changes", "Lease changes that the disk refused and that are tried again."),
		wait:     d("response_wait_seconds", "How long responses that promise a lease were held until it was safe."),

		haState:        d("ha_state", "1 for the state of this server in the relationship.", append(pair, "mode", "role", "state")...),
		haPartner:      d("ha_partner_state", "1 for the state of the partner as last heard.", append(pair, "state")...),
		haInterrupted:  d("ha_interrupted", "1 while the partner does not answer.", pair...),
		haSilence:      d("ha_partner_silence_seconds", "Time since the partner's last good answer.", pair...),
		haSkew:         d("ha_clock_skew_seconds", "How far the partner's clock is ahead.", pair...),
		haUnacked:      d("ha_unacked_clients", "Clients that the silent partner seems not to answer.", pair...),
		haUnackedLimit: d("ha_unacked_clients_limit", "With more of them the partner counts as down.", pair...),
		haRejected:     d("ha_rejected_clients", "Clients whose lease updates the partner refused.", pair...),
		haConflicts:    d("ha_conflicts_total", "Addresses that both servers gave away.", pair...),
		haDiffers:      d("ha_configuration_differs", "1 if the partner's configuration gives clients something else.", pair...),
		haUnsent:       d("ha_unsent_updates_total", "Lease updates that the partner was not sent.", pair...),
		haQueued:       d("ha_queued_changes", "Lease changes that wait for the partner.", pair...),
		haInFlight:     d("ha_updates_in_flight", "Lease updates under way to peers.", pair...),
		haInState:      d("ha_state_seconds", "Time since the state was entered.", pair...),
		haCountdown:    d("ha_countdown_seconds", "Time until a condition for leaving the state is met by time alone.", append(pair, "condition")...),
		haSync:         d("ha_sync_seconds", "How long the last copying of the partner's leases took.", pair...),
	}
}

// Describe sends nothing: which metrics there are depends on the configuration.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	r := c.read()
	if r == nil {
		return
	}
	o := out{ch}
	o.gauge(c.serving, truth(r.Serving))
	o.gauge(c.ready, truth(r.Ready))
	o.gauge(c.sockets, float64(r.Sockets))
	o.gauge(c.lost, float64(r.Lost))
	o.counter(c.rejected, float64(r.Rejected))
	o.gauge(c.started, seconds(r.Started))
	o.gauge(c.reloaded, seconds(r.Reloaded))
	o.gauge(c.parked, float64(r.Parked))
	o.gauge(c.journal, float64(r.Journal))
	o.gauge(c.unstored, float64(r.Unstored))
	c.counts(o, r)
	c.scopes(o, r)
	c.waits(o, &r.Waits)
	for i := range r.Pairs {
		c.pair(o, &r.Pairs[i].Figures)
		c.expectations(o, &r.Pairs[i])
	}
}

// counts sorts Kea's statistics into queries, responses and the rest.
func (c *collector) counts(o out, r *Reading) {
	packets := "pkt" + strconv.Itoa(r.Version) + "-"
	for _, x := range r.Counts {
		v := float64(x.Value)
		name, packet := strings.CutPrefix(x.Name, packets)
		switch {
		case name == "received":
			o.counter(c.received, v, "all")
		case name == "sent":
			o.counter(c.sent, v, "all")
		case packet && strings.HasSuffix(name, "-received"):
			o.counter(c.received, v, strings.TrimSuffix(name, "-received"))
		case packet && strings.HasSuffix(name, "-sent"):
			o.counter(c.sent, v, strings.TrimSuffix(name, "-sent"))
		case !packet && !strings.HasPrefix(name, "assigned-") && !strings.HasPrefix(name, "declined-"):
			o.counter(c.kea, v, name)
		}
	}
	for _, x := range r.Drops {
		o.counter(c.drops, float64(x.Value), x.Name)
	}
}

func (c *collector) scopes(o out, r *Reading) {
	o.gauge(c.leases, float64(r.Assigned-r.Declined), "assigned")
	o.gauge(c.leases, float64(r.Declined), "declined")
	o.gauge(c.leases, float64(max(int64(r.Leases)-r.Assigned, 0)), "ended")
	for i := range r.Subnets {
		s := &r.Subnets[i]
		id, prefix := strconv.FormatUint(uint64(s.ID), 10), s.Prefix.String()
		o.gauge(c.subnetLeases, float64(s.Assigned-s.Declined), id, prefix, s.Network, "assigned")
		o.gauge(c.subnetLeases, float64(s.Declined), id, prefix, s.Network, "declined")
		if r.Version == 6 {
			o.gauge(c.subnetLeases, float64(s.Prefixes), id, prefix, s.Network, "prefixes")
		}
		for j := range s.Pools {
			p := &s.Pools[j]
			o.gauge(c.poolSize, p.Size, id, prefix, s.Network, p.Name())
			o.gauge(c.poolFree, p.Free, id, prefix, s.Network, p.Name())
		}
	}
}

func (c *collector) waits(o out, w *engine.Waits) {
	buckets := make(map[float64]uint64, len(w.Buckets))
	total := uint64(0)
	for i, n := range w.Buckets {
		total += n
		if i < len(w.Buckets)-1 {
			buckets[float64(uint64(1)<<i)*1e-6] = total
		}
	}
	if m, err := prometheus.NewConstHistogram(c.wait, total, w.Sum.Seconds(), buckets); err == nil {
		o.ch <- m
	}
}

func (c *collector) pair(o out, f *ha.Figures) {
	pair := []string{f.This, f.Partner}
	o.gauge(c.haState, 1, f.This, f.Partner, f.Mode, f.Role, f.State.String())
	o.counter(c.haUnsent, float64(f.Unsent), pair...)
	o.counter(c.haConflicts, float64(f.Conflicts), pair...)
	o.gauge(c.haDiffers, truth(f.Configuration == "differs"), pair...)
	o.gauge(c.haQueued, float64(f.Queued), pair...)
	o.gauge(c.haInFlight, float64(f.InFlight), pair...)
	o.gauge(c.haInState, f.SecondsInState, pair...)
	if f.Partner == "" {
		return
	}
	state := f.PartnerState.String()
	if state == "" {
		state = "unknown"
	}
	o.gauge(c.haPartner, 1, f.This, f.Partner, state)
	o.gauge(c.haInterrupted, truth(f.Interrupted), pair...)
	o.gauge(c.haSilence, f.Silence.Seconds(), pair...)
	o.gauge(c.haSkew, f.Skew.Seconds(), pair...)
	o.gauge(c.haUnacked, float64(f.Unacked), pair...)
	o.gauge(c.haUnackedLimit, float64(f.UnackedLimit), pair...)
	o.gauge(c.haRejected, float64(f.Rejected), pair...)
}

// expectations are what a relationship waits for, and how long it last took.
func (c *collector) expectations(o out, p *engine.PairSurvey) {
	for _, x := range p.Conditions {
		if x.In > 0 {
			o.gauge(c.haCountdown, x.In.Seconds(), p.This, p.Partner, x.Name)
		}
	}
	for i := len(p.Journal) - 1; i > 0; i-- {
		if p.Journal[i].From == ha.Syncing && p.Journal[i-1].To == ha.Syncing {
			o.gauge(c.haSync, p.Journal[i].At.Sub(p.Journal[i-1].At).Seconds(), p.This, p.Partner)
			return
		}
	}
}

// out sends metrics. A label that is no text (a network's name can be) is told
// to whoever collects.
type out struct{ ch chan<- prometheus.Metric }

func (o out) gauge(d *prometheus.Desc, v float64, labels ...string) {
	o.send(d, prometheus.GaugeValue, v, labels)
}

func (o out) counter(d *prometheus.Desc, v float64, labels ...string) {
	o.send(d, prometheus.CounterValue, v, labels)
}

func (o out) send(d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\ufffd")
	}
	m, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	o.ch <- m
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
