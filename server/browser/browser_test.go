package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"leasehold/server/testnet"
)

var chromium struct {
	once sync.Once
	ctx  context.Context
	end  func()
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.end != nil {
		chromium.end()
	}
	os.Exit(code)
}

// start starts the browser that all tests share.
func start() {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		chromium.err = fmt.Errorf("chromium is not installed")
		return
	}
	dir, err := os.MkdirTemp("", "leasehold-browser-")
	if err != nil {
		chromium.err = err
		return
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.WSURLReadTimeout(testnet.Patience),
		chromedp.Flag("headless", true), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true))
	ctx, closeBrowser := chromedp.NewContext(ctx)
	chromium.end = func() { closeBrowser(); stop(); os.RemoveAll(dir) }
	chromium.ctx = ctx
	chromium.err = chromedp.Do(ctx)
}

// tab is a window of the browser that shares nothing with others.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	errors []string
}

// open opens a window. What goes wrong in scripts, and what the policy of the
// page forbids, fails the test.
func open(t *testing.T) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	chromium.once.Do(start)
	if chromium.err != nil {
		testnet.Missing(t, "no browser: %v", chromium.err)
	}
	ctx, end := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		end()
		for _, e := range b.wrong() {
			t.Errorf("the browser: %s", e)
		}
	})
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.do("open a window", chromedp.EmulateViewport(1280, 900))
	return b
}

func (b *tab) hear(ev any) {
	text := ""
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		text = fmt.Sprintf("%+v", ev.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError {
			text = fmt.Sprint(ev.Args)
		}
	case *log.EventEntryAdded:
		// A status is what the test looks at itself; a server that was ended on
		// purpose refuses connections.
		if ev.Entry.Level == log.EntryLevelError && ev.Entry.Source != log.EntrySourceNetwork {
			text = ev.Entry.Text
		}
	}
	if text != "" {
		b.mu.Lock()
		b.errors = append(b.errors, text)
		b.mu.Unlock()
	}
}

func (b *tab) wrong() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.errors)
}

func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testnet.Patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		b.t.Fatalf("%s: %v\n%s", what, err, text)
	}
}

// get runs an action that returns something.
func get[T any](b *tab, what string, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, testnet.Patience)
	defer cancel()
	x, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return x
}

func (b *tab) visit(url string) {
	b.t.Helper()
	b.do("visit "+url, chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("footer")))
}

// text is what is to be read on the page, when it has come whole.
func (b *tab) text() string {
	b.t.Helper()
	for end := time.Now().Add(testnet.Patience); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(b.ctx, testnet.Patience)
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.readyState == "loading" ? "" : document.body.innerText`))
		cancel()
		if err == nil && text != "" { // a page that is being left has none
			return text
		}
		if time.Now().After(end) {
			b.t.Fatalf("the page does not come: %v", err)
		}
	}
}

func (b *tab) says(wanted ...string) {
	b.t.Helper()
	for _, w := range wanted {
		b.awaits(w)
	}
}

func (b *tab) silentOn(unwanted ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range unwanted {
		if strings.Contains(text, w) {
			b.t.Errorf("the page says %q:\n%s", w, text)
		}
	}
}

// awaits waits until the page says something.
func (b *tab) awaits(wanted string) {
	b.t.Helper()
	for end := time.Now().Add(testnet.Patience); !strings.Contains(b.text(), wanted); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("the page does not come to say %q:\n%s", wanted, b.text())
		}
	}
}

// shot leaves pictures of the page in SHOTS, for wide and narrow windows, light
// and dark.
func (b *tab) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.do("resize", chromedp.EmulateViewport(width, 844))
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
			if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
				b.t.Fatal(err)
			}
			picture := get(b, "look", chromedp.FullScreenshot(100))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.fits(name)
	b.do("widen", chromedp.EmulateViewport(1280, 900))
}

// fits demands that a narrow window need not be scrolled sideways.
func (b *tab) fits(name string) {
	b.t.Helper()
	const seen = 390
	b.do("narrow", chromedp.EmulateViewport(seen, 844))
	for end := time.Now().Add(testnet.Patience); get(b, "look", chromedp.Evaluate[int](`innerWidth`)) > seen && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // a window takes its time, or is as wide as what is in it
		if get(b, "measure", chromedp.Evaluate[int](`document.documentElement.clientWidth`)) <= seen {
			break
		}
	}
	wide := get(b, "measure", chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	if wide > seen {
		b.t.Errorf("%s is %d pixels wide in a window of %d", name, wide, seen)
	}
}
