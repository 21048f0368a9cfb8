//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A redisMode is a way to run Redis, beside its defaults.
type redisMode struct {
	name, note string
	flags      []string
}

var redisModes = []redisMode{
	{"Redis always", "`appendfsync always`: fsync before every answer", []string{"--appendonly", "yes", "--appendfsync", "always"}},
	{"Redis everysec", "`appendfsync everysec`: a crash may lose the last second", []string{"--appendonly", "yes", "--appendfsync", "everysec"}},
	{"Redis off", "persistence off: a crash loses everything", []string{"--appendonly", "no"}},
}

// dir is the name of the mode without a space.
func (m *redisMode) dir() string { return strings.ReplaceAll(m.name, " ", "-") }

// startRedis starts Debian's redis-server with its data in dir, which may hold some already.
func (w *workshop) startRedis(ctx context.Context, mode redisMode, dir string, more ...string) (*contestant, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--daemonize", "no"}, mode.flags...)
	p, err := w.start(mode.dir(), nil, "redis-server", append(args, more...)...)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: mode.name, note: mode.note, process: p, redis: true, address: "127.0.0.1:" + port}
	return c, p.await(ctx, func() error { return ping(c.address) })
}

// ping asks whether a server of the Redis protocol has everything in memory again.
func ping(address string) error {
	answer, err := ask(address, "PING")
	if err == nil && answer != "+PONG" {
		err = fmt.Errorf("PING was answered %q", answer)
	}
	return err
}

// ask sends one inline command and returns the first line of the answer.
func ask(address, command string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close() // one answer is all it was for
	if err := conn.SetDeadline(time.Now().Add(startPatience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// redisVersion takes the version out of "Redis server v=7.0.15 sha=…".
func redisVersion() string {
	_, rest, _ := strings.Cut(version("redis-server", "--version"), "v=")
	number, _, _ := strings.Cut(rest, " ")
	return "Redis " + number
}

// version returns the first line that a program says about itself.
func version(program string, args ...string) string {
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return "unknown (" + err.Error() + ")"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
