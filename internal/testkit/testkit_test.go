package testkit_test

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const patience = 30 * time.Second

// failing is a test that may fail: it remembers instead of ending.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper()           {}
func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }
func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}

// fatal runs what should fail and returns the words of its failure.
func fatal(t *testing.T, run func(tb testing.TB)) (said string) {
	t.Helper()
	f := &failing{TB: t}
	defer func() {
		if got := recover(); got != nil && got != any(f) {
			panic(got)
		}
		said = f.said
	}()
	run(f)
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFreePortCanBeListenedOn(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.FreePort(t))))
	must(t, err)
	must(t, l.Close())
}

func TestEventuallyWaitsForSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, calls := time.Now(), 0
		testkit.Eventually(t, time.Second, func() error {
			if calls++; time.Since(start) < 900*time.Millisecond {
				return errors.New("not yet")
			}
			return nil
		})
		if took := time.Since(start); took < 900*time.Millisecond || took > time.Second {
			t.Errorf("took %v", took)
		}
		if calls < 10 || calls > 100 {
			t.Errorf("tried %d times", calls)
		}
	})
}

func TestEventuallyGivesUpWithTheLastError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		said := fatal(t, func(tb testing.TB) {
			testkit.Eventually(tb, time.Second, func() error { return errors.New("still wrong") })
		})
		if !strings.Contains(said, "still wrong") || !strings.Contains(said, "1s") {
			t.Errorf("said %q", said)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}
