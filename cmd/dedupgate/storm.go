package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/storm"
)

// stormCmd plays Apify against a gateway.
type stormCmd struct {
	webhookFlags
	apiFlags
	dataDirFlag
	Source      string        `placeholder:"NAME" help:"Name of the source, when the URL's path does not end in it."`
	Runs        int           `short:"n" default:"1000" help:"How many runs."`
	Webhooks    int           `default:"3" help:"Most webhooks that match one run, 1 to 3."`
	Concurrency int           `short:"c" default:"32" help:"Events told at once, each by all its webhooks."`
	Rate        float64       `placeholder:"N" help:"New runs a second; without it as fast as the gateway answers."`
	Speed       float64       `default:"1200" help:"How many times faster than Apify's own schedule attempts are repeated (1200: a minute is 50 ms)."`
	Size        int           `default:"1600" help:"Bytes of a body."`
	Seed        uint64        `placeholder:"N" help:"Play the runs of an earlier storm; its report has the number. Not twice against the same gateway."`
	For         time.Duration `name:"for" placeholder:"TIME" default:"30m" help:"Longest time to send."`
	Timeout     time.Duration `default:"15s" help:"How long to wait for one answer."`
	Patience    time.Duration `default:"1m" help:"How long to wait, after sending, for an admin API that is gone and for Redis to be drained."`
	Bodies      int           `default:"200" help:"Compare so many stored bodies byte for byte."`

	Together    float64 `group:"Shares from 0 to 1" default:"0.5" help:"Events whose webhooks tell them at the same instant."`
	Late        float64 `group:"Shares from 0 to 1" default:"0.1" help:"Runs whose CREATED comes after their end."`
	EndsOnly    float64 `group:"Shares from 0 to 1" default:"0.3" help:"Runs whose webhooks want ends only."`
	Resurrected float64 `group:"Shares from 0 to 1" default:"0.2" help:"Runs that are resurrected, a third of them twice."`
	Repeated    float64 `group:"Shares from 0 to 1" default:"0.2" help:"Dispatches that come again although they were answered."`
	Tests       float64 `group:"Shares from 0 to 1" default:"0.02" help:"Runs beside which somebody presses Test."`

	RedisMayForget bool `help:"Redis is going to lose data: receipts of duplicates may be missing then, nothing else."`
	JSON           bool `name:"json" help:"Print the report as one JSON object."`

	Sink           bool   `group:"What comes out of the gateway" help:"Be a destination too, and check that every event arrives."`
	SinkListen     string `group:"What comes out of the gateway" default:"127.0.0.1:9797" placeholder:"ADDR" help:"Where to take events (127.0.0.1:9797)."`
	SinkSecretFile string `group:"What comes out of the gateway" type:"path" placeholder:"FILE" help:"File with the destination's secret; without it a new one is made and shown."`
}

// Help is shown by --help.
func (stormCmd) Help() string {
	return `Sends what Apify would send for so many runs, with twins, retries until 2xx, late CREATEDs and resurrections, keeps
its own books, and compares them with the gateway's through the admin API. The gateway may be killed and restarted
meanwhile. Exits 1 and lists what is wrong when anything was lost, doubled or went backwards. Ctrl-C ends the sending
and checks what was sent; a second one ends at once.

With --sink it also takes the events that the gateway hands on, and checks that each arrives, signed and byte for byte. The
gateway needs a destination for it: what to paste into its configuration is printed, and waited for.

The events stay in the gateway: don't do this to one that others rely on.`
}

