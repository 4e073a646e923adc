package forward

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAttemptsGiveWayToSendersForAMoment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		busy func(since time.Duration) bool // nil: nobody can tell
		want time.Duration
	}{
		"nobody can tell":   {nil, 0},
		"nobody waits":      {func(time.Duration) bool { return false }, 0},
		"they are answered": {func(d time.Duration) bool { return d < 103*time.Millisecond }, 100*time.Millisecond + calm},
		"with short breaks": {func(d time.Duration) bool { return d < time.Second && d%(30*time.Millisecond) == 0 }, 990*time.Millisecond + calm},
		"a storm goes on":   {func(time.Duration) bool { return true }, longestWay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				way := courtesy{}
				if c.busy != nil {
					way.busy = func() bool { return c.busy(time.Since(start)) }
				}
				if way.giveWay(); time.Since(start) != c.want {
					t.Errorf("waited %s, want %s", time.Since(start), c.want)
				}
			})
		})
	}
}

func TestInAStormAttemptsHaveTheirTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		stopping := make(chan struct{})
		way := courtesy{busy: func() bool { return true }, stopping: stopping}
		begun := 0
		for time.Since(start) < 2*(longestWay+ownTurn) {
			way.giveWay()
			begun++
			time.Sleep(100 * time.Millisecond)
		}
		if begun != 2*10 {
			t.Errorf("%d began in two turns of ten", begun)
		}
		close(stopping)
		before := time.Now()
		if way.giveWay(); time.Since(before) != 0 {
			t.Errorf("who stops waits for %s", time.Since(before))
		}
	})
}
