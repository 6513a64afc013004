package ha

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"leasehold/lease"
)

// exchange is one request to a real Kea and its reply.
type exchange struct {
	file          string
	line          int
	status        string
	request, body string
}

// recordings reads testdata/wire: bodies of requests and replies stand on one
// line each, behind the blank line that ends a head.
func recordings(t *testing.T) (list []exchange) {
	files, _ := filepath.Glob("../testdata/wire/*.txt")
	newer, _ := filepath.Glob("../testdata/wire/3.3/*.txt")
	for _, file := range append(files, newer...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var ex exchange
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			switch {
			case strings.HasPrefix(line, "##### ") && strings.Contains(line, " <- {"):
				_, body, _ := strings.Cut(line, " <- ")
				ex = exchange{file: filepath.Base(file), line: i + 1, request: body}
			case strings.HasPrefix(line, "POST / HTTP/1."):
				ex = exchange{file: filepath.Base(file), line: i + 1}
			case strings.HasPrefix(line, "HTTP/1."):
				ex.status = line
			case strings.HasPrefix(line, "{") && strings.Contains(line, `"command":`) && ex.request == "" && ex.status == "":
				ex.request = line
			case strings.HasPrefix(line, "[ {") && ex.request != "" && ex.status != "":
				ex.body = strings.TrimSuffix(line, "[curl rc=0]")
				list = append(list, ex)
				ex = exchange{}
			}
		}
	}
	return list
}

// TestRecordedRequestsAndReplies: every request that a Kea or an operator sent
// is read, every reply of a Kea is understood as what it was.
func TestRecordedRequestsAndReplies(t *testing.T) {
	seen := map[string]int{}
	for _, ex := range recordings(t) {
		where := fmt.Sprintf("%s:%d", ex.file, ex.line)
		r, err := ParseRequest([]byte(ex.request))
		if err != nil {
			if !strings.Contains(ex.body, `"result": 1`) {
				t.Errorf("%s: %v", where, err)
			}
			continue
		}
		seen[r.Name]++
		c := Command{Name: r.Name, Family: 4}
		if strings.Contains(ex.request, "dhcp6") {
			c.Family = 6
		}
		var plain []map[string]any
		if err := json.Unmarshal([]byte(ex.body), &plain); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		result := int(plain[0]["result"].(float64))
		a := c.Decode([]byte(ex.body))
		if a.Err != nil || a.Result != result {
			t.Errorf("%s: answer to %s: result %d, want %d, error %v", where, r.Name, a.Result, result, a.Err)
			continue
		}
		checkRequest(t, where, &r, result)
		checkAnswer(t, where, &c, &a, plain[0])
	}
	for _, name := range []string{cmdHeartbeat, cmdUpdate4, cmdDelete4, cmdBulkApply, cmdPage4, cmdPage6, cmdDisable, cmdEnable,
		cmdComplete, cmdNotify, cmdStart, cmdCancel, cmdReset, cmdSync, cmdScopes, cmdContinue} {
		if seen[name] == 0 {
			t.Errorf("no recording of %s", name)
		}
	}
}

// checkRequest: our own words for the same thing have the members that Kea
// sends, and more.
func checkRequest(t *testing.T, where string, r *Request, result int) {
	if strings.HasPrefix(where, "13-control-sockets") {
		return // refused for the service they name
	}
	switch r.Name {
	case cmdHeartbeat, cmdReset, cmdComplete, cmdNotify, cmdDisable, cmdEnable:
		// 2.2 refuses a number as origin, and does not know origin-id.
		if err := r.ParseArguments(); (err == nil) != (result == 0 || result == resultNotAllowed) && !strings.Contains(string(r.Arguments), "server-name") &&
			!strings.Contains(string(r.Arguments), `"origin":3`) && r.Name != cmdNotify {
			t.Errorf("%s: arguments of %s: %v, Kea answered %d", where, r.Name, err, result)
		}
	case cmdUpdate4, cmdDelete4, cmdBulkApply:
		checkUpdate(t, where, r, result)
	}
}

