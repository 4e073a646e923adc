package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealthz(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Health = &fakeHealth{database: false, redis: "down", stopping: true}
	w := r.send(t, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusOK || decode(t, w)["status"] != "ok" {
		t.Errorf("a process that lives says %d %s", w.Code, w.Body)
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name             string
		health           fakeHealth
		want             int
		status, database string
	}{
		{"ready", fakeHealth{database: true, redis: "up"}, 200, "ready", "takes_writes"},
		{"redis away", fakeHealth{database: true, redis: "down since 2026-09-14T10:00:00Z"}, 200, "ready", "takes_writes"},
		{"database away", fakeHealth{database: false, redis: "up"}, 503, "unavailable", "unavailable"},
		{"stopping", fakeHealth{database: true, stopping: true, redis: "embedded"}, 503, "stopping", "takes_writes"},
		{"stopping without database", fakeHealth{stopping: true, redis: "up"}, 503, "stopping", "unavailable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.opts.Health = &tc.health
			w := r.send(t, httptest.NewRequest(http.MethodGet, "/readyz", nil))
			m := decode(t, w)
			if w.Code != tc.want || m["status"] != tc.status || m["database"] != tc.database || m["redis"] != tc.health.redis {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if head := r.send(t, httptest.NewRequest(http.MethodHead, "/readyz", nil)); head.Code != tc.want {
				t.Errorf("HEAD: %d, want %d", head.Code, tc.want)
			}
		})
	}
}
