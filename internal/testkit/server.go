package testkit

import (
	"context"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// What the two kinds of server share.

// logTail is how many lines of a server's log a failed test shows.
const logTail = 40

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func restart(t testing.TB, server *throwaway.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	check(t, server.Restart(ctx))
}

func serverLog(t testing.TB, server *throwaway.Server) string {
	t.Helper()
	text, err := server.Log()
	check(t, err)
	return text
}

func closeServer(t testing.TB, name string, server *throwaway.Server, stop func() error) {
	t.Helper()
	if text, err := server.Log(); t.Failed() && err == nil {
		t.Logf("the end of %s's log:\n%s", name, throwaway.Tail(text, logTail))
	}
	check(t, stop())
}
