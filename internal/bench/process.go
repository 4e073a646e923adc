package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit/throwaway"
)

// The longest that a process may take to come up, and to stop when asked before it is killed.
const (
	startPatience = 30 * time.Second
	stopPatience  = 30 * time.Second
)

// process is a receiver of webhooks: the gateway or a yardstick.
type process struct {
	name string
	cmd  *exec.Cmd
	end  context.CancelFunc
	done chan struct{} // closed when it has ended
	log  string        // file it logs to
}

// startProcess starts a program that logs to a file of its own in folder, as it would log to a collector. It ends in good
// order with ctx, or when it is stopped.
func startProcess(ctx context.Context, folder, name, program string, args ...string) (*process, error) {
	p := &process{name: name, done: make(chan struct{}), log: filepath.Join(folder, name+".log")}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = out.Close() }() // the process holds its own copy
	ctx, p.end = context.WithCancel(ctx)
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopPatience
	if err = p.cmd.Start(); err != nil {
		p.end()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p, nil
}

// await waits until a page of the process answers 200.
func (p *process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	client := &http.Client{Timeout: time.Second}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(ctx, client, url) {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("start %s: it ended at once; its log says:\n%s", p.name, p.tail())
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready in time; its log says:\n%s", p.name, p.tail())
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	return errors.Join(resp.Body.Close()) == nil && resp.StatusCode == http.StatusOK
}

// stop ends the process in good order and waits for it.
func (p *process) stop() {
	p.end()
	<-p.done
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return throwaway.Tail(string(text), 10)
}
