package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// TestInteropPassiveBackup: one server serves, and any number of others get its
// leases, from which it can have them back.
func TestInteropPassiveBackup(t *testing.T) {
	for _, family := range []int{4, 6} {
		for _, runs := range [][]product{{ours, ours, ours, ours}, {ours, kea, ours}, {kea, ours, ours}} {
			name := fmt.Sprintf("v%d-%s", family, joined(runs))
			if !testnet.Chosen(t, name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				if isolate(t, "kea-dhcp4", "kea-dhcp6") {
					return
				}
				p := newPair(t, setting{family: family, mode: passiveBackup, backups: len(runs) - 2, relay: `"wait-backup-ack": true,`}, runs...)
				p.begin(t, passiveBackup, "backup")
				p.serve(p.add(10))
				for _, n := range p.everyone() {
					p.equal(p.nodes[0], n)
				}
				// It loses its disk, and fetches what it lost from a backup. A Kea 2.2
				// cannot: ha-sync takes the wrong server there, and never ends.
				first := p.nodes[0]
				if first.runs == kea {
					p.keep()
					return
				}
				first.Kill()
				for _, file := range testnet.Must1(filepath.Glob(filepath.Join(first.dir, "leases.csv*")))(t) {
					testnet.Must(t, os.Remove(file))
				}
				first.start()
				first.awaitState(passiveBackup)
				first.want("ha-sync", `{ "server-name": "b", "max-period": 60 }`)
				p.equal(p.nodes[1], first)
				p.keep()
				for _, c := range p.list {
					if c.from != p.list[0].from {
						t.Errorf("%s and %s both answer", c.from, p.list[0].from)
					}
				}
			})
		}
	}
}

// TestInteropBackups: a pair has backups, which get the leases of both servers.
func TestInteropBackups(t *testing.T) {
	for _, c := range []struct {
		combination
		backups []product
	}{
		{combination{4, hotStandby, [2]product{ours, ours}}, []product{ours, kea}},
		{combination{6, loadBalancing, [2]product{ours, ours}}, []product{kea, ours}},
		{combination{4, loadBalancing, [2]product{kea, ours}}, []product{ours}},
		{combination{6, hotStandby, [2]product{ours, kea}}, []product{ours}},
	} {
		name := c.String() + "-with-" + joined(c.backups)
		if !testnet.Chosen(t, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if isolate(t, "kea-dhcp4", "kea-dhcp6") {
				return
			}
			p := newPair(t, setting{family: c.family, mode: c.mode, backups: len(c.backups)}, append(c.runs[:], c.backups...)...)
			p.begin(t, c.mode, c.mode)
			p.undisturbed(func() { p.serve(p.add(10)) })
			p.same()
			for _, n := range p.backups {
				p.equal(p.nodes[0], n)
			}
			// Whoever serves alone sends to the backups, too.
			p.nodes[0].Kill()
			p.nodes[1].awaitState("partner-down")
			p.serve(p.add(5))
			for _, n := range p.backups {
				p.equal(p.nodes[1], n)
			}
		})
	}
}

// TestInteropSecret: the servers of a pair know each other by certificates and
// passwords.
func TestInteropSecret(t *testing.T) {
	for _, c := range []combination{
		{4, hotStandby, [2]product{ours, ours}}, {6, loadBalancing, [2]product{ours, ours}},
		{4, loadBalancing, [2]product{kea, ours}}, {6, hotStandby, [2]product{ours, kea}},
	} {
		if !testnet.Chosen(t, c.String()) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			if isolate(t, "kea-dhcp4", "kea-dhcp6", "openssl") {
				return
			}
			dir := t.TempDir()
			h := &host{t: t, pid: os.Getpid(), dir: dir, name: "test"}
			h.run(strings.Fields("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pair -keyout key.pem -out cert.pem " +
				"-addext subjectAltName=IP:10.77.0.1,IP:10.77.0.2")...)
			h.run("chmod", "-R", "a+rX", dir)
			s := setting{family: c.family, mode: c.mode, tls: true,
				relay: fmt.Sprintf(`"trust-anchor": "%[1]s/cert.pem", "cert-file": "%[1]s/cert.pem", "key-file": "%[1]s/key.pem", "restrict-commands": true,`, dir),
				user:  `, "basic-auth-user": "pair", "basic-auth-password": "secret"`}
			p := newPair(t, s, c.runs[:]...)
			p.start()
			p.undisturbed(func() { p.serve(p.add(10)) })
			p.same()
			p.dies(t, 1)
			// The operator's verbs reach the partner with what the pair knows.
			for i, n := range p.nodes {
				if c.runs[i] == ours {
					if said := n.operate([]string{"ha", "why"}); !strings.Contains(said, "as it says itself") {
						t.Errorf("ha why: %s", said)
					}
				}
			}
		})
	}
}

func joined(runs []product) string {
	var words []string
	for _, r := range runs {
		words = append(words, string(r))
	}
	return strings.Join(words, "-")
}

// everyone are all servers but the first.
func (p *pair) everyone() []*node { return append([]*node{p.nodes[1]}, p.backups...) }

// begin starts all servers and waits until a and b, and the backups, are in
// their states.
func (p *pair) begin(t *testing.T, first, second string) {
	t.Helper()
	for _, n := range p.backups {
		n.start()
		n.awaitState("backup")
	}
	for _, i := range []int{1, 0} {
		p.nodes[i].start()
	}
	p.nodes[0].awaitState(first)
	p.nodes[1].awaitState(second)
}

// equal waits until a server has the leases of another. What a backup has
// missed it gets when the client extends the lease.
func (p *pair) equal(from, to *node) {
	p.t.Helper()
	for begin := time.Now(); ; p.keep() {
		differ := differing(from.leases(), to.leases())
		if len(differ) == 0 {
			return
		}
		if time.Since(begin) > testnet.Patience {
			p.t.Errorf("%s and %s: %d leases differ:\n%s", from.who(), to.who(), len(differ), strings.Join(differ[:min(8, len(differ))], "\n"))
			return
		}
	}
}
