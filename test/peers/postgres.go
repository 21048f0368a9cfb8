//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// postgresKeys is how many counters there are, as many as redis-benchmark -r 100000 makes.
const postgresKeys = 100_000

// Names of 16 bytes, as everywhere else. Half of each page is left free for new
// versions of its rows, which is what one does to a table of counters.
const postgresSchema = `CREATE TABLE counters (name text PRIMARY KEY, value bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO counters SELECT 'key:' || lpad(i::text, 12, '0'), 0 FROM generate_series(0, 99999) AS i;
VACUUM ANALYZE counters;
CHECKPOINT;
`

const postgresScript = `\set key random(0, 99999)
UPDATE counters SET value = value + 1 WHERE name = 'key:' || lpad(:key::text, 12, '0') RETURNING value;
`

// startPostgres makes a cluster with Debian's PostgreSQL and its defaults, which
// are durable, but for more shared memory.
func (w *workshop) startPostgres(ctx context.Context) (*contestant, error) {
	as, owner, err := postgresUser()
	if err != nil {
		return nil, err
	}
	dir := w.path("postgres")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := exec.CommandContext(ctx, postgresProgram("initdb"), "-D", dir, "-U", owner, "--auth=trust", "--no-instructions", "--encoding=UTF8", "--locale=C")
	initdb.Dir = w.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := w.start("postgres", as, postgresProgram("postgres"), "-D", dir, "-p", port, "-k", dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=512MB", "-c", "max_connections=120")
	if err != nil {
		return nil, err
	}
	p.quit = syscall.SIGINT // its "fast" shutdown
	c := &contestant{name: "PostgreSQL", note: "`UPDATE … RETURNING`, prepared, durable as by default", process: p, address: "127.0.0.1:" + port}
	c.login = []string{"-h", "127.0.0.1", "-p", port, "-U", owner}
	err = p.await(ctx, func() error {
		return exec.CommandContext(ctx, postgresProgram("pg_isready"), "-q", "-h", "127.0.0.1", "-p", port).Run()
	})
	if err != nil {
		return nil, err
	}
	psql := exec.CommandContext(ctx, postgresProgram("psql"), append(slices.Clone(c.login), "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", "postgres")...)
	if err := os.WriteFile(w.path("schema.sql"), []byte(postgresSchema), 0o644); err != nil {
		return nil, err
	}
	if psql.Stdin, err = os.Open(w.path("schema.sql")); err != nil {
		return nil, err
	}
	if out, err := psql.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("psql: %w\n%s", err, out)
	}
	return c, os.WriteFile(w.path("update.sql"), []byte(postgresScript), 0o644)
}

// postgresUser returns whom to run the server as: it refuses to run as root.
func postgresUser() (*syscall.Credential, string, error) {
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return nil, "", err
		}
		return nil, u.Username, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, "", err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, "", err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, "", err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, u.Username, nil
}

// postgresProgram finds a program of the newest version that Debian has
// installed; only some of them are in the PATH.
func postgresProgram(name string) string {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return name
	}
	return found[len(found)-1]
}
