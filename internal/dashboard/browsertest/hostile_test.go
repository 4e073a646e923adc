package browsertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// hostile are texts that would do something where text is taken for more: each sets pwned or makes an element that the
// test looks for.
var hostile = []string{
	`<script>pwned=1</script>`,
	`</script><script>pwned=1</script>`,
	`<img src=x onerror=pwned=1>`,
	`<img src="x" onerror="pwned=1" id=pwned>`,
	`"><img src=x onerror=pwned=1>`,
	`'><img src=x onerror=pwned=1>`,
	`"/><svg onload=pwned=1>`,
	`<svg/onload=pwned=1>`,
	`<svg><script>pwned=1</script></svg>`,
	`<svg><animate onbegin=pwned=1 attributeName=x dur=1s>`,
	`<svg><foreignObject><iframe onload=pwned=1></foreignObject></svg>`,
	`<math><mtext><table><mglyph><style><img src=x onerror=pwned=1>`,
	`<iframe src="javascript:parent.pwned=1"></iframe>`,
	`<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
	`<object data="javascript:pwned=1"></object>`,
	`<embed src="javascript:pwned=1">`,
	`<a href="javascript:pwned=1" id=pwned>x</a>`,
	`<a href="data:text/html,<script>pwned=1</script>" id=pwned>x</a>`,
	`<form action="javascript:pwned=1" id=pwned><button>x</button></form>`,
	`<button formaction="javascript:pwned=1" id=pwned>x</button>`,
	`<input autofocus onfocus=pwned=1 id=pwned>`,
	`<select autofocus onfocus=pwned=1></select>`,
	`<details open ontoggle=pwned=1 id=pwned>x</details>`,
	`<video><source onerror=pwned=1></video>`,
	`<audio src=x onerror=pwned=1>`,
	`<body onload=pwned=1>`,
	`<base href="https://evil.example/">`,
	`<meta http-equiv="refresh" content="0;url=https://evil.example/">`,
	`<link rel=stylesheet href="https://evil.example/x.css" id=pwned>`,
	`<style>*{display:none}</style>`,
	`<style>@import "https://evil.example/x.css";</style>`,
	`<div style="position:fixed;inset:0;background:url(https://evil.example/)" id=pwned>x</div>`,
	`<template><script>pwned=1</script></template>`,
	`<noscript><p title="</noscript><img src=x onerror=pwned=1>"></noscript>`,
	`<!--<img src="--><img src=x onerror=pwned=1>">`,
	`<![CDATA[<img src=x onerror=pwned=1>]]>`,
	`</title><script>pwned=1</script>`,
	`</textarea><script>pwned=1</script>`,
	`</pre></code><b id=pwned>bold</b>`,
	`</style><b id=pwned>bold</b>`,
	`javascript:pwned=1`,
	`JaVaScRiPt:pwned=1//`,
	`data:text/html;base64,PHNjcmlwdD5wd25lZD0xPC9zY3JpcHQ+`,
	`{{constructor.constructor('pwned=1')()}}`,
	`${pwned=1}`,
	`#{pwned=1}`,
	"`;pwned=1;`",
	`';pwned=1;//`,
	`";pwned=1;//`,
	`\";pwned=1;//`,
	`__proto__`,
	`constructor`,
	`&lt;img src=x onerror=pwned=1&gt;`,
	`&#60;img src=x onerror=pwned=1&#62;`,
	`%3Cimg%20src=x%20onerror=pwned=1%3E`,
	"＜script＞pwned=1＜/script＞",
	"<\u200bscript>pwned=1</script>",
	"\u202e>tpircs<1=denwp\u202c",
	"<scr\u0131pt>pwned=1</scr\u0131pt>",
	"<img src=x onerror\u2028=pwned=1>",
	`../../../../etc/passwd?a=b#<img src=x onerror=pwned=1>`,
	strings.Repeat(`<b id=pwned>`, 40),
}

// harmless is the script that finds what any of them would have done.
const harmless = `(() => {
	const made = document.querySelector('#pwned, img, iframe, object, embed, base, meta[http-equiv], math, video, audio, template, ' +
		'form[action], [formaction], [onload], [onerror], body style, body script, body link, b[id], details[ontoggle], ' +
		'a[href^="javascript:" i], a[href^="data:" i], svg script, svg animate, [srcdoc]');
	return typeof pwned === "undefined" && !Object.prototype.pwned && made === null && document.body.checkVisibility() ? "" :
		"pwned: " + (typeof pwned) + ", made: " + (made?.outerHTML ?? "nothing");
})()`

func (b *browser) isUnharmed() {
	b.t.Helper()
	if found := eval[string](b, harmless); found != "" {
		b.t.Errorf("%s: %s", eval[string](b, "location.href"), found)
	}
}

// hostileRun is the run that all hostile events speak of: ids of runs can't be hostile, everything else can.
const hostileRun = "hostileRun0000001"

