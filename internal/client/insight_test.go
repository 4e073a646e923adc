package client_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/view"
)

func TestWindowsAreAskedForAndRead(t *testing.T) {
	t.Parallel()
	var asked string
	c := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		answer(http.StatusOK, "application/json", `{"items":[{"source":"apify","repeats":3}],"source":"apify","repeats":3,"curve":{"windows_ms":[1],"caught":[0.5]}}`)(w, r)
	})
	since := time.Date(2026, 9, 14, 8, 0, 0, 0, time.UTC)
	list, err := c.Windows(t.Context(), view.Range{Since: since})
	if err != nil || len(list) != 1 || list[0].Repeats != 3 || asked != "/api/v1/ttl?since=2026-09-14T08%3A00%3A00Z" {
		t.Errorf("asked %s, got %+v, %v", asked, list, err)
	}
	w, err := c.WindowAdvice(t.Context(), view.WindowQuery{Source: "apify", Type: "TEST", Window: 36 * time.Hour})
	if err != nil || w.Repeats != 3 || w.Curve.Caught[0] != 0.5 || asked != "/api/v1/ttl/apify?type=TEST&window=36h0m0s" {
		t.Errorf("asked %s, got %+v, %v", asked, w, err)
	}
}
