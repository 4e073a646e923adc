package throwaway

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Redis is a private Redis server. It keeps nothing over Kill or Restart unless its configuration says "appendonly yes".
type Redis struct{ *Server }

// StartRedis starts a server. The lines of config, such as "maxmemory 2mb", go to the end of redis.conf; "loglevel" must
// stay at notice or below, since the log says when the server is ready. ctx bounds the start only.
func StartRedis(ctx context.Context, config ...string) (*Redis, error) {
	program, err := binary("redis-server", "redis-server", "/opt/homebrew/bin", "/usr/local/bin")
	if err != nil {
		return nil, err
	}
	home, err := newFolder()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(home.path, "redis.conf")
	r := &Redis{&Server{
		name: "Redis", folder: home, stop: syscall.SIGTERM, abort: syscall.SIGKILL,
		launch: func(port int) *exec.Cmd {
			cmd := exec.Command(program, conf, "--port", strconv.Itoa(port)) //nolint:noctx // as for PostgreSQL
			cmd.Dir = home.path
			cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
			cmd.SysProcAttr = &syscall.SysProcAttr{}
			dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)
			return cmd
		},
	}}
	lines := append([]string{"bind 127.0.0.1", "daemonize no", `save ""`, "appendonly no"}, config...)
	if err = appendLines(conf, lines); err == nil {
		err = r.first(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// appendLines adds lines to a configuration file, making it when it isn't there.
func appendLines(path string, lines []string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	_, err = file.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	return errors.Join(err, file.Close())
}
