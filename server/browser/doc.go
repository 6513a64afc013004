// Package browser looks at the page in a real browser, chromium driven by
// chromedp, and at what is beside it as programs do: against servers that run in
// the test and hand out leases over loopback. There is nothing in it but tests.
//
// With SHOTS=DIR they leave pictures of every view in DIR.
package browser
