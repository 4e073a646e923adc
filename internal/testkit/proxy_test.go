package testkit_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dedupgate/dedupgate/internal/testkit"
)

var errNotYet = errors.New("not yet")

// echo is a server that answers each line with itself and remembers what it heard.
func echo(t *testing.T) (addr string, heard <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	lines := make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for in := bufio.NewScanner(conn); in.Scan(); {
					lines <- in.Text()
					if _, err := fmt.Fprintln(conn, in.Text()); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), lines
}

type talk struct {
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, addr string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &talk{conn: conn, in: bufio.NewReader(conn)}
}

func (c *talk) say(line string, within time.Duration) (string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		return "", err
	}
	answer, err := c.in.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

func TestHealthyProxyPassesEverything(t *testing.T) {
	t.Parallel()
	addr, _ := echo(t)
	c := dial(t, testkit.Proxy(t, addr).Addr())
	for _, line := range []string{"one", "two"} {
		if got, err := c.say(line, patience); err != nil || got != line {
			t.Errorf("said %q, heard %q, %v", line, got, err)
		}
	}
}

func TestCutProxyRefusesUntilRestored(t *testing.T) {
	t.Parallel()
	addr, _ := echo(t)
	proxy := testkit.Proxy(t, addr)
	c := dial(t, proxy.Addr())
	_, err := c.say("one", patience)
	must(t, err)
	proxy.Cut()
	if _, err = c.say("two", patience); err == nil {
		t.Error("an open connection survives the cut")
	}
	if _, err = net.Dial("tcp", proxy.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialing a cut proxy: %v", err)
	}
	proxy.Restore()
	if got, err := dial(t, proxy.Addr()).say("three", patience); err != nil || got != "three" {
		t.Errorf("after restoring: %q, %v", got, err)
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault func(*testkit.FlakyProxy)
		want  func(answer string, took time.Duration, err error) bool
	}{
		"hang": {
			func(p *testkit.FlakyProxy) { p.Hang() },
			func(_ string, _ time.Duration, err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) },
		},
		"latency": {
			func(p *testkit.FlakyProxy) { p.Latency(50 * time.Millisecond) },
			func(a string, took time.Duration, err error) bool {
				return err == nil && a == "hello" && took >= 50*time.Millisecond
			},
		},
		"reset": {
			func(p *testkit.FlakyProxy) { p.Reset() },
			func(_ string, _ time.Duration, err error) bool { return errors.Is(err, syscall.ECONNRESET) },
		},
		"limit": {
			func(p *testkit.FlakyProxy) { p.LimitAnswers(3) },
			func(a string, _ time.Duration, err error) bool { return errors.Is(err, io.EOF) && a == "hel" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, heard := echo(t)
			proxy := testkit.Proxy(t, addr)
			test.fault(proxy)
			start := time.Now()
			answer, err := dial(t, proxy.Addr()).say("hello", 300*time.Millisecond)
			if !test.want(answer, time.Since(start), err) {
				t.Errorf("got %q, %v after %v", answer, err, time.Since(start))
			}
			if got := <-heard; got != "hello" {
				t.Errorf("the server heard %q", got)
			}
			proxy.Heal()
			if got, err := dial(t, proxy.Addr()).say("healed", patience); err != nil || got != "healed" {
				t.Errorf("after healing: %q, %v", got, err)
			}
		})
	}
}

func TestCutAfterLosesOneAnswerAndNoRequest(t *testing.T) {
	t.Parallel()
	addr, heard := echo(t)
	proxy := testkit.Proxy(t, addr)
	one, two := dial(t, proxy.Addr()), dial(t, proxy.Addr())
	cut := proxy.CutAfter("secret")
	_, err := one.say("harmless", patience)
	must(t, err)
	if answer, err := one.say("a secret word", patience); err == nil {
		t.Errorf("answered %q", answer)
	}
	<-cut
	if got := []string{<-heard, <-heard}; got[1] != "a secret word" {
		t.Errorf("the server heard %q", got)
	}
	if got, err := two.say("a secret word", patience); err != nil || got != "a secret word" {
		t.Errorf("the second time: %q, %v", got, err)
	}
}
