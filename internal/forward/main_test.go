package forward

import (
	"testing"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
