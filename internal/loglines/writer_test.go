package loglines_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/loglines"
)

// collector remembers what was written in each call.
type collector struct {
	mu     sync.Mutex
	writes []string
}

func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, string(p))
	return len(p), nil
}

func (c *collector) written() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.writes)
}

// open gives a logger of bare messages, what it has written, and its writer.
func open() (*slog.Logger, *collector, *loglines.Writer) {
	var c collector
	w := loglines.NewWriter(&c)
	leave := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(loglines.Handler(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: leave}), w)), &c, w
}

func want(t *testing.T, c *collector, writes ...string) {
	t.Helper()
	if got, want := fmt.Sprintf("%q", c.written()), fmt.Sprintf("%q", writes); got != want {
		t.Fatalf("written\n\t%s\nwant\n\t%s", got, want)
	}
}

func TestLinesOfAMomentTravelTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, c, _ := open()
		log.Info("a")
		time.Sleep(loglines.Delay / 2)
		log.With("of", "b").Info("b")
		want(t, c)
		time.Sleep(loglines.Delay/2 + 1)
		want(t, c, "msg=a\nmsg=b of=b\n")
		log.WithGroup("g").Info("c", "n", 1)
		time.Sleep(loglines.Delay + 1)
		want(t, c, "msg=a\nmsg=b of=b\n", "msg=c g.n=1\n")
	})
}

func TestNoWarningWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, c, _ := open()
		log.Info("a")
		log.Warn("b")
		want(t, c, "msg=a\nmsg=b\n")
		log.With("x", 1).WithGroup("g").Error("c")
		want(t, c, "msg=a\nmsg=b\n", "msg=c x=1\n")
		time.Sleep(2 * loglines.Delay)
		want(t, c, "msg=a\nmsg=b\n", "msg=c x=1\n") // nothing is written twice
	})
}

func TestFlushWritesWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, c, w := open()
		w.Flush()
		want(t, c)
		log.Info("a")
		w.Flush()
		want(t, c, "msg=a\n")
	})
}

func TestNeitherManyLinesNorALongOneWaitInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, c, _ := open()
		line := strings.Repeat("x", 1000)
		for range 100 {
			log.Info("line", "text", line)
		}
		if got := c.written(); len(got) != 1 || len(got[0]) < 60_000 || len(got[0]) > 64<<10 {
			t.Fatalf("%d writes while 100 lines of 1 KB waited, want one of nearly 64 KiB", len(got))
		}
		long := strings.Repeat("y", 100_000)
		log.Info("long", "text", long)
		time.Sleep(loglines.Delay + 1)
		if all := strings.Join(c.written(), ""); strings.Count(all, "\n") != 101 || !strings.HasSuffix(all, "text="+long+"\n") {
			t.Errorf("%d lines are written, want 101, the long one last", strings.Count(all, "\n"))
		}
	})
}

func TestLinesOfManyStayWhole(t *testing.T) {
	t.Parallel()
	log, c, w := open()
	const writers, lines = 8, 500
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for n := range lines {
				log.Info("line", "of", i, "n", n)
			}
		})
	}
	wg.Wait()
	w.Flush()
	next := map[int]int{}
	for line := range strings.Lines(strings.Join(c.written(), "")) {
		var of, n int
		if _, err := fmt.Sscanf(line, "msg=line of=%d n=%d\n", &of, &n); err != nil || next[of] != n {
			t.Fatalf("line %q (%v), want n=%d", line, err, next[of])
		}
		next[of]++
	}
	for i := range writers {
		if next[i] != lines {
			t.Errorf("%d lines of writer %d, want %d", next[i], i, lines)
		}
	}
}
