package forward

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMigratingTwiceIsMigratingOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, b *bed) { // the bed has migrated already
		steps, err := Migrate(t.Context(), b.db, b.log)
		must(t, err)
		if len(steps) != 0 {
			t.Errorf("it took %v again", steps)
		}
		all, err := MigrationStatus(t.Context(), b.db, b.log)
		must(t, err)
		if len(all) < 6 {
			t.Errorf("only %v", all)
		}
		for i, step := range all {
			if !step.Applied || step.Version != i+1 || step.Name == "" {
				t.Errorf("%+v", step)
			}
		}
	})
}

func TestTheStatusOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := Database{Postgres: postgresPool(t, testkit.Postgres(t))}
	all, err := MigrationStatus(t.Context(), db, testkit.Logger(t))
	must(t, err)
	for _, step := range all {
		if step.Applied {
			t.Errorf("%+v", step)
		}
	}
	if _, err = Migrate(t.Context(), Database{}, testkit.Logger(t)); err == nil {
		t.Error("no database was migrated")
	}
}

func TestRiverStillHasTheIndexesThatAreDropped(t *testing.T) {
	t.Parallel()
	if want := 5; len(usedIndexes()) != want {
		t.Errorf("%v: look at what River's schema has become", usedIndexes())
	}
}
