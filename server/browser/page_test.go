package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// sameOnEveryView are what every view is checked for.
func (b *tab) views(x *site) {
	b.t.Helper()
	for name, path := range map[string]string{"overview": "/", "subnets": "/subnets", "leases": "/leases", "pairs": "/pairs",
		"drops": "/drops", "explain": "/explain", "client": "/explain?q=02:00:00:00:00:02", "nothing": "/leases?q=nobody"} {
		b.visit(x.url + path)
		b.shot(name)
		b.fits(name)
		b.do("widen", chromedp.EmulateViewport(1280, 900))
		title := get(b, "look for what was smuggled in", chromedp.Title())
		scripts := get(b, "count scripts", chromedp.Evaluate[int](`document.scripts.length`))
		images := get(b, "count images", chromedp.Evaluate[int](`document.querySelectorAll("main img, main .soft b").length`))
		if strings.Contains(title, "owned") || scripts != 1 || images != 0 {
			b.t.Errorf("%s: title %q, %d scripts, %d images", path, title, scripts, images)
		}
	}
}

// Everything is shown, in narrow and wide windows; what clients call themselves
// is text.
func TestViews(t *testing.T) {
	b := open(t)
	north, _ := pair(t)
	north.furnish()
	b.views(north)
	b.visit(north.url + "/leases?q=192.0.2.99")
	b.says("<script>document.title='owned'</script>")
	b.visit(north.url + "/subnets")
	b.says("floor <b>2</b>", "192.0.2.10 – 192.0.2.29", "10.20.1.0")
	b.visit(north.url + "/")
	b.says("serves nobody", "no socket is open", "127.0.0.1")
	b.awaits("live")
}

func TestSearchAndExplain(t *testing.T) {
	b := open(t)
	north, _ := pair(t)
	north.furnish()
	for _, q := range []string{"192.0.2.200", "02:00:00:00:00:01", "printer"} {
		b.visit(north.url + "/leases")
		b.do("search "+q, chromedp.SendKeys(chromedp.CSS("#q"), q), chromedp.Click(chromedp.CSS(".search button")), chromedp.WaitVisible(chromedp.CSS(`input[value="`+q+`"]`)), chromedp.WaitVisible(chromedp.CSS("table.stack")))
		b.says("192.0.2.200", "reserved for it", "printer")
		b.silentOn("reception")
	}
	b.visit(north.url + "/leases?q=3c:73:63:72:69:70:74:3e")
	b.says("192.0.2.99")
	b.visit(north.url + "/leases")
	b.do("follow a client to its story", chromedp.Click(`//a[code="02:00:00:00:00:02"]`),
		chromedp.WaitVisible(chromedp.CSS(".story")))
	b.says("received DHCPREQUEST", "next free one", "has it")
	b.visit(north.url + "/explain?q=02:00:00:00:00:50")
	b.says("no answer", "no subnet")
	b.visit(north.url + "/explain?q=nobody")
	b.says("Nothing was heard of “nobody” lately")
}

// The page tells of a failover by itself, and of the return.
func TestFailoverIsSeenLive(t *testing.T) {
	b := open(t)
	north, south := pair(t)
	b.visit(north.url + "/pairs")
	b.awaits("live")
	b.says("hot-standby")
	b.silentOn("partner-down")
	south.end()
	b.awaits("partner-down")
	b.shot("failover")
	b.says("unavailable")
}
