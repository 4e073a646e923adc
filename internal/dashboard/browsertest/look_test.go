package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// axe looks for what shuts people out: https://github.com/dequelabs/axe-core, installed with the pages' other packages.
const axe = "../ui/node_modules/axe-core/axe.min.js"

// views are all pages, by the name of their picture.
func views(run, delivery, quarantined string) [][2]string {
	return [][2]string{
		{"overview", "/?range=15m"},
		{"live", "/live"},
		{"runs", "/runs"},
		{"run", "/runs/" + run},
		{"ttl", "/ttl?window=36h"},
		{"deliveries", "/deliveries"},
		{"delivery", "/deliveries/" + delivery},
		{"quarantine", "/quarantine?open=" + quarantined},
		{"stuck", "/stuck?runs=15m"},
		{"sources", "/sources"},
		{"audit", "/audit"},
		{"notfound", "/no-such-page"},
	}
}

func TestEveryPageIsReadableByAllInBothThemesAndWidths(t *testing.T) {
	t.Parallel()
	g, paths := gatewayWithHistory(t)
	b := openDashboard(t, g)
	for _, look := range []struct {
		theme string
		width int64
	}{{"light", 1280}, {"dark", 1280}, {"light", 390}, {"dark", 390}} {
		b.size(look.width)
		b.theme(look.theme)
		for _, view := range paths {
			b.open(view[1])
			name := fmt.Sprintf("%s-%s-%d", view[0], look.theme, look.width)
			if view[0] == "run" {
				b.do(chromedp.Click(chromedp.CSS("button.event")))
				b.settled()
			}
			if view[0] == "live" { // shows what comes in from now on
				g.send(dispatch("live"), runEnd("liveRun0000000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
				b.shows("liveRun0000000001")
			}
			b.fitsItsWidth(name)
			b.keepPicture(name)
			b.isAccessible(name)
		}
	}
}

func TestTheFirstPagesAreReadableByAll(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	b := openBrowser(t, g)
	b.do(chromedp.Navigate(g.page("/")))
	b.until(`document.querySelector('input[name="token"]')`)
	b.keepPicture("signin-light-1280")
	b.isAccessible("signin")
	b.signIn(adminToken)
	for _, path := range []string{"/", "/live", "/runs", "/ttl", "/deliveries", "/quarantine", "/stuck", "/audit"} {
		b.open(path)
		name := strings.TrimSuffix("empty-"+strings.TrimPrefix(path, "/"), "-")
		b.keepPicture(name + "-light-1280")
		b.isAccessible(name)
	}
	b.do(chromedp.KeyEvent("?"))
	b.until(`document.querySelector("dialog[open]")`)
	b.isAccessible("help")
}

// gatewayWithHistory has something of everything, and tells the addresses of all pages.
func gatewayWithHistory(t *testing.T) (*gateway, [][2]string) {
	t.Helper()
	app := newReceiver(t, http.StatusInternalServerError)
	g := startGateway(t, destination("app", app.url, `, retry: {attempts: 1}`))
	var run string
	for _, s := range samples.All() {
		for range 3 {
			if a := g.send(s.Headers, s.Compact()); a.RunID != "" {
				run = a.RunID
			}
		}
	}
	for i := range 12 {
		for range i {
			g.send(dispatch(fmt.Sprint("d", i)), runEnd(fmt.Sprintf("historyRun%07d", i), "ACTOR.RUN.FAILED", "2026-09-14T08:04:21.640Z"))
		}
	}
	g.send(nil, []byte(`{"eventType":"ACTOR.RUN.SUCCEEDED","resource":{"note":"who am I?"}}`))
	g.send(nil, []byte(`this is no JSON`))

	var dead, quarantined struct{ Items []struct{ ID string } }
	testkit.Eventually(t, patience, func() error {
		if g.api("/deliveries?state=dead&limit=1", nil, &dead); len(dead.Items) == 0 {
			return fmt.Errorf("no delivery is dead yet")
		}
		return nil
	})
	g.api("/quarantine?limit=1", nil, &quarantined)
	var done json.RawMessage
	g.api("/replay", map[string]any{"run_id": run, "reason": "the receiver lost it"}, &done)
	return g, views(run, dead.Items[0].ID, quarantined.Items[0].ID)
}

// theme makes the system prefer light or dark.
func (b *browser) theme(name string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// fitsItsWidth: only tables and code scroll sideways, never the page.
func (b *browser) fitsItsWidth(name string) {
	b.t.Helper()
	if over := eval[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		b.t.Errorf("%s is %d pixels too wide", name, over)
	}
}

// keepPicture writes the whole page as it looks.
func (b *browser) keepPicture(name string) {
	b.t.Helper()
	folder := os.Getenv("DEDUPGATE_SCREENSHOTS")
	if folder == "" {
		folder = b.t.TempDir()
	}
	width, height := eval[int64](b, "innerWidth"), eval[int64](b, "document.documentElement.scrollHeight")
	b.do(chromedp.EmulateViewport(width, min(height, 4000))) // so that what stays in view is in the right place
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	b.size(width)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// isAccessible lets axe look at the page as it is.
func (b *browser) isAccessible(name string) {
	b.t.Helper()
	script, err := os.ReadFile(axe)
	if err != nil {
		b.t.Fatalf("axe is not installed: run make ui, then try again: %v", err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(script) + "\n;0"))
	found := eval[[]string](b, `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations
		.filter((v) => ["moderate", "serious", "critical"].includes(v.impact))
		.map((v) => v.impact + " " + v.id + ": " + v.help + "\n\t" + v.nodes.slice(0, 3).map((n) => n.html + "\n\t" + n.failureSummary).join("\n\t")))`)
	for _, f := range found {
		b.t.Errorf("%s: %s", name, f)
	}
}