// checkUpdate writes a recorded lease update again.
func checkUpdate(t *testing.T, where string, r *Request, result int) {
	if result != 0 || !strings.Contains(string(r.Arguments), `"hw-address": `) {
		return // by hand, and incomplete
	}
	family := 4
	var changes []lease.Change
	s := scanner{b: r.Arguments}
	if r.Name == cmdBulkApply {
		family = 6
		s.object(func(key []byte) {
			if !s.isArray() {
				s.skip()
				return
			}
			s.array(func() {
				c, err := s.readUpdate(6)
				if err != nil {
					t.Errorf("%s: %v", where, err)
				}
				c.Delete = string(key) == "deleted-leases"
				changes = append(changes, c)
			})
		})
	} else {
		c, err := s.readUpdate(4)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
		changes = append(changes, c)
	}
	c := Command{Name: r.Name, Family: family, Changes: changes}
	var want, got map[string]any
	if err := json.Unmarshal(r.Arguments, &want); err != nil {
		t.Fatal(err)
	}
	var whole struct {
		Arguments map[string]any
	}
	text := c.Append(nil)
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatalf("%s: %v in %s", where, err, text)
	}
	got = whole.Arguments
	delete(got, "origin") // 2.3.8 and newer
	delete(want, "origin")
	if fmt.Sprint(got) != strings.ReplaceAll(fmt.Sprint(want), "duid:00 ", "duid:00:00:00 ") {
		t.Errorf("%s:\n got %v\nwant %v", where, got, want)
	}
}

// checkAnswer: what was understood says the same, and our own answer of that
// kind has the same members of the same types.
func checkAnswer(t *testing.T, where string, c *Command, a *Answer, plain map[string]any) {
	args, _ := plain["arguments"].(map[string]any)
	switch c.Name {
	case cmdHeartbeat:
		if a.Result != resultOK {
			return
		}
		h := a.Heartbeat
		ours := Reply{Text: a.Text, Heartbeat: &h}
		if got := shape(t, ours.Append(nil)); !slices.Equal(got, shapeOf("", plain)) {
			t.Errorf("%s: our heartbeat answer is %v, Kea's %v", where, got, shapeOf("", plain))
		}
		if h.State.String() != args["state"] || h.Time.Format("Mon, 02 Jan 2006 15:04:05 GMT") != args["date-time"] {
			t.Errorf("%s: heartbeat read as %+v", where, h)
		}
	case cmdPage4, cmdPage6:
		if n, ok := args["count"].(float64); ok && (a.Count != int(n) || a.Skipped != 0 || len(a.Changes) != int(n)) {
			t.Errorf("%s: %d leases, %d read, want %v", where, a.Count, len(a.Changes), n)
		}
		checkLeases(t, where, a.Changes, args)
	default:
		if args == nil && Handles(c.Name) {
			ours := Reply{Result: a.Result, Text: a.Text}
			if got := shape(t, ours.Append(nil)); !slices.Equal(got, shapeOf("", plain)) {
				t.Errorf("%s: our answer to %s is %v, Kea's %v", where, c.Name, got, shapeOf("", plain))
			}
		}
	}
}

// checkLeases writes the leases of a page again and compares them whole.
func checkLeases(t *testing.T, where string, changes []lease.Change, args map[string]any) {
	want, _ := args["leases"].([]any)
	for i := range changes {
		var got map[string]any
		text := appendChange(nil, &changes[i])
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v in %s", where, err, text)
		}
		if w := want[i].(map[string]any); w["duid"] == "00" {
			w["duid"] = "00:00:00" // what versions after 2.2 demand
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s:\n got %v\nwant %v", where, got, want[i])
		}
	}
}

// shape lists the members of an answer and their types.
func shape(t *testing.T, text []byte) []string {
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return shapeOf("", list[0])
}

func shapeOf(prefix string, m map[string]any) (list []string) {
	for k, v := range m {
		list = append(list, fmt.Sprintf("%s%s %T", prefix, k, v))
		if sub, ok := v.(map[string]any); ok {
			list = append(list, shapeOf(prefix+k+"/", sub)...)
		}
	}
	sort.Strings(list)
	return list
}

// TestStatusHasTheMembersOfKea: the high-availability part of status-get.
func TestStatusHasTheMembersOfKea(t *testing.T) {
	compared := 0
	for _, ex := range recordings(t) {
		if ex.file != "11-status-get.txt" {
			continue
		}
		var list []struct {
			Arguments struct {
				HA []map[string]any `json:"high-availability"`
			}
		}
		if err := json.Unmarshal([]byte(ex.body), &list); err != nil || len(list[0].Arguments.HA) == 0 {
			continue
		}
		want := shapeOf("", list[0].Arguments.HA[0])
		m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
		if strings.Contains(ex.body, `"clock-skew": null`) {
			m.unavailable()
		} else {
			m.learn(&Heartbeat{State: HotStandby, Time: m.now})
		}
		var ours map[string]any
		text := m.AppendStatus(nil, m.now)
		if err := json.Unmarshal(text, &ours); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if got := shapeOf("", ours); !slices.Equal(got, want) {
			t.Errorf("line %d:\n got %v\nwant %v", ex.line, got, want)
		}
		compared++
	}
	if compared == 0 {
		t.Error("no recording of status-get")
	}
}

