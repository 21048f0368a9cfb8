//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// gauge is what a server takes at one moment.
type gauge struct {
	resident   int64 // bytes of memory
	workers    int64 // bytes of memory, of all its processes
	files      int64 // open descriptors
	goroutines int64
	open       int64 // connections, those of the console left out
	requests   int64 // of all fronts, since the start
	keys       int64 // remembered
	sessions   int64
}

// read takes the measure of the arena's present life.
func (a *arena) read(ctx context.Context) (g gauge, err error) {
	if g.resident, err = resident(a.life.pid); err != nil {
		return g, err
	}
	for _, pid := range a.workers() {
		if bytes, err := resident(pid); err == nil { // otherwise it has ended
			g.workers += bytes
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", a.life.pid))
	if err != nil {
		return g, err
	}
	g.files = int64(len(files))
	var text string
	err = a.ask(ctx, func(ctx context.Context, c *rpcclient.Client) (err error) {
		text, err = c.InfoJSON(ctx)
		return err
	})
	if err != nil {
		return g, err
	}
	return g, g.info(text)
}

// info takes in what the server says of itself.
func (g *gauge) info(text string) error {
	var said struct {
		Service    struct{ Goroutines int64 }
		Identities struct{ Sessions, Keys int64 }
		Fronts     []struct {
			Name           string
			Open, Requests int64
		}
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return fmt.Errorf("info: %w", err)
	}
	g.goroutines = said.Service.Goroutines
	g.keys, g.sessions = said.Identities.Keys, said.Identities.Sessions
	for _, front := range said.Fronts {
		g.requests += front.Requests
		if front.Name != "socket" {
			g.open += front.Open
		}
	}
	return nil
}

// resident is how much memory a process has.
func resident(pid int) (bytes int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no memory", pid)
}

const mib = 1 << 20
