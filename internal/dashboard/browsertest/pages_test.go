package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestFromNothingToADuplicate(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	b := openDashboard(t, g)

	b.shows("No webhook has come in yet", g.webhook)
	b.press("Send a sample")
	b.shows("Sample sent: new")
	b.until(figureIs("Received", "1") + "&&" + figureIs("Let through", "1") + "&&" + figureIs("Duplicates", "0"))
	b.press("Send a sample") // the same button, now below the figures: another run
	b.press("Send it again")
	b.shows("Sample sent: duplicate")
	b.until(figureIs("Received", "3") + "&&" + figureIs("Duplicates", "1") + "&&" + figureIs("Saved", "33.3 %"))

	var runs struct {
		Items []struct {
			RunID string `json:"run_id"`
		}
	}
	g.api("/runs", nil, &runs)
	if len(runs.Items) != 2 {
		t.Fatalf("%d runs, want 2", len(runs.Items))
	}
	run := runs.Items[0].RunID
	b.open("/runs")
	b.shows(run)
	b.press(run)
	b.until("location.pathname === " + quote("/runs/"+run))
	b.shows("RUN.SUCCEEDED", "1 event, 1 duplicate", "caught by Redis")
	b.do(chromedp.Reload())
	b.shows("RUN.SUCCEEDED", "1 event, 1 duplicate")

	b.do(chromedp.Click(chromedp.CSS("button.event")))
	b.shows(`"actorRunId": "` + run + `"`)
	b.press("Headers")
	b.shows("X-Apify-Webhook-Dispatch-Id")
}

// figureIs is the script that looks at a figure of the overview.
func figureIs(name, value string) string {
	return `[...document.querySelectorAll(".figures > div")].some((e) => e.querySelector("dt").textContent === ` + quote(name) +
		` && e.querySelector("dd").textContent === ` + quote(value) + `)`
}

func TestLiveShowsWhatComesIn(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	b := openDashboard(t, g)
	g.send(dispatch("one"), runEnd("liveRunBefore0001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b.open("/live")
	b.until(`[...document.querySelectorAll(".badge")].some((e) => e.textContent.includes("a second"))`)
	g.send(dispatch("two"), runEnd("liveRunAfter00002", "ACTOR.RUN.FAILED", "2026-09-14T08:04:21.640Z"))
	g.send(dispatch("two"), runEnd("liveRunAfter00002", "ACTOR.RUN.FAILED", "2026-09-14T08:04:21.640Z"))
	b.shows("liveRunAfter00002", "duplicate", "Redis, retry")

	b.press("Pause")
	g.send(dispatch("three"), runEnd("liveRunPaused0003", "ACTOR.RUN.ABORTED", "2026-09-14T08:04:21.640Z"))
	b.shows("Resume, 1 new")
	if strings.Contains(b.text(), "liveRunPaused0003") {
		t.Error("a paused tail moves")
	}
	b.press("Resume, 1 new")
	b.shows("liveRunPaused0003")

	b.open("/live?outcome=duplicate")
	b.until(`[...document.querySelectorAll(".badge")].some((e) => e.textContent.includes("a second"))`)
	g.send(dispatch("four"), runEnd("liveRunOther00004", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	g.send(dispatch("one"), runEnd("liveRunBefore0001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b.shows("liveRunBefore0001")
	if strings.Contains(b.text(), "liveRunOther00004") {
		t.Error("the filter lets others through")
	}
}

func TestASessionSurvivesReloadAndEnds(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	b := openBrowser(t, g)
	b.do(chromedp.Navigate(g.page("/runs?status=FAILED")))
	b.until(`document.querySelector('input[name="token"]')`)
	b.fill(`input[name="token"]`, "dg_wrong_token_0123456789012345")
	b.press("Sign in")
	b.shows("does not know this token")
	eval[bool](b, `(document.querySelector('input[name="token"]').value = "", true)`)
	b.fill(`input[name="token"]`, readToken)
	b.press("Sign in")
	b.shows("No runs found") // on the page that was asked for
	b.do(chromedp.Reload())
	b.shows("No runs found")
	if kept := eval[string](b, `JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie`); strings.Contains(kept, "dg_") {
		t.Errorf("scripts can read the credential: %s", kept)
	}
	b.press("Sign out")
	b.until(`document.querySelector('input[name="token"]')`)
	b.do(chromedp.Navigate(g.page("/audit")))
	b.until(`document.querySelector('input[name="token"]')`)
}

func TestWhoMayOnlyReadIsOfferedNoChanges(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	a := g.send(dispatch("one"), runEnd("readersRun0000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b := openBrowser(t, g)
	b.signIn(readToken)
	b.open("/runs/" + a.RunID)
	b.shows("RUN.SUCCEEDED")
	if n := eval[int](b, `[...document.querySelectorAll("button")].filter((e) => /Replay|Send a sample/.test(e.textContent)).length`); n != 0 {
		t.Errorf("%d buttons that would be refused", n)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := openDashboard(t, startGateway(t, ""))
	b.do(chromedp.KeyEvent("?"))
	b.until(`document.querySelector("dialog[open]")?.textContent.includes("Refresh the page's data")`)
	b.do(chromedp.KeyEvent("\x1b"))
	b.until(`!document.querySelector("dialog")`)
	b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("t"))
	b.until(`location.pathname === "/ttl"`)
	b.do(chromedp.KeyEvent("/"))
	b.until(`location.pathname === "/runs" && document.activeElement?.hasAttribute("data-search")`)
	b.do(chromedp.KeyEvent("abc"))
	b.until(`new URLSearchParams(location.search).get("run_id") === "abc"`)
	b.do(chromedp.NavigateBack())
	b.until(`location.pathname + location.search === "/runs"`)
}

func TestDraggingOverTheChartChoosesTheRange(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	g.send(dispatch("one"), runEnd("zoomedRun00000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	b := openDashboard(t, g)
	b.open("/?range=6h")
	b.until(`document.querySelector(".u-over")`)
	box := eval[struct{ X, Y, W, H float64 }](b, `(({x, y, width, height}) => ({X: x, Y: y, W: width, H: height}))(document.querySelector(".u-over").getBoundingClientRect())`)
	b.do(chromedp.DragAndDropXY(box.X+box.W*0.5, box.Y+box.H/2, box.X+box.W*0.75, box.Y+box.H/2, 8))
	b.until(`new URLSearchParams(location.search).get("until")`)
	hours := eval[float64](b, `(() => { const p = new URLSearchParams(location.search); return (Date.parse(p.get("until")) - Date.parse(p.get("since"))) / 3600000; })()`)
	if hours < 1.3 || hours > 1.8 {
		t.Errorf("a quarter of six hours became %.2f hours", hours)
	}
	b.settled()
	b.do(chromedp.NavigateBack())
	b.until(`location.search === "?range=6h"`)
}

func TestSearchFindsARun(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	for i := range 60 {
		g.send(dispatch(fmt.Sprint("d", i)), runEnd(fmt.Sprintf("searchedRun%06d", i), "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	}
	b := openDashboard(t, g)
	b.open("/runs")
	b.shows("searchedRun000059", "First 50 shown")
	b.press("Next")
	b.shows("searchedRun000003")
	b.press("Back")
	b.shows("searchedRun000059")
	b.fill("[data-search]", "searchedRun000007")
	b.until(`document.querySelectorAll("tbody tr").length === 1`)
	b.shows("searchedRun000007")
	b.press("searchedRun000007")
	b.shows("RUN.SUCCEEDED")
}
