package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/server/events"
	"leasehold/server/testnet"
)

const secret = "a-secret-of-the-test"

// next returns what comes, which may take long on a busy machine.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case x, ok := <-from:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return x
	case <-time.After(testnet.Patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// stream sends the lines of a stream to a channel.
func stream(t *testing.T, url string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	out := make(chan string, 10000)
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	go func() {
		defer close(out)
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			out <- in.Text()
		}
	}()
	return out
}

func awaitLine(t *testing.T, from <-chan string, all ...string) string {
	t.Helper()
	for {
		line := next(t, from)
		found := true
		for _, w := range all {
			found = found && strings.Contains(line, w)
		}
		if found {
			return line
		}
	}
}

// Programs hear of leases and of a failover, over the stream and by a webhook
// whose receiver fails first; nothing is lost in between.
func TestProgramsHearWhatHappens(t *testing.T) {
	type delivery struct{ signature, body string }
	got := make(chan delivery, 1000)
	asked := atomic.Int64{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		got <- delivery{r.Header.Get(events.SignatureHeader), string(body)}
	}))
	defer receiver.Close()
	north, south := pair(t, "%EVENTS%", fmt.Sprintf(`"events": { "keep": 1000 }, "webhooks": [ { "url": "%s/hook", "secret": "%s" } ],`, receiver.URL, secret))
	lines := stream(t, north.url+"/events")
	begin := strings.TrimPrefix(awaitLine(t, lines, ": cursor "), ": cursor ")
	address := north.client(1, "192.0.2.1").obtain("printer")
	awaitLine(t, lines, "data: ", `"type":"lease-stored"`, address)
	if a := north.tell("leasehold-release", map[string]any{"ip-address": address}); !strings.Contains(a, `"result": 0`) {
		t.Fatal(a)
	}
	awaitLine(t, lines, "data: ", `"type":"lease-deleted"`, address)
	south.end()
	down := awaitLine(t, lines, "data: ", `"type":"ha-state"`, `"to":"partner-down"`, `"server":"north"`)

	// Who comes later and knows a cursor misses nothing.
	again := stream(t, north.url+"/events?types=ha-state&after="+begin)
	if line := awaitLine(t, again, "data: ", "partner-down"); line != down {
		t.Errorf("%s\nfirst it was\n%s", line, down)
	}
	var seen []string
	for !strings.Contains(strings.Join(seen, " "), "partner-down") {
		d := next(t, got)
		stamp, _, _ := strings.Cut(strings.TrimPrefix(d.signature, "t="), ",")
		var unix int64
		fmt.Sscan(stamp, &unix)
		if d.signature != events.Sign(secret, time.Unix(unix, 0), []byte(d.body)) {
			t.Errorf("signature %s", d.signature)
		}
		var v struct {
			Events []struct{ ID, Type, To string }
		}
		if err := json.Unmarshal([]byte(d.body), &v); err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Events {
			seen = append(seen, e.ID+" "+e.Type+" "+e.To)
		}
	}
	for i := 1; i < len(seen); i++ {
		a, _, _ := strings.Cut(seen[i-1], " ")
		b, _, _ := strings.Cut(seen[i], " ")
		x, err := events.ParseCursor(a)
		y, err2 := events.ParseCursor(b)
		// What was taken may come again, if the answer came too late.
		if err != nil || err2 != nil || y.Seq > x.Seq+1 {
			t.Errorf("%s follows %s", seen[i], seen[i-1])
		}
	}
}

// However many want to listen, the page goes on for all others.
func TestManyStreams(t *testing.T) {
	x := serve(t, "%NAME%", "north", "%PORT1%", fmt.Sprint(testnet.Ports(t, 1)[0]), "%PORT2%", "9")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	open, refused := 0, 0
	for range 600 {
		req, err := http.NewRequestWithContext(ctx, "GET", x.url+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		switch resp.StatusCode {
		case http.StatusOK:
			open++
		case http.StatusServiceUnavailable:
			refused++
			resp.Body.Close()
		default:
			t.Fatal(resp.Status)
		}
	}
	if open != 256 || refused != 600-256 {
		t.Errorf("%d streams are open, %d were refused", open, refused)
	}
	resp, err := http.Get(x.url + "/leases")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	cancel()
	x.await("room for others", func() bool {
		resp, err := http.Get(x.url + "/metrics")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return strings.Contains(string(text), "leasehold_streams_open 0\n")
	})
}
