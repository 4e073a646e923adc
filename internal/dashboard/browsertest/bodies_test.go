package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dedupgate/dedupgate/internal/testkit"
	"github.com/dedupgate/dedupgate/internal/view"
)

const twinsRun = "toldTwiceRun00001"

// toldBy is the end of a run in the words of a webhook, with its < and > as they are.
func toldBy(g *gateway, webhook, note string) []byte {
	g.t.Helper()
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	err := e.Encode(map[string]any{
		"eventType": "ACTOR.RUN.SUCCEEDED", "eventData": map[string]any{"actorRunId": twinsRun},
		"resource": map[string]any{"id": twinsRun, "status": "SUCCEEDED", "finishedAt": "2026-09-14T08:04:21.640Z", "statusMessage": note},
		"sentBy":   webhook,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return body.Bytes()
}

// tellTwice has two webhooks tell one event in different words, and waits until both are kept.
func tellTwice(g *gateway) {
	g.t.Helper()
	event := g.send(dispatch("FirstDispatch0001"), toldBy(g, "production", "It ended."))
	twin := g.send(dispatch("OtherDispatch0002"), toldBy(g, "staging", strings.Join(hostile[:20], " ")))
	if twin.EventID != event.EventID || twin.Outcome != "duplicate" {
		g.t.Fatalf("%+v, %+v", event, twin)
	}
	testkit.Eventually(g.t, patience, func() error {
		var e view.Event
		if g.api("/events/"+event.EventID, nil, &e); e.OtherBodies != 1 {
			return fmt.Errorf("%d other bodies are kept", e.OtherBodies)
		}
		return nil
	})
}

func TestTheDifferenceBetweenTwoBodiesOfOneEvent(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	tellTwice(g)
	b := openDashboard(t, g)
	for _, look := range []struct {
		theme string
		width int64
	}{{"light", 1280}, {"dark", 390}, {"light", 390}, {"dark", 1280}} {
		b.size(look.width)
		b.theme(look.theme)
		b.open("/runs/" + twinsRun)
		b.shows("2 bodies")
		b.do(chromedp.Click(chromedp.CSS("button.event")))
		b.settled()
		b.until(bodySays("production"))
		b.looksGood(fmt.Sprintf("bodies-%s-%d", look.theme, look.width))

		b.do(chromedp.Focus(chromedp.CSS(".event-detail select")), chromedp.KeyEvent(kb.ArrowDown))
		b.until(bodySays("staging"))
		b.isUnharmed()

		b.press("Compare")
		b.until(`[...document.querySelectorAll(".diff .cut")].some((e) => e.textContent.includes('"sentBy": "staging"'))`)
		b.until(`[...document.querySelectorAll(".diff .add")].some((e) => e.textContent.includes('"sentBy": "production"'))`)
		b.until(`[...document.querySelectorAll(".diff .cut")].some((e) => e.textContent.includes("<script>pwned=1</script>"))`)
		if n := eval[int](b, `document.querySelectorAll(".diff .cut, .diff .add").length`); n != 4 {
			t.Errorf("%d lines differ, want two on each side: %s", n, b.text())
		}
		b.looksGood(fmt.Sprintf("bodies-compared-%s-%d", look.theme, look.width))
	}
}

// bodySays is the script that looks for who sent the body that is shown.
func bodySays(webhook string) string {
	return `document.querySelector(".event-detail pre")?.textContent.includes(` + quote(`"sentBy": "`+webhook+`"`) + `)`
}

// looksGood keeps a picture of the page, which must be harmless and readable by all.
func (b *browser) looksGood(name string) {
	b.t.Helper()
	b.isUnharmed()
	b.fitsItsWidth(name)
	b.keepPicture(name)
	b.isAccessible(name)
}

func TestAnEventThatWasToldOnceHasOneBody(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	for range 2 {
		g.send(dispatch("FirstDispatch0001"), toldBy(g, "production", "It ended."))
	}
	b := openDashboard(t, g)
	b.open("/runs/" + twinsRun)
	b.do(chromedp.Click(chromedp.CSS("button.event")))
	b.until(bodySays("production"))
	if text := b.text(); strings.Contains(text, "bodies") || strings.Contains(text, "Compare") {
		t.Errorf("a retry is no other body: %s", text)
	}
}
