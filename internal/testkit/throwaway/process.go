package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a child process that is waited for from its start on.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs cmd. The kernel ties the parent-death signal to the thread that forks, not to the process, so the thread is
// kept for as long as the child lives.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p, <-started
}

// run runs cmd to its end, or to ctx's, and returns what it wrote.
func run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := start(cmd)
	if err != nil {
		return "", err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), p.killTree())
	}
	if !cmd.ProcessState.Success() {
		return out.String(), errors.New(cmd.ProcessState.String())
	}
	return out.String(), nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal reaches the main process; one that has ended already is fine.
func (p *process) signal(sig syscall.Signal) error {
	err := p.cmd.Process.Signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// signalTree reaches the main process first, so that a stopped one can't fork any more, and then its descendants.
func (p *process) signalTree(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil {
		return err
	}
	pids, err := descendants(p.pid())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err = syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal %v to %d: %w", sig, pid, err)
		}
	}
	return nil
}

// killTree kills the main process and its descendants, and waits until none of them runs.
func (p *process) killTree() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	pids, err := descendants(p.pid())
	if err != nil {
		return errors.Join(err, p.signal(syscall.SIGKILL))
	}
	for _, pid := range pids {
		if err = syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("kill %d: %w", pid, err)
		}
	}
	if err = p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return awaitGone(pids)
}

func awaitGone(pids []int) error {
	patience, tick := time.After(stopPatience), time.NewTicker(pollEvery)
	defer tick.Stop()
	for _, pid := range pids {
		for running(pid) {
			select {
			case <-patience:
				return fmt.Errorf("process %d survives SIGKILL", pid)
			case <-tick.C:
			}
		}
	}
	return nil
}
