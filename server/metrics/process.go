package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/server/events"
)

// Readers are what those outside read of the process at one moment.
type Readers struct {
	Streams, StreamLimit int // server-sent events: open, and how many may be
	Events               bool
	Last                 events.Cursor // of the newest event
	Hooks                []events.HookState
}

// readers turns readings of the process into metrics.
type readers struct {
	read func() Readers

	streams, limit, events, pending, sent, failures *prometheus.Desc
}

// Readers adds the figures of those who read what happens.
func (m *Metrics) Readers(read func() Readers) {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("leasehold_"+name, help, labels, nil)
	}
	m.registry.MustRegister(&readers{
		read:     read,
		streams:  d("streams_open", "Open streams of pages and of events."),
		limit:    d("streams_limit", "How many streams may be open; more are refused."),
		events:   d("event_stream_events_total", "Events since the stream began."),
		pending:  d("webhook_pending_events", "Events that a webhook has not taken.", "webhook", "host"),
		sent:     d("webhook_events_total", "Events that a webhook took.", "webhook", "host"),
		failures: d("webhook_failures_total", "Attempts in vain to send events to a webhook.", "webhook", "host"),
	})
}

// Describe sends nothing: which metrics there are depends on the configuration.
func (c *readers) Describe(chan<- *prometheus.Desc) {}

func (c *readers) Collect(ch chan<- prometheus.Metric) {
	r := c.read()
	o := out{ch}
	o.gauge(c.streams, float64(r.Streams))
	o.gauge(c.limit, float64(r.StreamLimit))
	if r.Events {
		o.counter(c.events, float64(r.Last.Seq))
	}
	for i, h := range r.Hooks {
		n := strconv.Itoa(i)
		o.gauge(c.pending, float64(h.Pending), n, h.Host)
		o.counter(c.sent, float64(h.Sent), n, h.Host)
		o.counter(c.failures, float64(h.Failures), n, h.Host)
	}
}
