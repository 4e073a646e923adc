package app

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/config"
)

func TestOnlyApifysScheduleIsKnown(t *testing.T) {
	t.Parallel()
	cfg := &config.Config{Sources: []config.Source{{Name: "apify", Kind: config.KindApify}, {Name: "shop", Kind: config.KindGeneric}}}
	for source, want := range map[string]int{"apify": 11, "shop": 0, "nobody": 0} {
		if got := scheduleOf(cfg, source); len(got) != want {
			t.Errorf("%s: %d retries, want %d", source, len(got), want)
		}
	}
}
