// Package testkit gives tests what they need around them: PostgreSQL and Redis of their own, a network that fails on
// command, logs in the test's output, and waiting without sleeping. Only tests import it; it knows no other package of
// the project but throwaway, which starts the servers.
//
// Nothing is skipped: a test that can't have its server fails and says what to install. Servers listen on 127.0.0.1 and
// end with the test, or at the latest with the test binary.
//
// A package whose tests call [Postgres] needs
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// Helpers fail the test by t.Fatal, so call them from the test's own goroutine.
package testkit

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// The servers to use instead of private ones, for Postgres and Redis. Tests that break their server start their own always.
const (
	postgresURL = "DEDUPGATE_TEST_POSTGRES_URL"
	redisURL    = "DEDUPGATE_TEST_REDIS_URL"
)

// startPatience bounds the start of a server; a loaded machine takes seconds.
const startPatience = time.Minute

// Main runs a package's tests and then stops the PostgreSQL that they shared. It does not return.
func Main(m *testing.M) {
	shared.mainRuns.Store(true)
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// FreePort returns a port of 127.0.0.1 that nobody listens on. It stays free only by luck: listen on port 0 where you can.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := throwaway.FreePort(t.Context())
	check(t, err)
	return port
}

// Eventually calls try until it returns nil, more and more slowly, and fails the test with its last error when that takes
// longer than within.
func Eventually(t testing.TB, within time.Duration, try func() error) {
	t.Helper()
	const longestPause = 50 * time.Millisecond
	deadline := time.Now().Add(within)
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().Add(pause).After(deadline) {
			t.Fatalf("not within %v: %v", within, err)
		}
		<-time.After(pause)
	}
}
