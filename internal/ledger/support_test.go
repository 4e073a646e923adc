package ledger

import (
	"strings"
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

// expectQuietLog fails when the server has logged a unique violation, or any other error.
func expectQuietLog(t *testing.T, server *testkit.PostgresServer) {
	t.Helper()
	for line := range strings.Lines(server.Log()) {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "duplicate key value") {
			t.Errorf("the server logged: %s", line)
		}
	}
}
