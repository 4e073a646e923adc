package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

const (
	// patience is for what a page needs a moment for, on a loaded machine.
	patience = 30 * time.Second
	// longest bounds all that one test does in its browser.
	longest = 5 * time.Minute
)

// browser is one Chromium with one tab. What it complains of fails the test.
type browser struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // chromedp keeps the tab in it
	gateway *gateway

	mu         sync.Mutex
	complaints []string
}

// openBrowser starts Chromium, not signed in.
func openBrowser(t *testing.T, g *gateway) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("Chromium is not installed: run scripts/deps browser, then try again")
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	ctx, closeAllocator := chromedp.NewExecAllocator(ctx, append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en-US"))...)
	t.Cleanup(closeAllocator)
	ctx, closeTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx, gateway: g}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b.size(1280)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range b.complaints {
			t.Errorf("the browser complains: %s", c)
		}
	})
	return b
}

// hear collects what must not happen: dialogs, exceptions, and anything that the content security policy stopped.
func (b *browser) hear(ev any) {
	var complaint string
	switch ev := ev.(type) {
	case *page.EventJavascriptDialogOpening:
		complaint = "dialog: " + ev.Message
	case *runtime.EventExceptionThrown:
		complaint = fmt.Sprintf("exception: %s %+v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			complaint = fmt.Sprintf("console: %+v", ev.Args)
		}
	case *log.EventEntryAdded: // requests that were refused are the pages' business
		if ev.Entry.Level == log.EntryLevelError && ev.Entry.Source != log.EntrySourceNetwork {
			complaint = fmt.Sprintf("%s: %s", ev.Entry.Source, ev.Entry.Text)
		}
	default:
		return
	}
	if complaint != "" {
		b.mu.Lock()
		b.complaints = append(b.complaints, complaint)
		b.mu.Unlock()
	}
}

// do runs steps and fails the test when one does.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

// eval gives the value of a script, awaited when it is a promise.
func eval[T any](b *browser, script string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return v
}

// quote makes a script's string of a text.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string has a JSON form
	}
	return string(b)
}

func (b *browser) size(width int64) {
	b.t.Helper()
	height, mobile := int64(900), []chromedp.EmulateViewportOption(nil)
	if width < 600 {
		height, mobile = 844, append(mobile, chromedp.EmulateMobile)
	}
	b.do(chromedp.EmulateViewport(width, height, mobile...))
}

// text is what the page shows.
func (b *browser) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
	if err != nil {
		return err.Error()
	}
	return text
}

// until waits for a script to be true.
func (b *browser) until(script string) {
	b.t.Helper()
	testkit.Eventually(b.t, patience, func() error {
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("%s is not so on %s:\n%s", script, eval[string](b, "location.href"), b.text())
		}
		return nil
	})
}

// shows waits for texts on the page.
func (b *browser) shows(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		b.until("document.body.innerText.includes(" + quote(text) + ")")
	}
}

// open shows a page and waits until nothing on it is being loaded.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.gateway.page(path)))
	b.settled()
}

// settled waits until the page has what it asked for.
func (b *browser) settled() {
	b.t.Helper()
	b.until(`document.querySelector("main") && !document.querySelector('.bone, [aria-busy="true"]')`)
}

// press clicks the button or link with that text or label, as soon as it can be.
func (b *browser) press(name string) {
	b.t.Helper()
	b.until(`(() => {
		const named = (e) => e.textContent.trim() === ` + quote(name) + ` || e.getAttribute("aria-label") === ` + quote(name) + `;
		const root = document.querySelector("dialog[open]") ?? document;
		const found = [...root.querySelectorAll("button, a")].find((e) => named(e) && !e.disabled && e.checkVisibility());
		found?.click();
		return found;
	})()`)
}

// fill types into a field as a person does.
func (b *browser) fill(css, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(css), text))
}

// signIn shows the token to the page that asks for it.
func (b *browser) signIn(token string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.gateway.page("/")))
	b.until(`document.querySelector('input[name="token"]')`)
	b.fill(`input[name="token"]`, token)
	b.press("Sign in")
	b.until(`document.querySelector("nav.nav")`)
	b.settled()
}

// openDashboard starts a gateway's browser, signed in as admin.
func openDashboard(t *testing.T, g *gateway) *browser {
	t.Helper()
	b := openBrowser(t, g)
	b.signIn(adminToken)
	return b
}
