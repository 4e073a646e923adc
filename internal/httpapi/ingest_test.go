package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/samples"
	"github.com/dedupgate/dedupgate/internal/signature"
)

func TestTheGateGetsTheRequestAsItCame(t *testing.T) {
	t.Parallel()
	for _, sample := range samples.All() {
		t.Run(sample.Name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			req := webhookRequest("apify", string(sample.Body))
			req.Header = sample.Headers.Clone()
			before := time.Now().Add(-time.Millisecond)
			if w := r.send(t, req); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			admitted, _ := r.all()
			if len(admitted) != 1 {
				t.Fatalf("the gate was asked %d times", len(admitted))
			}
			in := admitted[0]
			if !bytes.Equal(in.Body, sample.Body) {
				t.Error("the body has changed on its way")
			}
			if in.Key.Source != "apify" || in.RemoteIP != "192.0.2.1" || in.Via != dedup.ViaWebhook {
				t.Errorf("source %q, remote ip %q, via %q", in.Key.Source, in.RemoteIP, in.Via)
			}
			if in.ReceivedAt.Before(before) || in.ReceivedAt.Location() != time.UTC || !in.ReceivedAt.Equal(in.ReceiptID.Time()) {
				t.Errorf("received at %v, receipt id of %v", in.ReceivedAt, in.ReceiptID.Time())
			}
		})
	}
}

func TestUnknownSourceAndWrongTokenAreAnsweredTheSame(t *testing.T) {
	t.Parallel()
	ask := func(target, authorization string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodPost, target, strings.NewReader(`{}`))
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		r := newRig(t)
		w := r.send(t, req)
		if admitted, _ := r.all(); len(admitted) != 0 {
			t.Errorf("%s reached the gate", target)
		}
		w.Header().Del("X-Request-ID")
		return w
	}
	want := ask("/webhooks/apify?token=wrong", "")
	for _, w := range []*httptest.ResponseRecorder{
		ask("/webhooks/apify", ""),
		ask("/webhooks/apify?token=", ""),
		ask("/webhooks/apify?token="+testToken+"&token=wrong", ""),
		ask("/webhooks/apify", "Bearer wrong"),
		ask("/webhooks/apify", "Basic "+testToken),
		ask("/webhooks/nobody?token=wrong", ""),
		ask("/webhooks/nobody?token="+testToken, ""),
		ask("/webhooks/nobody", "Bearer "+testToken),
		ask("/webhooks/"+testToken, ""),
	} {
		if w.Code != http.StatusUnauthorized || w.Body.String() != want.Body.String() || len(w.Header()) != len(want.Header()) {
			t.Errorf("%d %v %s, want %v %s", w.Code, w.Header(), w.Body, want.Header(), want.Body)
		}
	}
}

func TestTheLogKnowsWhyARequestWasNotLetIn(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/webhooks/apify":              signature.ErrNoToken.Error(),
		"/webhooks/apify?token=wrong":  signature.ErrWrongToken.Error(),
		"/webhooks/nobody?token=wrong": errUnknownSource.Error(),
	} {
		r := newRig(t)
		r.send(t, httptest.NewRequest(http.MethodPost, target, nil))
		if l := r.log.lines(t)[0]; l["cause"] != want {
			t.Errorf("%s: %v, want %q", target, l, want)
		}
		if strings.Contains(r.log.String(), "nobody") {
			t.Errorf("the log repeats what was asked for: %s", r.log)
		}
	}
}

