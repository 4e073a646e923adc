package storm

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
)

// Defaults of [Options].
const (
	DefaultRuns        = 1000
	DefaultWebhooks    = 3
	DefaultConcurrency = 32
	DefaultSpeed       = 1200 // a minute of Apify's schedule is 50 ms
	DefaultBodySize    = 1600
	DefaultMaxTime     = 30 * time.Minute
	DefaultTimeout     = 15 * time.Second
	DefaultPatience    = time.Minute
	DefaultBodySample  = 200
)

// Options of a storm. URL and API are required, zero values elsewhere mean the defaults.
type Options struct {
	URL    string // of the webhook, with the source's token
	Source string // "" is the last element of URL's path
	API    *client.Client

	Seed        uint64  // 0: chosen at random; the report has it. The same seed plays the same runs
	Runs        int     // how many runs
	Webhooks    int     // 1 to 3; each run has one to so many webhooks that match it
	Concurrency int     // events being told at once, each by all its webhooks
	Rate        float64 // new runs a second; 0: as fast as the gateway answers
	Speed       float64 // how many times faster than Apify attempts are repeated
	BodySize    int     // bytes of a body; a little more when the shape needs it
	Mix         *Mix    // nil: DefaultMix

	Timeout  time.Duration // of one attempt
	MaxTime  time.Duration // sending ends then; what is not answered 2xx by then counts as undelivered
	Patience time.Duration // how long to wait for an admin API that is gone, and for hits to drain
	// Stop, when closed, ends the sending early. What was sent is checked; what is still open counts as nothing.
	Stop <-chan struct{}

	BodySample int // how many events' bodies are compared; negative: none
	// RedisMayForget tells that Redis loses data in this storm: receipts of window hits that were not drained yet may be
	// lost then, which is counted and no finding. Everything else must hold all the same.
	RedisMayForget bool

	// Sink is where the gateway hands events to; nil: what comes out of it is not checked.
	Sink *Sink

	// Progress is called a few times a second by one goroutine, and once more at the end.
	Progress func(Progress)
}

// Mix says how often things happen, each as a share from 0 to 1.
type Mix struct {
	Together    float64 // events whose webhooks tell them at the same instant
	LateCreated float64 // runs whose CREATED is sent after their end
	EndsOnly    float64 // runs whose webhooks want ends only, as most connectors do
	Resurrected float64 // runs that are resurrected and end again; a third of them twice
	Repeated    float64 // dispatches that come again although they were answered 2xx
	Tests       float64 // runs beside which somebody presses Test
}

// DefaultMix is a busy account.
func DefaultMix() Mix {
	return Mix{Together: 0.5, LateCreated: 0.1, EndsOnly: 0.3, Resurrected: 0.2, Repeated: 0.2, Tests: 0.02}
}

func (m Mix) validate() error {
	for name, share := range map[string]float64{
		"together": m.Together, "late created": m.LateCreated, "ends only": m.EndsOnly,
		"resurrected": m.Resurrected, "repeated": m.Repeated, "tests": m.Tests,
	} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("storm: the share of %s must be from 0 to 1, not %g", name, share)
		}
	}
	return nil
}

// complete gives the options with defaults filled in, or says what is wrong.
func (o Options) complete() (Options, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return o, errors.New("storm: the webhook's address is not a URL like http://127.0.0.1:8080/webhooks/apify?token=…")
	}
	if o.API == nil {
		return o, errors.New("storm: checking the books needs the admin API")
	}
	o.Source = cmp.Or(o.Source, path.Base(strings.TrimSuffix(u.Path, "/")))
	for o.Seed == 0 {
		o.Seed = rand.Uint64() >> 16 // short enough to be typed again
	}
	o.Runs = cmp.Or(o.Runs, DefaultRuns)
	o.Webhooks = cmp.Or(o.Webhooks, DefaultWebhooks)
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Speed = cmp.Or(o.Speed, DefaultSpeed)
	o.BodySize = cmp.Or(o.BodySize, DefaultBodySize)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.MaxTime = cmp.Or(o.MaxTime, DefaultMaxTime)
	o.Patience = cmp.Or(o.Patience, DefaultPatience)
	o.BodySample = cmp.Or(o.BodySample, DefaultBodySample)
	if o.Mix == nil {
		m := DefaultMix()
		o.Mix = &m
	}
	switch {
	case o.Runs < 0 || o.Concurrency < 0 || o.Rate < 0 || o.Speed < 0 || o.BodySize < 0:
		return o, errors.New("storm: numbers of runs, concurrency, rate, speed and size can't be negative")
	case o.Webhooks < 1 || o.Webhooks > 3:
		return o, fmt.Errorf("storm: webhooks per run must be 1, 2 or 3, not %d", o.Webhooks)
	case o.Timeout < 0 || o.MaxTime < 0 || o.Patience < 0:
		return o, errors.New("storm: durations can't be negative")
	}
	return o, o.Mix.validate()
}