// sendHostile puts each text into every field of an event that takes texts.
func sendHostile(g *gateway) {
	g.t.Helper()
	g.send(dispatch("known"), runEnd(hostileRun, "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z")) // makes the run
	for i, text := range hostile {
		body, err := json.Marshal(map[string]any{
			"eventType": text,
			"eventData": map[string]any{"actorId": text, "actorTaskId": text, "actorRunId": hostileRun},
			"resource":  map[string]any{"id": hostileRun, "status": text, "statusMessage": text, text: text},
			"createdAt": text,
		})
		if err != nil {
			g.t.Fatal(err)
		}
		header := dispatch(fmt.Sprint("hostile", i))
		header.Set("User-Agent", asHeader(text))
		header.Set("Content-Type", "application/json; a="+quote(asHeader(text)))
		for range 2 { // an event and its duplicate
			if a := g.send(header, body); a.RunID != hostileRun {
				g.t.Fatalf("%q: %+v", text, a)
			}
		}
		header.Set("X-Apify-Webhook-Dispatch-Id", asHeader(text))
		if a := g.send(header, []byte(text+" is no JSON")); a.Outcome != "quarantined" {
			g.t.Fatalf("%q: %+v", text, a)
		}
	}
}

// asHeader is what of a text a header can hold.
func asHeader(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

func TestPayloadsNeverBecomeMarkup(t *testing.T) {
	t.Parallel()
	if len(hostile) < 60 {
		t.Fatalf("only %d texts", len(hostile))
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(strings.Join(hostile[:20], "\n")))
	}))
	t.Cleanup(receiver.Close)
	g := startGateway(t, destination("app", receiver.URL, `, retry: {attempts: 1}`))
	b := openDashboard(t, g)
	b.open("/live")
	sendHostile(g)
	b.until(`document.querySelectorAll("tbody tr").length === ` + strconv.Itoa(1+3*len(hostile))) // live
	b.isUnharmed()

	for _, path := range []string{"/", "/?by=reason", "/runs", "/ttl", "/deliveries", "/stuck", "/sources"} {
		b.open(path)
		b.isUnharmed()
	}
	tryFiltersThatAreHostile(b)
	openEveryEvent(b)
	openQuarantine(b)
	openDelivery(b)
	b.tellTheAuditHostileReasons()
}

// tryFiltersThatAreHostile puts the texts into the page's own address.
func tryFiltersThatAreHostile(b *browser) {
	b.t.Helper()
	for _, text := range hostile[:30] {
		at := eval[string](b, "encodeURIComponent("+quote(text)+")")
		b.open("/runs?actor_id=" + at + "&run_id=" + at)
		b.isUnharmed()
	}
	at := eval[string](b, "encodeURIComponent("+quote(hostile[2])+")")
	for _, path := range []string{"/runs/" + at, "/deliveries/" + at, "/?source=" + at, "/ttl?source=" + at + "&window=" + at, "/quarantine?open=" + at, "/live?run_id=" + at} {
		b.open(path)
		b.isUnharmed()
	}
}

// openEveryEvent opens all events of the run, with their bodies, headers and differences.
func openEveryEvent(b *browser) {
	b.t.Helper()
	b.open("/runs/" + hostileRun)
	b.until(fmt.Sprintf(`document.querySelectorAll("button.event").length === %d`, 1+len(hostile)))
	b.shows(hostile[:30]...) // they are there, as texts
	b.isUnharmed()
	for i := range hostile {
		eval[bool](b, fmt.Sprintf(`(document.querySelectorAll("button.event")[%d].click(), true)`, 1+i))
		b.until(`document.querySelector(".event-detail pre")`)
		if i%12 == 0 {
			b.press("As received")
			b.isUnharmed()
			b.press("Headers")
			b.shows("User-Agent")
			b.isUnharmed()
			b.press("Compare")
			b.until(`document.querySelector(".diff pre")`)
		}
		b.isUnharmed()
	}
	shown := eval[string](b, `document.querySelector(".event-detail pre").textContent`)
	if !strings.Contains(shown, "pwned") {
		b.t.Errorf("the last body is not what was sent: %.300s", shown)
	}
}

func openQuarantine(b *browser) {
	b.t.Helper()
	b.open("/quarantine")
	b.until(`document.querySelectorAll("button.opener").length === 50`)
	for i := range 50 {
		eval[bool](b, fmt.Sprintf(`(document.querySelectorAll("button.opener")[%d].click(), true)`, i))
		b.until(`document.querySelector("tr.detail pre")?.textContent.includes("is no JSON")`)
		b.isUnharmed()
	}
}

func openDelivery(b *browser) {
	b.t.Helper()
	var dead struct{ Items []struct{ ID string } }
	testkit.Eventually(b.t, patience, func() error {
		if b.gateway.api("/deliveries?state=dead&limit=1", nil, &dead); len(dead.Items) == 0 {
			return fmt.Errorf("no delivery is dead yet")
		}
		return nil
	})
	b.open("/deliveries/" + dead.Items[0].ID)
	b.shows("418", hostile[0], hostile[19]) // the receiver's answer, as text
	b.isUnharmed()
}

// tellTheAuditHostileReasons types a reason into a dialog and reads it back.
func (b *browser) tellTheAuditHostileReasons() {
	b.t.Helper()
	b.press("Retry…")
	b.fill(`dialog input`, hostile[3])
	b.press("Retry")
	b.until(`!document.querySelector("dialog")`)
	b.open("/audit")
	b.shows(hostile[3])
	b.isUnharmed()
	b.do(chromedp.Reload())
	b.shows(hostile[3])
	b.isUnharmed()
}
