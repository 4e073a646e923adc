package redisfront_test

import (
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/dedup"
	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestClaimsAreMeasured(t *testing.T) {
	t.Parallel()
	f := openSingle(t, testkit.StartRedis(t).Addr())
	mark := dedup.Mark{Incarnation: dedup.Incarnation{1}, EventID: dedup.NewID(time.Now()), Tag: "WOa1nBxEJk9MpBiQr"}
	keys := make([]dedup.Key, 20)
	settlements := make([]dedup.Settlement, 10)
	for i := range keys {
		keys[i] = newKey()
		if i < len(settlements) {
			settlements[i] = dedup.Settlement{Key: keys[i], Mark: mark, Window: time.Hour}
		}
	}
	must(t, f.Settle(t.Context(), settlements))
	m, err := f.Measure(t.Context(), keys)
	if err != nil || m.Keys != 10 || m.BytesPerKey < 150 || m.BytesPerKey > 300 {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err = f.Measure(t.Context(), keys[10:]); err == nil {
		t.Errorf("measured nothing and got %+v", m)
	}
}

func TestTheEmbeddedRedisIsNotMeasured(t *testing.T) {
	t.Parallel()
	f := open(t, redisfront.Options{Mode: redisfront.ModeEmbedded})
	if m, err := f.Measure(t.Context(), []dedup.Key{newKey()}); err == nil {
		t.Errorf("%+v", m)
	}
}
