package testkit_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestCapturedRecordsAreWhatAnOperatorReads(t *testing.T) {
	t.Parallel()
	log, records := testkit.CaptureLogger(t)
	log.With("source", "apify").WithGroup("run").Warn("late", "id", "abc", "n", 3)
	log.Debug("other")

	all := records.All()
	if len(all) != 2 || all[0].Message() != "late" || all[0].Level() != slog.LevelWarn.String() || all[1].Level() != "DEBUG" {
		t.Fatalf("got %v", all)
	}
	run, _ := all[0]["run"].(map[string]any)
	if all[0]["source"] != "apify" || run["id"] != "abc" || run["n"] != 3.0 {
		t.Errorf("got %v", all[0])
	}
	if got := records.With("other"); len(got) != 1 {
		t.Errorf("With: got %v", got)
	}
	if text := records.Text(); !strings.Contains(text, `"source":"apify"`) {
		t.Errorf("text: %s", text)
	}
}

func TestLoggingAfterTheTestDoesNoHarm(t *testing.T) {
	t.Parallel()
	var late *slog.Logger
	t.Run("the test", func(t *testing.T) { late = testkit.Logger(t) })
	late.Info("a goroutine that stops late")
}
