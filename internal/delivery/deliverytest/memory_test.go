package deliverytest_test

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/delivery/deliverytest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	deliverytest.Run(t, func(*testing.T) deliverytest.Fixture {
		m := &deliverytest.Memory{}
		return deliverytest.Fixture{Store: m, Clerk: m}
	})
}
