package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup"
)

func TestAPanicIsAnsweredAndItsStackLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Gate = fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) { panic("secret " + testToken) })
	w := r.post(t, succeeded(t))
	if w.Code != http.StatusInternalServerError || decode(t, w)["error"] != "internal" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	l := r.log.lines(t)[0]
	if l["panic"] != "value of type string" || l["route"] != "/webhooks/:source" || l["request_id"] != w.Header().Get("X-Request-ID") {
		t.Errorf("logged %v", l)
	}
	stack, _ := l["stack"].(string)
	if !strings.HasPrefix(stack, "github.com/dedupgate/dedupgate/internal/httpapi.TestAPanic") || !strings.Contains(stack, "(*ingest).admit:") {
		t.Errorf("stack: %s", stack)
	}
	if r.meter.inFlight != 0 || len(r.meter.refused) != 1 {
		t.Errorf("in flight %d, refused %v", r.meter.inFlight, r.meter.refused)
	}
}

func TestTheRuntimesOwnWordsAreLogged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Gate = fakeGate(nil)
	r.post(t, succeeded(t))
	if text, _ := r.log.lines(t)[0]["panic"].(string); !strings.Contains(text, "nil pointer") {
		t.Errorf("panic: %q", text)
	}
}

func TestAnAbortedHandlerIsTheServersAffair(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Gate = fakeGate(func(context.Context, *dedup.Inbound) (dedup.Verdict, error) { panic(http.ErrAbortHandler) })
	h := r.handler(t)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the very value
			t.Errorf("recovered %v", v)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), webhookRequest("apify", succeeded(t)))
	t.Error("the abort was swallowed")
}
