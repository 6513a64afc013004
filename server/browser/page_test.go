package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// sameOnEveryView are what every view is checked for.
func (b *tab) views(x *site) {
	b.t.Helper()
	for name, path := range map[string]string{"overview": "/", "subnets": "/subnets", "leases": "/leases", "pairs": "/pairs",
		"drops": "/drops", "explain": "/explain", "what-if": "/what-if?client=02:00:00:00:00:01&relay=192.0.2.1", "client": "/explain?q=02:00:00:00:00:02", "nothing": "/leases?q=nobody"} {
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
	b.says("serves nobody", "No socket is open", "127.0.0.1")
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

// What a client would get is asked in a form, without scripts, by whoever may
// read, and nothing comes of it.
func TestWhatIf(t *testing.T) {
	b := open(t)
	north, _ := pair(t, "%USERS%", users)
	north.furnish()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.logIn(north, "rita", "reading-1")
	b.awaits("Sign out")
	b.visit(north.url + "/explain")
	b.do("go to the form", chromedp.Click(`//a[@href="/what-if"]`), chromedp.WaitVisible(chromedp.CSS(`input[name="relay"]`)))
	ask := func(client, relay string) {
		t.Helper()
		b.visit(north.url + "/what-if")
		b.do("describe "+client, chromedp.SendKeys(chromedp.CSS(`input[name="client"]`), client), chromedp.SendKeys(chromedp.CSS(`input[name="relay"]`), relay),
			chromedp.Click(chromedp.CSS(".described button")), chromedp.WaitVisible(chromedp.CSS(`.described input[name="client"][value="`+client+`"]`)))
	}
	ask("02:00:00:00:00:01", "192.0.2.1")
	b.says("It would be so", "DHCPOFFER 192.0.2.200", "reservation by hw-address", "subnet-mask", "255.255.255.0")
	b.shot("what-if")
	b.fits("what-if")
	ask("02:00:00:00:00:77", "203.0.113.1")
	b.says("no answer", "no subnet")
	b.silentOn("Options of the response")
	ask("nobody", "192.0.2.1")
	b.says("hw-address")
	b.visit(north.url + "/leases?q=02:00:00:00:00:77")
	b.says("No lease of")
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

// logIn signs in as a user of users.
func (b *tab) logIn(x *site, user, password string) {
	b.t.Helper()
	b.visit(x.url + "/leases")
	b.do("sign in", chromedp.SendKeys(chromedp.CSS("#user"), user), chromedp.SendKeys(chromedp.CSS("#password"), password),
		chromedp.Click(chromedp.CSS(".login button")), chromedp.WaitReady(chromedp.CSS("footer")))
}

// change opens the menu of a lease and presses one of its buttons.
func (b *tab) change(x *site, address, button string) {
	b.t.Helper()
	b.visit(x.url + "/leases?q=" + address)
	b.do(button, chromedp.Click(chromedp.CSS("td.acts summary")), chromedp.WaitVisible(chromedp.CSS(".menu button")),
		chromedp.Click(`//button[text()="`+button+`"]`), chromedp.WaitVisible(chromedp.CSS(".note")))
}

// Everybody sees what the role admits, and no more.
func TestLoginAndRoles(t *testing.T) {
	north, south := pair(t, "%USERS%", users)
	north.furnish()

	b := open(t)
	b.logIn(north, "rita", "wrong-password")
	b.awaits("do not belong together")
	b.shot("login")
	b.logIn(north, "rita", "reading-1")
	b.awaits("192.0.2.10")
	b.says("rita", "read", "Sign out")
	b.silentOn("Change")
	b.visit(north.url + "/pairs")
	b.silentOn("Take over")

	b = open(t)
	b.logIn(north, "otto", "operating-1")
	b.awaits("192.0.2.10")
	b.change(north, "192.0.2.11", "End the lease now")
	b.awaits("has ended")
	b.says("No lease of “192.0.2.11”")
	for _, x := range []*site{north, south} {
		x.await("the end of the lease", func() bool {
			return strings.Contains(x.tell("lease4-get", map[string]any{"ip-address": "192.0.2.11"}), `"result": 3`)
		})
	}
	b.visit(north.url + "/pairs")
	b.do("take over", chromedp.Click(chromedp.CSS("form.acts summary")), chromedp.WaitVisible(chromedp.CSS(".menu .danger")),
		chromedp.Click(chromedp.CSS(".menu .danger")), chromedp.WaitVisible(chromedp.CSS(".note")))
	b.awaits("partner-in-maintenance")
	b.shot("maintenance")
	b.do("give back", chromedp.Click(chromedp.CSS("form.acts button.main")), chromedp.WaitVisible(chromedp.CSS(".note")))
	for _, x := range []*site{north, south} {
		x.await("both in the normal state", func() bool { return strings.Contains(x.tell("status-get", nil), `"state": "hot-standby"`) })
	}

	b = open(t)
	b.logIn(north, "clara", "changing-1")
	b.awaits("192.0.2.10")
	b.visit(north.url + "/leases?q=192.0.2.12")
	b.do("open the menu", chromedp.Click(chromedp.CSS("td.acts summary")))
	b.shot("menu")
	b.change(north, "192.0.2.12", "Reserve for this client")
	b.awaits("The address is reserved now")
	b.says("reserved for it", "a restart would forget it")
	b.shot("reserved")
	b.do("sign out", chromedp.Click(`//button[text()="Sign out"]`), chromedp.WaitVisible(chromedp.CSS("#password")))
	b.visit(north.url + "/leases")
	b.awaits("Password")
	b.silentOn("192.0.2.10")
	for _, line := range []string{
		"user 'rita' from 127.0.0.1", "has wrong credentials", "logged in to the page as change",
		"user 'otto' from 127.0.0.1", "over the page: leasehold-release", "over the page: ha-maintenance-start", "over the page: reservation-add",
	} {
		north.await("a line in the log: "+line, func() bool { return strings.Contains(north.log.String(), line) })
	}
}
