package source_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/signature"
	"github.com/dedupgate/dedupgate/internal/source"
)

const (
	window = 72 * time.Hour
	lease  = 15 * time.Second
)

func options(change ...func(*source.Options)) source.Options {
	o := source.Options{
		Name: "apify", Kind: source.Apify, Tokens: []signature.Token{signature.HashToken("dg_secret")},
		Default: source.Windows{Window: window, Lease: lease},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func newSource(t testing.TB, change ...func(*source.Options)) *source.Source {
	t.Helper()
	s, err := source.New(options(change...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func single(o *source.Options) { o.WithoutGeneration = source.Single }

// generic makes a source of kind generic with these places.
func generic(places ...string) func(*source.Options) {
	return func(o *source.Options) {
		o.Name, o.Kind = "shop", source.Generic
		for _, text := range places {
			place, err := source.ParsePlace(text)
			if err != nil {
				panic(err)
			}
			o.Keys = append(o.Keys, place)
		}
	}
}

// request is a POST of the body with this dispatch id, "" for none.
func request(body, dispatchID string) source.Request {
	r := source.Request{Header: http.Header{"Content-Type": {"application/json"}}, Query: url.Values{}, Body: []byte(body)}
	if dispatchID != "" {
		r.Header.Set("X-Apify-Webhook-Dispatch-Id", dispatchID)
	}
	return r
}

// checkQuarantine fails unless the inbound is quarantined for this reason, with a message that is fit for its sender.
func checkQuarantine(t testing.TB, in dedup.Inbound, reason dedup.Reason) string {
	t.Helper()
	if in.Quarantine == nil {
		t.Fatalf("not quarantined; its key is %q", in.Key.Event)
	}
	if !in.Key.IsZero() || in.MovesRun() {
		t.Errorf("quarantined, yet it has the key %q or moves its run", in.Key.Event)
	}
	message := in.Quarantine.Message
	if in.Quarantine.Reason != reason {
		t.Errorf("reason %s, want %s (%s)", in.Quarantine.Reason, reason, message)
	}
	if len(message) < 20 || len(message) > 400 || message[len(message)-1] != '.' {
		t.Errorf("no message for people: %q", message)
	}
	return message
}
