package redisfront_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/redisfront"
	"github.com/dedupgate/dedupgate/internal/testkit"
)

func TestADeadRedisIsNoticedWithoutRequests(t *testing.T) {
	t.Parallel()
	server := testkit.StartRedis(t)
	front, err := redisfront.Open(t.Context(), redisfront.Options{
		Mode: redisfront.ModeSingle, Addrs: []string{server.Addr()}, ProbeEvery: 20 * time.Millisecond, Timeout: 200 * time.Millisecond,
		Log: testkit.Logger(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = front.Close() })
	if front.Degraded() {
		t.Fatal("left out from the start")
	}
	server.Kill()
	testkit.Eventually(t, 10*time.Second, func() error {
		if !front.Degraded() {
			return errors.New("still believed to be up")
		}
		return nil
	})
	server.Restart()
	testkit.Eventually(t, 10*time.Second, func() error {
		if front.Degraded() {
			return errors.New("not taken back in")
		}
		return nil
	})
}
