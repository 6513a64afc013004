package interop

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// pair are two servers on a wire, and their clients.
type pair struct {
	t *testing.T
	*wire
	*clients
	set     setting
	nodes   [2]*node
	backups []*node
}

func newPair(t *testing.T, s setting, runs ...product) *pair {
	t.Helper()
	w := newWire(t, "10.77.0.3/16", "2001:db8:1::3/64")
	p := &pair{t: t, wire: w, set: s, clients: newClients(t, s.family)}
	for i, runs := range runs {
		name, number := string(rune('a'+i)), hostNumber(i)
		h := w.newHost(name, byte(number), fmt.Sprintf("10.77.0.%d/16", number), fmt.Sprintf("2001:db8:1::%d/64", number))
		n := &node{host: h, t: t, runs: runs, set: &p.set, config: filepath.Join(h.dir, "config.json")}
		n.configure(i)
		if i < len(p.nodes) {
			p.nodes[i] = n
		} else {
			p.backups = append(p.backups, n)
		}
	}
	return p
}

// hostNumber is the last part of the addresses of a server: 3 is the test's.
func hostNumber(i int) int {
	if i < 2 {
		return i + 1
	}
	return i + 2
}

// same demands that both servers come to have the same leases. They need not
// at once: a message that a client sent twice may still be under way to the
// partner when the client has its answer.
func (p *pair) same() {
	p.t.Helper()
	limit := time.After(testnet.Patience)
	for {
		differ := p.differences()
		if len(differ) == 0 {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-limit:
			p.t.Errorf("%d leases differ:\n%s", len(differ), strings.Join(differ[:min(8, len(differ))], "\n"))
			return
		}
	}
}

func (p *pair) differences() []string {
	p.t.Helper()
	return differing(p.nodes[0].leases(), p.nodes[1].leases())
}

func differing(a, b map[string]map[string]any) []string {
	var differ []string
	for _, side := range []map[string]map[string]any{a, b} {
		for key := range side {
			if !reflect.DeepEqual(a[key], b[key]) {
				differ = append(differ, fmt.Sprintf("%s:\n  a: %v\n  b: %v", key, a[key], b[key]))
			}
		}
	}
	sort.Strings(differ)
	return slices.Compact(differ)
}

// normal waits until both servers are in the normal state.
func (p *pair) normal() {
	p.t.Helper()
	for _, n := range p.nodes {
		n.awaitState(p.set.mode)
	}
}

// undisturbed does something in the normal state of the pair, and fails the
// test if a client was answered by both servers meanwhile. Where the machine is
// so slow that the servers lost sight of each other, both may answer: it is done
// again.
func (p *pair) undisturbed(do func()) {
	p.t.Helper()
	for begin := time.Now(); ; {
		p.normal()
		p.forget()
		before := p.transitions()
		do()
		double := p.answeredTwice()
		if len(double) == 0 {
			return
		}
		for _, n := range p.nodes {
			n.status() // what the server has done until now is in its log
		}
		if p.transitions() == before {
			p.t.Errorf("answered by both servers: %s", strings.Join(double, ", "))
			return
		}
		if time.Since(begin) > testnet.Patience {
			p.t.Fatalf("the servers do not stay in the normal state for %s", testnet.Patience)
		}
	}
}

// transitions counts the changes of state that both servers have logged.
func (p *pair) transitions() (sum int) {
	for _, n := range p.nodes {
		sum += strings.Count(n.Text(), transition)
	}
	return sum
}

// transition is what a server logs when its state changes.
const transition = "server transitions from "

// start begins both servers and waits for the normal state.
func (p *pair) start() {
	p.t.Helper()
	for _, n := range p.nodes {
		n.start()
	}
	p.normal()
}
