package deduptest_test

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/dedup/deduptest"
)

func TestReferenceLedger(t *testing.T) {
	t.Parallel()
	deduptest.RunLedger(t, func(*testing.T) deduptest.LedgerFixture {
		l := deduptest.NewLedger()
		return deduptest.LedgerFixture{Ledger: l, Hits: l, Books: l}
	})
}
