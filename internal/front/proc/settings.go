package proc

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// settings is what a server tells a worker at its start.
type settings struct {
	Pool         bool // the descriptor is the listener, not a connection
	Cells        bool // there are cells to map
	MaxConns     int
	IdleTimeout  time.Duration
	LineTimeout  time.Duration
	WriteTimeout time.Duration
}

// The descriptors that a worker is born with.
const (
	fdLink       = 3 + iota
	fdServerBell // to ring
	fdWorkerBell // to be woken by
	fdLifeline   // a pipe that ends when the server does
	fdSocket     // the connection, or the listener
	fdCells
)

// traffic is the sizes of what goes through a link at once.
type traffic struct {
	inFlight int // messages that a worker has not seen the answers to
	requests int // capacity of the ring of requests, in bytes
	answers  int // of answers; always room for one to each message in flight
}

// A worker of one connection is small, because there may be many. The request
// ring need not hold all that may be in flight: a worker that finds it full goes
// on when answers come.
var (
	oneConnection = traffic{inFlight: 256, requests: 16 << 10, answers: 32 << 10}
	poolOf        = traffic{inFlight: 1024, requests: 64 << 10, answers: 128 << 10}
)

func (s *settings) traffic() traffic {
	if s.Pool {
		return poolOf
	}
	return oneConnection
}

// environment returns the settings as a worker's environment.
func (s *settings) environment() (string, error) {
	value, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("proc: settings of a worker: %w", err)
	}
	return workerEnv + "=" + string(value), nil
}

func settingsFromEnvironment() (settings, error) {
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv(workerEnv)), &s); err != nil {
		return s, fmt.Errorf("%s is set, but not by a server: %w", workerEnv, err)
	}
	return s, nil
}
