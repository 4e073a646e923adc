package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// loading is what a browser says of how it has loaded a page.
type loading struct {
	Paint float64  // milliseconds from the beginning to the first text or picture
	Shift float64  // how far what was shown has moved by itself: see mayShift
	Moved []string // what has moved
	Hosts []string // who was asked for anything
}

// howItLoaded waits for the paint to be told, and then for the moves, which are told later.
const howItLoaded = `new Promise((done) => {
	const moves = [];
	new PerformanceObserver((list) => moves.push(...list.getEntries().filter((e) => !e.hadRecentInput))).observe({type: "layout-shift", buffered: true});
	new PerformanceObserver((list) => {
		const paint = list.getEntriesByName("first-contentful-paint")[0];
		if (paint) requestAnimationFrame(() => setTimeout(() => done({
			Paint: paint.startTime,
			Shift: moves.reduce((sum, e) => sum + e.value, 0),
			Moved: moves.flatMap((e) => e.sources.map((s) => s.node?.className || s.node?.nodeName || "")),
			Hosts: [...new Set(performance.getEntriesByType("resource").map((e) => new URL(e.name).host))],
		}), 100));
	}).observe({type: "paint", buffered: true});
})`

func (b *browser) load(path string) loading {
	b.t.Helper()
	b.do(chromedp.Navigate(b.gateway.page(path)))
	b.settled()
	return eval[loading](b, howItLoaded)
}

// mayShift is what Google calls good of the sum of layout shifts.
const mayShift = 0.1

// loadStill loads a page until it has not moved, three times at most. A page that jumps does it each time; a banner that
// comes because this machine is too busy to ask its database in time does not.
func (b *browser) loadStill(path string) loading {
	b.t.Helper()
	var l loading
	for range 3 {
		l = b.load(path)
		if l.Shift <= mayShift {
			break
		}
		b.t.Logf("%s moved by %.3f: %s", path, l.Shift, strings.Join(l.Moved, ", "))
	}
	return l
}

func TestPagesDoNotJumpAndAskNobodyElse(t *testing.T) {
	t.Parallel()
	g, paths := gatewayWithHistory(t)
	b := openDashboard(t, g)
	for _, width := range []int64{1280, 390} {
		b.size(width)
		for _, view := range paths {
			l := b.loadStill(view[1])
			if l.Shift > mayShift {
				t.Errorf("%s at %d moves by %.3f: %s", view[0], width, l.Shift, strings.Join(l.Moved, ", "))
			}
			if len(l.Hosts) != 1 || l.Hosts[0] != g.app.AdminAddr() {
				t.Errorf("%s asks %v", view[0], l.Hosts)
			}
		}
	}
}

// What else the machine does is not the page's business: of many loads one has to be quick.
func TestTheFirstPaintTakesLessThanASecond(t *testing.T) {
	t.Parallel()
	g, _ := gatewayWithHistory(t)
	b := openDashboard(t, g)
	testkit.Eventually(t, 4*patience, func() error {
		if l := b.load("/"); l.Paint > 1000 {
			return fmt.Errorf("it took %.0f ms", l.Paint)
		}
		return nil
	})
}
