package throwaway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const postgresUser = "dedupgate"

// Postgres is a private PostgreSQL server: UTF-8, locale C, UTC, password login over TCP only, and as durable as one in
// production (fsync and synchronous_commit are on unless the configuration says otherwise).
type Postgres struct {
	*Server
	password string
}

// StartPostgres makes a database cluster and starts its server. The lines of config, such as "fsync = off", go to the end
// of postgresql.conf. ctx bounds the start only.
func StartPostgres(ctx context.Context, config ...string) (*Postgres, error) {
	places := []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"}
	initdb, initdbErr := binary("initdb", "postgresql", places...)
	program, programErr := binary("postgres", "postgresql", places...)
	if err := errors.Join(initdbErr, programErr); err != nil {
		return nil, err
	}
	account, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	home, err := newFolder()
	if err != nil {
		return nil, err
	}
	p := &Postgres{password: rand.Text()}
	data := filepath.Join(home.path, "data")
	p.Server = &Server{
		name: "PostgreSQL", folder: home, stop: syscall.SIGINT, abort: syscall.SIGQUIT,
		launch: func(port int) *exec.Cmd {
			return account.command(home.path, program, "-D", data,
				"-c", "port="+strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=")
		},
	}
	if err = account.create(ctx, home.path, initdb, p.password, config); err == nil {
		err = p.first(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// DSN is the URL of one of the server's databases; "postgres" is always there. Its user is a superuser.
func (p *Postgres) DSN(database string) string {
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresUser, p.password), Host: p.Addr(), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return dsn.String()
}

// Close stops the server and removes all it left.
func (p *Postgres) Close() error {
	id, unclean := p.sharedMemory()
	err := p.Server.Close()
	if unclean {
		removeSharedMemory(id)
	}
	return err
}

// sharedMemory reads from postmaster.pid the System V segment of a server that was killed: a server that stops in any
// other way removes both.
func (p *Postgres) sharedMemory() (id int, unclean bool) {
	if p.PID() != 0 {
		return 0, false
	}
	text, err := os.ReadFile(filepath.Join(p.folder.path, "data", "postmaster.pid"))
	lines := strings.Split(string(text), "\n")
	if err != nil || len(lines) < 7 {
		return 0, false
	}
	_, err = fmt.Sscan(lines[6], new(int), &id) // its key, its id
	return id, err == nil
}

// account is who PostgreSQL runs as; without a credential that is the current user.
type account struct{ credential *syscall.Credential }

func postgresAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err = errors.Join(uidErr, gidErr); err != nil {
			return account{}, fmt.Errorf("read the ids of user %s: %w", name, err)
		}
		return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("PostgreSQL can't run as root and there is no user postgres or nobody to run it as")
}

// command prepares a program of PostgreSQL. Nothing of our environment reaches it: PGPORT and its like would.
func (a account) command(dir, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...) //nolint:noctx // the server outlives the context of its start
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	dieWithParent(cmd.SysProcAttr, syscall.SIGQUIT)
	return cmd
}

// create runs initdb and writes the configuration.
func (a account) create(ctx context.Context, home, initdb, password string, config []string) error {
	secret := filepath.Join(home, "password")
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("create a database cluster: %w", err)
	}
	if a.credential != nil {
		for _, path := range []string{home, secret} {
			if err := os.Chown(path, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
				return fmt.Errorf("create a database cluster: %w", err)
			}
		}
	}
	data := filepath.Join(home, "data")
	cmd := a.command(home, initdb, "-D", data, "--no-sync", "--locale=C", "--encoding=UTF8",
		"--username="+postgresUser, "--auth=scram-sha-256", "--pwfile="+secret)
	if out, err := run(ctx, cmd); err != nil {
		return fmt.Errorf("create a database cluster: initdb: %w: %s", err, Tail(out, 5))
	}
	return appendLines(filepath.Join(data, "postgresql.conf"), append([]string{
		"shared_buffers = 32MB", "max_connections = 200",
		"log_line_prefix = '%m [%p] %q%u@%d %e '", // with SQLSTATE, so that tests can look for a class of error
		// In files of the server's folder, which go with it; the default leaves files in /dev/shm after a kill.
		"dynamic_shared_memory_type = mmap",
	}, config...))
}
