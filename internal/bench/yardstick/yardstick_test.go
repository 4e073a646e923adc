package yardstick_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/bench/load"
	"github.com/dedupgate/dedupgate/internal/bench/yardstick"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// send tells n different events, or one n times, and returns what came back.
func send(t *testing.T, handler http.Handler, pick load.Pick) *load.Result {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	body, err := load.Body("small")
	if err != nil {
		t.Fatal(err)
	}
	result, err := load.Run(t.Context(), load.Plan{
		Target: load.Target{Addr: server.Listener.Addr().String(), Path: "/webhooks/apify?token=t"},
		Body:   body, Connections: 4, Pick: pick, Requests: 40,
	})
	if err != nil || result.Answered() != 40 {
		t.Fatalf("answers %v, error %v", result.Statuses, err)
	}
	return result
}

func TestBareTakesEveryEventForNewAndLogsOneLineEach(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	handler, err := yardstick.Bare(slog.New(slog.NewJSONHandler(&lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, handler, load.Among(0, 1)); got.Outcomes["new"] != 40 {
		t.Errorf("outcomes %v", got.Outcomes)
	}
	if n := strings.Count(lines.String(), `"run_id":"`); n != 40 {
		t.Errorf("%d log lines, want 40", n)
	}
}

func TestNaiveTellsRepeatsFromFirstDeliveries(t *testing.T) {
	t.Parallel()
	stores := yardstick.Stores{Postgres: testkit.Postgres(t), Redis: testkit.Redis(t)}
	handler, err := yardstick.Naive(t.Context(), stores, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, handler, load.From(1)); got.Outcomes["new"] != 40 {
		t.Errorf("first deliveries: outcomes %v", got.Outcomes)
	}
	if got := send(t, handler, load.Among(1, 40)); got.Outcomes["duplicate"] != 40 {
		t.Errorf("repeats: outcomes %v", got.Outcomes)
	}
	if got := send(t, handler, load.Among(1000, 1)); got.Outcomes["new"] != 1 || got.Outcomes["duplicate"] != 39 {
		t.Errorf("one event at once: outcomes %v", got.Outcomes)
	}
}

func TestYardsticksRefuseWhatHasNoIdentity(t *testing.T) {
	t.Parallel()
	handler, err := yardstick.Bare(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/webhooks/apify", strings.NewReader("no JSON")))
	if answer.Code != http.StatusBadRequest {
		t.Errorf("status %d, want 400", answer.Code)
	}
}
