package ledger

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestACommitIsDurableWhateverTheServerSays(t *testing.T) {
	t.Parallel()
	server := testkit.StartPostgres(t, "synchronous_commit = off")
	opts := Options{URL: server.DSN()}
	if _, err := Migrate(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), opts, testkit.Logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var setting string
	if err := l.db.Raw("SHOW synchronous_commit").Scan(&setting).Error; err != nil || setting != "on" {
		t.Errorf("synchronous_commit is %q, %v; a 2xx would be no receipt", setting, err)
	}
}
