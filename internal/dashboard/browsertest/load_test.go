package browsertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// loading is what a browser says of how it has loaded a page.
type loading struct {
	Paint float64  // milliseconds from the beginning to the first text or picture
	Shift float64  // how far what was shown has moved by itself: 0.1 is what Google calls good
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

// Of several loads the quickest counts: what else the machine does is not the pages' business.
func TestPagesPaintWithinASecondDoNotJumpAndAskNobodyElse(t *testing.T) {
	t.Parallel()
	g, paths := gatewayWithHistory(t)
	b := openDashboard(t, g)
	for _, width := range []int64{1280, 390} {
		b.size(width)
		for _, view := range paths {
			var all []loading
			for range 3 {
				b.do(chromedp.Navigate(b.gateway.page(view[1])))
				b.settled()
				all = append(all, eval[loading](b, howItLoaded))
			}
			if best := slices.MinFunc(all, func(a, b loading) int { return int(a.Paint - b.Paint) }); best.Paint > 1000 {
				t.Errorf("%s at %d paints after %.0f ms", view[0], width, best.Paint)
			}
			if calm := slices.MinFunc(all, func(a, b loading) int { return int(1e4 * (a.Shift - b.Shift)) }); calm.Shift > 0.1 {
				t.Errorf("%s at %d moves by %.3f: %s", view[0], width, calm.Shift, strings.Join(calm.Moved, ", "))
			}
			if hosts := all[0].Hosts; len(hosts) != 1 || hosts[0] != g.app.AdminAddr() {
				t.Errorf("%s asks %v", view[0], hosts)
			}
		}
	}
}