func TestTheTokenMayComeAsBearer(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest(http.MethodPost, "/webhooks/apify", strings.NewReader(succeeded(t)))
	req.Header.Set("Authorization", "Bearer "+testToken)
	if w := newRig(t).send(t, req); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		source, contentType string
		want                int
	}{
		{"apify", "", 200},
		{"apify", "application/json", 200},
		{"apify", "application/json; charset=utf-8", 200},
		{"apify", "Application/JSON;charset=utf-8", 200},
		{"apify", "application/json; charset", 200},
		{"apify", "application/cloudevents+json", 200},
		{"apify", "text/json", 200},
		{"apify", "text/plain", 415},
		{"apify", "application/x-www-form-urlencoded", 415},
		{"apify", "json", 415},
		{"apify", ";", 415},
		{"generic", "text/plain", 200},
		{"generic", "application/octet-stream", 200},
	} {
		req := webhookRequest(tc.source, `{"eventType":"TEST"}`)
		req.Header.Set("Content-Type", tc.contentType)
		if w := newRig(t).send(t, req); w.Code != tc.want {
			t.Errorf("%s with %q: %d, want %d", tc.source, tc.contentType, w.Code, tc.want)
		}
	}
}

func TestContentEncodings(t *testing.T) {
	t.Parallel()
	for encoding, want := range map[string]int{"": 200, "identity": 200, "Identity": 200, "gzip": 415, "identity, gzip": 415, "br": 415} {
		for _, source := range []string{"apify", "generic"} {
			req := webhookRequest(source, `{"eventType":"TEST"}`)
			req.Header.Set("Content-Encoding", encoding)
			if w := newRig(t).send(t, req); w.Code != want {
				t.Errorf("%s with %q: %d, want %d", source, encoding, w.Code, want)
			}
		}
	}
}

func TestAClientThatIsGoneDoesNotCancelTheGate(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.opts.Gate = fakeGate(func(gateCtx context.Context, _ *dedup.Inbound) (dedup.Verdict, error) {
		cancel()
		return firstSeen, gateCtx.Err()
	})
	if w := r.send(t, webhookRequest("apify", succeeded(t)).WithContext(ctx)); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOversizeBodiesAreKeptInPart(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB
	for name, announced := range map[string]int64{"announced": int64(len(body)), "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			req := webhookRequest("apify", "")
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), announced
			if w := r.send(t, req); w.Code != http.StatusRequestEntityTooLarge {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			admitted, kept := r.all()
			if len(admitted) != 0 || len(kept) != 1 {
				t.Fatalf("%d at the gate, %d kept", len(admitted), len(kept))
			}
			in := kept[0].in
			if string(in.Body) != body[:64<<10] || kept[0].size != announced {
				t.Errorf("kept %d bytes of %d", len(in.Body), kept[0].size)
			}
			if in.Quarantine == nil || in.Quarantine.Reason != dedup.ReasonTooLarge || in.Key.Event != "" || in.DispatchID == "" {
				t.Errorf("kept as %+v, key %v, dispatch %q", in.Quarantine, in.Key, in.DispatchID)
			}
		})
	}
}

func TestAnOversizeBodyThatCouldNotBeKeptIsSentAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.opts.Oversize = fakeKeeper(func(context.Context, *dedup.Inbound, int64) error { return dedup.ErrUnavailable })
	if w := r.post(t, strings.Repeat("x", 300<<10)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTheLimitFollowsAReload(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	limit := int64(10)
	r.opts.MaxBody = func() int64 { return limit }
	h := r.handler(t)
	for _, want := range []int{http.StatusRequestEntityTooLarge, http.StatusOK} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, webhookRequest("apify", succeeded(t)))
		if w.Code != want {
			t.Errorf("limit %d: %d, want %d", limit, w.Code, want)
		}
		limit = 1 << 20
	}
}

func TestForwardedAddresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		trusted []string
		want    string
	}{{nil, "192.0.2.1"}, {[]string{"192.0.2.0/24"}, "203.0.113.9"}} {
		r := newRig(t)
		r.opts.TrustedProxies = tc.trusted
		req := webhookRequest("apify", succeeded(t))
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		r.send(t, req)
		if admitted, _ := r.all(); admitted[0].RemoteIP != tc.want {
			t.Errorf("trusting %v: %q, want %q", tc.trusted, admitted[0].RemoteIP, tc.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("a handler without a gate was made")
	}
	r := newRig(t)
	r.opts.TrustedProxies = []string{"not a network"}
	if _, err := New(r.opts); err == nil {
		t.Error("a proxy that is no network was taken")
	}
}
