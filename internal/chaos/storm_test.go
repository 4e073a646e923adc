package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/client"
	"github.com/dedupgate/dedupgate/internal/storm"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

// stormAt plays Apify against a gateway while trouble is made, and wants the books in order. trouble is called again and
// again, until the sending ends or it returns false. A gateway may see one storm after another: each has runs of its own.
func stormAt(t *testing.T, g *gateway, runs int, trouble func() bool) {
	t.Helper()
	api, err := client.New(client.Options{BaseURL: "http://" + g.admin, Token: adminToken})
	if err != nil {
		t.Fatal(err)
	}
	troubleDone, sendingDone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(troubleDone)
		for trouble() {
			select {
			case <-sendingDone:
				return
			default:
			}
		}
	}()
	sent := false
	report, err := storm.Run(context.Background(), storm.Options{
		URL: g.WebhookURL(), API: api, Runs: runs, Concurrency: 16, Speed: 6000, MaxTime: 3 * time.Minute, RedisMayForget: false,
		Progress: func(p storm.Progress) {
			if !sent && p.Phase != "sending" {
				sent = true
				close(sendingDone)
			}
		},
	})
	if !sent {
		close(sendingDone)
	}
	<-troubleDone
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", report.Text())
	if !report.OK() {
		t.Errorf("the storm found something wrong (seed %d)", report.Seed)
	}
}

func TestKilledAgainAndAgainUnderStorm(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "a", testkit.Postgres(t), testkit.Redis(t))
	kills := 0
	var down time.Duration // last time: a gateway that is hardly ever up is given up by senders, who try twelve times
	trouble := func() bool {
		pause(max(down, time.Duration(300+rand.IntN(700))*time.Millisecond))
		killed := time.Now()
		g.Kill()
		kills++
		g.Start()
		err := g.eventuallyReady()
		down = time.Since(killed)
		return err == nil && kills < 8
	}
	// How many kills fit into one storm is a matter of how fast the machine starts a gateway.
	for storms := 0; kills < 5 && !t.Failed(); storms++ {
		if storms == 5 {
			t.Fatalf("%d storms were over after %d kills: they prove little", storms, kills)
		}
		stormAt(t, g, 400, trouble)
	}
}

// pause lets a storm rage for a while: the time between two kills is part of what is tested, no race is settled by it.
func pause(d time.Duration) { <-time.After(d) }

// eventuallyReady is WaitReady for goroutines that can't fail the test.
func (g *gateway) eventuallyReady() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := g.ready()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		pause(20 * time.Millisecond)
	}
}

func TestStormInFairWeather(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "a", testkit.Postgres(t), testkit.Redis(t))
	stormAt(t, g, 200, func() bool { return false })
	if err := g.Terminate(); err != nil {
		t.Error(fmt.Errorf("exit after SIGTERM: %w", err))
	}
}
