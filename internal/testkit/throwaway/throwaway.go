// Package throwaway starts private PostgreSQL and Redis servers that live no longer than the process that started them:
// on 127.0.0.1, on a free port, with their files in a folder of their own under the temporary folder. Tests reach it through testkit;
// the benchmark and the fault harness may import it directly. It imports the standard library only.
//
// Promises. Close stops the server by its process id and removes its folder. When the process that owns a server dies
// without Close, kill -9 included, the kernel stops the server (Linux), and the next server started anywhere on the
// machine removes the folder left behind. Nothing is ever killed by name, and no unix socket or system service is touched.
//
// A server can be killed, paused, resumed and restarted on the same port and files: that is what the outage tests are made
// of. PostgreSQL refuses to run as root; started by root it runs as the account "postgres" or, without that, "nobody".
package throwaway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// readyText is what both servers log once they accept connections; the first letter's case differs.
	readyText = "eady to accept connections"
	// portTakenText is what both servers log when somebody else holds their port.
	portTakenText = "ddress already in use"
	// stopPatience is how long a server may take to stop when asked, before it is killed.
	stopPatience = 10 * time.Second
	// pollEvery is the pause between two looks at a log or at the process table.
	pollEvery = 5 * time.Millisecond
	// portAttempts bounds the search for a port that nobody takes between our look and the server's bind.
	portAttempts = 5
)

var errPortTaken = errors.New("its port was taken by another process")

// Server is a running server. Its methods may be called from any goroutine; they take turns.
type Server struct {
	name   string // for errors
	folder *folder
	launch func(port int) *exec.Cmd
	stop   syscall.Signal // ends it in good order, cutting off clients
	abort  syscall.Signal // ends it at once

	mu     sync.Mutex // guards port and proc
	port   int
	proc   *process // nil after Kill or Close
	closed bool
}

// Addr is the server's host:port; it stays the same over Kill and Restart.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
}

// PID is the id of the server's main process, 0 when it isn't running.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return 0
	}
	return s.proc.pid()
}

// Log is all that the server has written since its first start, over restarts.
func (s *Server) Log() (string, error) {
	text, err := os.ReadFile(s.logPath())
	return string(text), err
}

// Kill ends the server and its child processes with SIGKILL and waits until they are gone, as a crash of the machine would
// end them. Killing a dead server does nothing.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

// Pause freezes the server and its child processes: connections stay open and new ones are accepted by the kernel, but
// nobody answers.
func (s *Server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return fmt.Errorf("pause %s: it isn't running", s.name)
	}
	return s.proc.signalTree(syscall.SIGSTOP)
}

// Resume thaws a paused server.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return fmt.Errorf("resume %s: it isn't running", s.name)
	}
	return s.proc.signalTree(syscall.SIGCONT)
}

// Restart starts the server again on the same port and files, stopping it in good order first if it runs. It returns when
// the server accepts connections.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("restart %s: it is closed", s.name)
	}
	if err := s.end(s.stop); err != nil {
		return err
	}
	return s.boot(ctx)
}

// Close stops the server and removes its files. Closing twice does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.end(s.abort), s.folder.remove())
}

// first starts the server for the first time, on a port that is free.
func (s *Server) first(ctx context.Context) error {
	var err error
	for range portAttempts {
		if s.port, err = FreePort(ctx); err != nil {
			return err
		}
		if err = s.boot(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// boot starts the process and waits until it accepts connections.
func (s *Server) boot(ctx context.Context) error {
	out, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	defer func() { _ = out.Close() }() // the server holds its own copy
	written, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	cmd := s.launch(s.port)
	cmd.Stdout, cmd.Stderr = out, out
	if s.proc, err = start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	if err = s.awaitReady(ctx, written); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", s.name, err), s.kill())
	}
	return nil
}

// awaitReady reads the log from the given offset on until the server says that it is ready, has ended, or ctx is done.
func (s *Server) awaitReady(ctx context.Context, offset int64) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		var ended bool
		select {
		case <-s.proc.done:
			ended = true
		case <-ctx.Done():
		case <-tick.C:
		}
		text, err := s.Log()
		if err != nil {
			return err
		}
		said := text[min(offset, int64(len(text))):]
		switch {
		case strings.Contains(said, readyText) && !ended:
			return nil
		case ended && strings.Contains(said, portTakenText):
			return errPortTaken
		case ended:
			return fmt.Errorf("it ended at once; its log says:\n%s", Tail(said, 20))
		case ctx.Err() != nil:
			return fmt.Errorf("%w; its log says:\n%s", ctx.Err(), Tail(said, 20))
		}
	}
}

// end asks the running server to stop and kills it when it doesn't.
func (s *Server) end(signal syscall.Signal) error {
	if s.proc == nil {
		return nil
	}
	// A paused server can't hear the signal.
	if err := errors.Join(s.proc.signalTree(syscall.SIGCONT), s.proc.signal(signal)); err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", s.name, err), s.kill())
	}
	select {
	case <-s.proc.done:
		s.proc = nil
		return nil
	case <-time.After(stopPatience):
		return s.kill()
	}
}

func (s *Server) kill() error {
	if s.proc == nil {
		return nil
	}
	if err := s.proc.killTree(); err != nil {
		return fmt.Errorf("kill %s: %w", s.name, err)
	}
	s.proc = nil
	return nil
}

func (s *Server) logPath() string { return filepath.Join(s.folder.path, "log") }

// Tail returns the last lines of a text.
func Tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
