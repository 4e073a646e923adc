package throwaway

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports to choose from lie below those that Linux and macOS give to outgoing connections, so that no client takes a
// server's port while the server restarts.
const (
	lowestPort  = 20000
	portChoices = 12000
)

// FreePort returns a port of 127.0.0.1 that nobody listens on. It stays free only by luck; listen on port 0 instead where
// you can.
func FreePort(ctx context.Context) (int, error) {
	var listener net.ListenConfig
	var last error
	for range 100 {
		port := lowestPort + rand.IntN(portChoices) //nolint:gosec // a port is no secret
		l, err := listener.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %w", lowestPort, lowestPort+portChoices, last)
}
