package throwaway_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// ownerMark turns this test binary into an owner of two servers that waits to be killed.
const ownerMark = "DEDUPGATE_TEST_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerMark) != "" {
		fmt.Fprintln(os.Stderr, own())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// own returns only when a server does not start.
func own() error {
	ctx := context.Background()
	postgres, err := throwaway.StartPostgres(ctx)
	if err != nil {
		return err
	}
	redis, err := throwaway.StartRedis(ctx)
	if err != nil {
		return err
	}
	fmt.Println(postgres.PID())
	fmt.Println(redis.PID())
	select {}
}

func TestKilledOwnerLeavesNoServer(t *testing.T) {
	t.Parallel()
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerMark+"=1")
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	must(t, err)
	must(t, owner.Start())
	defer func() { _ = owner.Process.Kill() }()

	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 2 && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		must(t, err)
		pids = append(pids, pid)
	}
	if len(pids) < 2 {
		t.Fatal("the owner started no servers")
	}
	must(t, owner.Process.Kill())
	_ = owner.Wait()

	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for _, pid := range pids {
		for syscall.Kill(pid, 0) == nil {
			select {
			case <-deadline:
				t.Fatalf("server %d outlives its owner", pid)
			case <-tick.C:
			}
		}
	}
}
