package events

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/server/testnet"
)

const secret = "0123456789abcdef"

// delivery is one request that a receiver got.
type delivery struct {
	signature string
	body      []byte
}

// receiver answers with the codes given, then with 200, and hands on what it
// got.
func receiver(t *testing.T, codes ...int) (url string, got chan delivery) {
	t.Helper()
	got = make(chan delivery, 100)
	n := atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if i := int(n.Add(1)) - 1; i < len(codes) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(codes[i])
		}
		got <- delivery{r.Header.Get(SignatureHeader), body}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?token=hidden", got
}

// next returns what comes, which may take long on a busy machine.
func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case x := <-from:
		return x
	case <-time.After(testnet.Patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func hooks(t *testing.T, l *Log, url string, types ...string) *Hooks {
	t.Helper()
	h, err := NewHooks(l, func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Configure([]Target{{URL: url, Secret: secret, Types: types}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func ids(t *testing.T, d delivery) (list []string) {
	t.Helper()
	var v struct{ Events []struct{ ID, Type string } }
	if err := json.Unmarshal(d.body, &v); err != nil {
		t.Fatalf("%v: %s", err, d.body)
	}
	for _, e := range v.Events {
		list = append(list, e.Type+" "+e.ID)
	}
	return list
}

// A receiver that fails first gets the same events again, signed anew, and
// nothing is skipped. A redirect is a failure: events are meant for one target.
func TestAWebhookTriesAgain(t *testing.T) {
	l := openLog(t, "", 1000)
	url, got := receiver(t, 500, 302)
	h, err := NewHooks(l, func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	h.cursors.at[name(url)] = l.Last()
	hook, err := newHook(Target{URL: url, Secret: secret, Types: []string{LeaseStored}}, l, h.cursors, nil)
	if err != nil {
		t.Fatal(err)
	}
	hook.wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	l.Append([]Draft{stored(1), {Type: LeaseDeleted, Time: noon}, stored(2)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { hook.run(ctx); close(done) }()
	var all [3]delivery
	for i := range all {
		all[i] = next(t, got)
		if all[i].signature != Sign(secret, noon, all[i].body) {
			t.Errorf("signature %q", all[i].signature)
		}
	}
	if list := ids(t, all[2]); len(list) != 2 || string(all[0].body) != string(all[2].body) {
		t.Errorf("got %v after %s", list, all[0].body)
	}
	l.Append([]Draft{stored(3)})
	if list := ids(t, next(t, got)); len(list) != 1 || !strings.HasSuffix(list[0], ".5") {
		t.Errorf("then %v", list)
	}
	stop()
	<-done
	if len(pauses) != 2 || pauses[0] < firstBackOff/2 || pauses[1] < firstBackOff {
		t.Errorf("pauses %v", pauses)
	}
	if s := hook.State(); s.Failures != 2 || s.Sent < 2 || strings.Contains(s.Host, "hidden") {
		t.Errorf("%+v", s)
	}
}

// What was not taken before a restart is sent after it.
func TestAWebhookGoesOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	url, got := receiver(t)
	l := openLog(t, dir, 1000)
	h := hooks(t, l, url, LeaseStored)
	l.Append([]Draft{stored(1)})
	next(t, got)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	l.Append([]Draft{stored(2)})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, 1000)
	defer l.Close()
	hooks(t, l, url, LeaseStored)
	// Whether the first was noted as taken when the server ended is a matter of
	// luck: at least once is the promise.
	for {
		list := ids(t, next(t, got))
		if last := list[len(list)-1]; strings.HasPrefix(last, Start) {
			if len(list) < 2 || !strings.HasPrefix(list[len(list)-2], LeaseStored) {
				t.Errorf("after the restart %v", list)
			}
			return
		}
	}
}

// A target that was away for too long is told that it missed something.
func TestAWebhookTellsOfAGap(t *testing.T) {
	l := openLog(t, "", 10)
	url, got := receiver(t)
	h, err := NewHooks(l, func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
	h.cursors.set(url, l.Last())
	for n := range 30 {
		l.Append([]Draft{stored(byte(n))})
	}
	if err := h.Configure([]Target{{URL: url, Secret: secret}}); err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if list := ids(t, next(t, got)); len(list) != 11 || list[0] != "gap " {
		t.Errorf("%v", list)
	}
}

// streaming serves the stream of a log over HTTP.
func streaming(t *testing.T, l *Log, s *Streams) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.Serve(ctx, s, w, r) }))
	t.Cleanup(func() { stop(); server.Close() })
	return server.URL
}

// lines sends the lines of a stream to a channel.
func lines(t *testing.T, url string, header ...string) <-chan string {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	out := make(chan string, 1000)
	go func() {
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			out <- in.Text()
		}
		close(out)
	}()
	return out
}

func awaitLine(t *testing.T, from <-chan string, prefix string) string {
	t.Helper()
	for {
		if line := next(t, from); strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

func TestAStreamBeginsBehindItsCursor(t *testing.T) {
	l := openLog(t, "", 1000)
	url := streaming(t, l, &Streams{Limit: 10})
	at := l.Last()
	l.Append([]Draft{stored(1), stored(2)})
	for name, in := range map[string]<-chan string{
		"after":         lines(t, url+"?after="+at.String()),
		"Last-Event-ID": lines(t, url+"?after=9.9", "Last-Event-ID", at.String()),
	} {
		if got := awaitLine(t, in, "id: "); got != "id: "+(Cursor{at.Epoch, at.Seq + 1}).String() {
			t.Errorf("%s: %s", name, got)
		}
		if got := awaitLine(t, in, "data: "); !strings.Contains(got, `"192.0.2.1"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	fresh := lines(t, url+"?types="+LeaseDeleted)
	awaitLine(t, fresh, ": cursor ")
	l.Append([]Draft{stored(3), {Type: LeaseDeleted, Family: 4, Time: noon, Lease: stored(4).Lease}})
	if got := awaitLine(t, fresh, "event: "); got != "event: "+LeaseDeleted {
		t.Error(got)
	}
	if got := awaitLine(t, lines(t, url+"?after=1.1"), "event: "); got != "event: gap" {
		t.Errorf("a lost cursor: %s", got)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	l := openLog(t, "", 10)
	s := &Streams{Limit: 3}
	url := streaming(t, l, s)
	for range 3 {
		awaitLine(t, lines(t, url), ": cursor ")
	}
	for range 20 {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Fatal(resp.Status)
		}
	}
	for _, bad := range []string{"after=x", "after=1", "types=nosuch", "family=5", "after=99999999999999999999.1"} {
		resp, err := http.Get(url + "?" + bad)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", bad, resp.Status)
		}
	}
}
