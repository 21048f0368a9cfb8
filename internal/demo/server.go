package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/spawn"
)

const (
	// A start takes tens of milliseconds; this is for machines that are busy.
	startPatience = 20 * time.Second

	// After a kill a port may for a moment still be somebody's.
	startTries = 20
	startPause = 50 * time.Millisecond

	addressesName = "addresses.json"
	logName       = "cuenta.log"
)

// server is Cuenta under test: one data directory, many lives.
type server struct {
	mother     *spawn.Mother
	executable string
	dir        string
	host       string            // that it listens on
	addresses  map[string]string // front → address, the same in every life
	life       *child
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// ports are the fronts that listen on a port.
var ports = []string{cuenta.FrontUDP, cuenta.FrontTCP, cuenta.FrontProc, cuenta.FrontWeb, cuenta.FrontRPC, cuenta.FrontRESP}

// start begins a life of the server and returns when it listens.
func (s *server) start(ctx context.Context) error {
	for try := 1; ; try++ {
		err := s.tryStart(ctx)
		if err == nil || ctx.Err() != nil || try == startTries || s.life == nil { // no program was started at all
			return err
		}
		if err := sleep(ctx, startPause); err != nil {
			return err
		}
	}
}

func (s *server) tryStart(ctx context.Context) error {
	file := filepath.Join(s.dir, addressesName)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	life, err := bear(s.mother, s.dir, filepath.Join(s.dir, logName), s.executable, s.arguments(file)...)
	if err != nil {
		return err
	}
	s.life = life
	s.addresses, err = s.awaitAddresses(ctx, file)
	if err != nil {
		life.kill()
	}
	return err
}

// ownHost is a loopback address that nobody else uses: there a port is still free
// when the server comes back, whatever ports clients have taken on 127.0.0.1
// meanwhile. Only Linux has more than that one.
func ownHost() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
}

// arguments are those of `serve`. The first life chooses its ports, and later ones
// have the same.
func (s *server) arguments(file string) []string {
	args := []string{"serve", "--data", s.data(), "--addresses", file,
		"--workers", "2", "--log-level", "warn", "--lang", "en"}
	for _, front := range ports {
		address, known := s.addresses[front]
		switch {
		case front == cuenta.FrontProc && runtime.GOOS != "linux":
			address = "off"
		case !known:
			address = s.host + ":0"
		}
		args = append(args, "--"+front, address)
	}
	return args
}

// awaitAddresses waits for the file that tells that every front listens.
func (s *server) awaitAddresses(ctx context.Context, file string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		text, err := os.ReadFile(file)
		if err == nil {
			var addresses map[string]string
			err = json.Unmarshal(text, &addresses)
			return addresses, err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return s.addresses, err
		}
		if s.life.gone() {
			return s.addresses, fmt.Errorf("the server does not start: %s", lastLine(filepath.Join(s.dir, logName)))
		}
		if err := sleep(ctx, 2*time.Millisecond); err != nil {
			return s.addresses, fmt.Errorf("the server does not start: %w", err)
		}
	}
}

// kill ends the server's life as a power cut of the process would.
func (s *server) kill() {
	if s.life != nil {
		s.life.kill()
	}
}

// surroundings leaves the settings of a server out of an environment.
func surroundings(environ []string) (kept []string) {
	for _, variable := range environ {
		if !strings.HasPrefix(variable, "CUENTA_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// lastLine returns the last line of a log, to be shown.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// sleep waits, and fails if ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
