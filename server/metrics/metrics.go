// Package metrics shows the figures of the engines and of the shell around them
// in Prometheus's form. Nothing is counted twice: what the engine knows is read
// when somebody asks, under its lock once; only what the shell alone sees (batch
// sizes, times of the disk) is observed as it happens.
package metrics

import (
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"leasehold/server/engine"
)

// Reading is everything about one family at one moment.
type Reading struct {
	*engine.Survey
	Ready    bool   // a socket serves, or the family stands by for its partner
	Sockets  int    // open ones
	Lost     uint64 // datagrams for which the sockets had no room
	Rejected uint64 // datagrams that were no intact UDP
}

// Meters are what the shell of one family observes.
type Meters struct {
	Batch   prometheus.Observer // queries decided at once
	Took    prometheus.Observer // seconds from the receipt of a batch until what could leave at once had left
	Append  prometheus.Observer // seconds of an append to the lease database, sync included
	Changes prometheus.Observer // lease changes appended at once
}

// Metrics is the metrics of a process.
type Metrics struct {
	registry                     *prometheus.Registry
	batch, took, append, changes *prometheus.HistogramVec
}

// New returns Metrics without families. release is the version of the program.
func New(release string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	family := []string{"family"}
	m.batch = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_batch_queries", Help: "Queries that were decided at once.",
		Buckets: []float64{1, 2, 4, 8, 16, 32, 64},
	}, family)
	m.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_batch_seconds", Help: "From the receipt of queries until they were decided and what promises no lease had left.",
		Buckets: prometheus.ExponentialBuckets(0.00001, 2.5, 14),
	}, family)
	m.append = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_lease_append_seconds", Help: "How long lease changes took to be appended and synced to the disk.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
	}, family)
	m.changes = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_lease_append_changes", Help: "Lease changes that were appended at once.",
		Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 1024},
	}, family)
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "leasehold_build_info", Help: "Always 1; the labels tell what was built.",
	}, []string{"version", "goversion"})
	goVersion := ""
	if b, ok := debug.ReadBuildInfo(); ok {
		goVersion = b.GoVersion
	}
	info.WithLabelValues(release, goVersion).Set(1)
	m.registry.MustRegister(m.batch, m.took, m.append, m.changes, info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Family adds a family whose figures read returns; nil if there are none now.
func (m *Metrics) Family(version int, read func() *Reading) *Meters {
	label := strconv.Itoa(version)
	m.registry.MustRegister(newCollector(label, read))
	return &Meters{
		Batch: m.batch.WithLabelValues(label), Took: m.took.WithLabelValues(label), Append: m.append.WithLabelValues(label), Changes: m.changes.WithLabelValues(label),
	}
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
