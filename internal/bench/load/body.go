package load

import (
	_ "embed"
	"fmt"
)

// sampleRunID is the run id in both bodies; it is replaced in every request.
const sampleRunID = "ojue2pKvaKRjkewuJ"

var (
	//go:embed bodies/small.json
	smallBody []byte
	//go:embed bodies/large.json
	largeBody []byte
)

// Body gives a SUCCEEDED event in the sender's default shape, compact JSON: "small" has 1.6 KB, "large" 3.5 KB.
func Body(size string) ([]byte, error) {
	switch size {
	case "small":
		return smallBody, nil
	case "large":
		return largeBody, nil
	}
	return nil, fmt.Errorf("no body %q: choose small (1.6 KB) or large (3.5 KB)", size)
}
