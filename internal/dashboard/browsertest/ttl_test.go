package browsertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dedupgate/dedupgate/internal/app"
	"github.com/dedupgate/dedupgate/internal/config"
)

func TestTheSliderTellsWhatAWindowDoes(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "")
	for range 4 {
		g.send(dispatch("one"), runEnd("tunedRun000000001", "ACTOR.RUN.SUCCEEDED", "2026-09-14T08:04:21.640Z"))
	}
	b := openDashboard(t, g)
	b.open("/ttl")
	b.until(`document.querySelector('input[type="range"]')`)
	b.shows("Now, 3d", "Move the slider")

	b.do(chromedp.Focus(chromedp.CSS(`input[type="range"]`)))
	before := eval[string](b, `document.querySelector('input[type="range"]').value`)
	for range 30 {
		b.do(chromedp.KeyEvent("\u0302")) // arrow left
	}
	b.until(`document.querySelector('input[type="range"]').value === String(` + before + ` - 30)`)
	b.shows("Paste this into the configuration file")
	b.until(`document.querySelector('[aria-label="YAML"]')?.textContent.includes("window: ")`)
	window := eval[string](b, `new URLSearchParams(location.search).get("window")`)
	with := eval[string](b, `document.querySelector(".compare thead th:last-child").textContent`)
	if with != "With "+window {
		t.Errorf("the figures are %q, the window is %s", with, window)
	}
	if memory := eval[bool](b, `(([now, then]) => now !== then && then !== "–")([...document.querySelectorAll(".compare tbody tr:last-child td")].map((e) => e.textContent))`); !memory {
		t.Error("a shorter window takes as much memory")
	}

	yaml := eval[string](b, `document.querySelector('[aria-label="YAML"]').textContent`)
	if !strings.Contains(yaml, "window: "+window) {
		t.Errorf("the block is not about the window %s:\n%s", window, yaml)
	}
	path := filepath.Join(t.TempDir(), "dedupgate.yaml")
	if err := os.WriteFile(path, []byte(fmt.Sprintf("data_dir: %q\n%s", t.TempDir(), yaml)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatalf("the block is no configuration: %v\n%s", err, yaml)
	}
	for _, f := range app.Check(t.Context(), cfg) { // what `dedupgate check` says
		if f.Level == app.LevelError {
			t.Errorf("check refuses the block: %+v\n%s", f, yaml)
		}
	}
	if got := cfg.Sources[0].Window.String(); got != window {
		t.Errorf("the block sets %s, want %s", got, window)
	}

	b.do(chromedp.Reload()) // the window is in the address
	b.until(`document.querySelector('[aria-label="YAML"]')?.textContent.includes("window: ` + window + `")`)
}