// TestCommandsAreWrittenAsKea: byte for byte what 3.3 sends.
func TestCommandsAreWrittenAsKea(t *testing.T) {
	for _, c := range []struct {
		command Command
		want    string
	}{
		{Command{Name: cmdHeartbeat}, `{ "arguments": { "server-name": "server2" }, "command": "ha-heartbeat", "service": [ "dhcp4" ] }`},
		{Command{Name: cmdDisable, Period: time.Minute, Origin: 2000}, `{ "arguments": { "max-period": 60, "origin": "ha-partner", "origin-id": 2000 }, "command": "dhcp-disable", "service": [ "dhcp4" ] }`},
		{Command{Name: cmdComplete, Origin: 2000}, `{ "arguments": { "origin": 2000, "origin-id": 2000, "server-name": "server2" }, "command": "ha-sync-complete-notify", "service": [ "dhcp4" ] }`},
		{Command{Name: cmdPage4, Limit: 3}, `{ "arguments": { "from": "start", "limit": 3 }, "command": "lease4-get-page", "service": [ "dhcp4" ] }`},
		{Command{Name: cmdNotify, Cancel: true, State: HotStandby}, `{ "arguments": { "cancel": true, "server-name": "server2", "state": "hot-standby" }, "command": "ha-maintenance-notify", "service": [ "dhcp4" ] }`},
		{Command{Name: cmdUpdate4, Changes: []lease.Change{testLease4()}}, `{ "arguments": { "client-id": "01:02:00:00:00:00:01", "expire": 1795301871, "force-create": true, "fqdn-fwd": false, "fqdn-rev": false, "hostname": "", "hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.100", "origin": "ha-partner", "state": 0, "subnet-id": 1, "valid-lft": 600 }, "command": "lease4-update", "service": [ "dhcp4" ] }`},
	} {
		c.command.Family, c.command.Server = 4, "server2"
		if got := string(c.command.Append(nil)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestReleasedLeasesTowardsOldPartners: Kea 2.2 refuses state 3.
func TestReleasedLeasesTowardsOldPartners(t *testing.T) {
	released := testLease4()
	released.Lease.State = lease.Released
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	c := m.updateCommand([]lease.Change{released}, true)
	if c.Name != cmdDelete4 {
		t.Errorf("to an unknown partner: %s", c.Name)
	}
	m.partner.maintained = true
	if c = m.updateCommand([]lease.Change{released}, true); c.Name != cmdUpdate4 {
		t.Errorf("to a new partner: %s", c.Name)
	}
}

// TestCommandsAreWaitedForAsKeaDoes: ten seconds, but for pages, which have
// sync-timeout, and heartbeats, whose absence is to be noticed in time.
func TestCommandsAreWaitedForAsKeaDoes(t *testing.T) {
	rel := testRelationship("hot-standby", "a")
	if rel.SyncTimeout <= 10*time.Second || rel.MaxResponse <= 10*time.Second {
		t.Fatal("the relationship's own limits are to be longer")
	}
	p := &pairTest{t: t, now: time.Unix(1_000_000, 0)}
	p.begin = p.now
	p.script("mode hot-standby kea=both response=60s")
	limits := map[string]time.Duration{}
	p.sent = func(a *Action) { limits[a.Command.Name] = max(limits[a.Command.Name], a.Timeout) }
	for _, line := range []string{"start a", "start b", "run 30s", "lease a 192.0.2.10", "run 1s", "release a 192.0.2.10", "run 1s",
		"command a ha-maintenance-start", "run 1s"} {
		p.script("%s", line)
	}
	for _, name := range []string{cmdHeartbeat, cmdDisable, cmdComplete, cmdUpdate4, cmdDelete4, cmdNotify} {
		if limits[name] != 10*time.Second {
			t.Errorf("%s is waited for %v", name, limits[name])
		}
	}
	if limits[cmdPage4] != time.Minute {
		t.Errorf("pages are waited for %v, not sync-timeout", limits[cmdPage4])
	}
}