// Run plays and reports.
func (c *stormCmd) Run(ctx context.Context, std streams) error {
	api, err := c.client(&c.dataDirFlag)
	if err != nil {
		return err
	}
	address, _, err := c.webhook(&c.dataDirFlag)
	if err != nil {
		return err
	}
	var sink *storm.Sink
	if c.Sink {
		if sink, err = c.openSink(ctx, std, api); err != nil {
			return err
		}
		defer sink.Close()
	}
	progress := newStormProgress(std, c.Runs)
	report, err := storm.Run(context.WithoutCancel(ctx), storm.Options{
		URL: address, Source: c.Source, API: api, Seed: c.Seed, Runs: c.Runs, Webhooks: c.Webhooks, Concurrency: c.Concurrency,
		Rate: c.Rate, Speed: c.Speed, BodySize: c.Size, Timeout: c.Timeout, MaxTime: c.For, Patience: c.Patience,
		BodySample: bodySample(c.Bodies), RedisMayForget: c.RedisMayForget, Stop: ctx.Done(), Progress: progress.show, Sink: sink,
		Mix: &storm.Mix{
			Together: c.Together, LateCreated: c.Late, EndsOnly: c.EndsOnly, Resurrected: c.Resurrected,
			Repeated: c.Repeated, Tests: c.Tests,
		},
	})
	progress.end()
	if report != nil {
		if err := c.print(std.out, report); err != nil {
			return err
		}
	}
	if err == nil && !report.OK() {
		err = errSaid
	}
	return err
}

// openSink opens a sink and waits until the gateway hands events to it.
func (c *stormCmd) openSink(ctx context.Context, std streams, api *client.Client) (*storm.Sink, error) {
	secret := newSigningSecret()
	if c.SinkSecretFile != "" {
		var err error
		if secret, err = readToken(c.SinkSecretFile); err != nil {
			return nil, err
		}
	}
	sink, err := storm.OpenSink(ctx, c.SinkListen, secret)
	if err != nil {
		return nil, err
	}
	err = sink.Await(ctx, api, func() {
		fmt.Fprintf(std.err, "The gateway does not know the sink. Put this into its configuration; a running gateway reads it by itself:\n\n"+
			"%s\nWaiting …\n", sink.YAML())
	})
	if err != nil {
		sink.Close()
		return nil, err
	}
	return sink, nil
}

// newSigningSecret makes a secret as Standard Webhooks write it.
func newSigningSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(raw)
}

// bodySample is the flag's value where 0 means none.
func bodySample(n int) int {
	if n <= 0 {
		return -1
	}
	return n
}

func (c *stormCmd) print(out io.Writer, r *storm.Report) error {
	if c.JSON {
		return printJSON(out, r)
	}
	_, err := io.WriteString(out, r.Text())
	return err
}

// stormProgress shows a bar at a terminal, else a line now and then. It is called by one goroutine.
type stormProgress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar // nil without a terminal
	phase string
	last  time.Time
}

const progressLineEvery = 5 * time.Second

func newStormProgress(std streams, runs int) *stormProgress {
	p := &stormProgress{out: std.err}
	if isTerminal(std.err) {
		p.bar = progressbar.NewOptions(runs, progressbar.OptionSetWriter(std.err), progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetDescription("sending"),
			progressbar.OptionClearOnFinish())
	}
	return p
}

func (p *stormProgress) show(s storm.Progress) {
	if p.bar != nil {
		p.bar.Describe(describe(s))
		_ = p.bar.Set(s.Done) // a terminal that is gone
		return
	}
	if s.Phase == p.phase && time.Since(p.last) < progressLineEvery {
		return
	}
	p.phase, p.last = s.Phase, time.Now()
	fmt.Fprintf(p.out, "%s: %d of %d runs, %d requests\n", describe(s), s.Done, s.Runs, s.Attempts)
}

func describe(s storm.Progress) string {
	text := s.Phase
	if s.Took > 0 && s.Phase == "sending" {
		text += fmt.Sprintf(", %.0f a second", float64(s.Delivered)/s.Took.Seconds())
	}
	if s.Down {
		text += ", no answer from the gateway"
	}
	if s.Findings > 0 {
		text += fmt.Sprintf(", %d wrong", s.Findings)
	}
	return text
}

func (p *stormProgress) end() {
	if p.bar != nil {
		_ = p.bar.Clear() // a terminal that is gone
	}
}
