package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/cuenta-server/cuenta/internal/spawn"
)

// redis is a real Redis, as durable as it can be: every write is synced before its
// answer. It listens on a Unix socket, so that it takes nobody's port.
type redis struct {
	mother     *spawn.Mother
	executable string
	dir        string
	life       *child
}

// findRedis returns the path of a Redis, empty if none is installed.
func findRedis() string {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return ""
	}
	return path
}

func (r *redis) socket() string { return filepath.Join(r.dir, "redis.sock") }

// start begins a life and returns when it answers.
func (r *redis) start(ctx context.Context) error {
	data := filepath.Join(r.dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	log := filepath.Join(r.dir, "redis.log")
	life, err := bear(r.mother, r.dir, log, r.executable, "--port", "0", "--unixsocket", r.socket(), "--dir", data,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err != nil {
		return err
	}
	r.life = life
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	probe := newRESP("unix", r.socket())
	defer probe.close()
	for {
		if _, err = probe.ask(ctx, "PING"); err == nil {
			return nil
		}
		if life.gone() {
			return fmt.Errorf("redis does not start: %s", lastLine(log))
		}
		if err := sleep(ctx, 2*time.Millisecond); err != nil {
			return fmt.Errorf("redis does not start: %w", err)
		}
	}
}

func (r *redis) kill() {
	if r.life != nil {
		r.life.kill()
	}
}
