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
	memory
	workers    int64 // bytes of memory, of all its processes
	files      int64 // open descriptors
	goroutines int64
	open       int64 // connections, those of the console left out
	requests   int64 // of all fronts, since the start
	recent     int64 // of them in the last two minutes
	keys       int64 // remembered
	sessions   int64
	identities int64 // bytes that these are accounted for with
	peak       peak
}

// peak is the most that was remembered, by then.
type peak struct {
	keys       int64
	identities int64
}

// memory is how many bytes a process has in memory.
type memory struct {
	resident int64 // in all
	own      int64 // shared with nobody, and from no file
	shared   int64 // with other processes: the rings and the cells
}

// read takes the measure of the arena's present life.
func (a *arena) read(ctx context.Context) (g gauge, err error) {
	if g.memory, err = memoryOf(a.life.pid); err != nil {
		return g, err
	}
	for _, pid := range a.workers() {
		if m, err := memoryOf(pid); err == nil { // otherwise it has ended
			g.workers += m.resident
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
		Identities struct{ Sessions, Keys, Memory int64 }
		Fronts     []struct {
			Name           string
			Open, Requests int64
		}
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return fmt.Errorf("info: %w", err)
	}
	g.goroutines = said.Service.Goroutines
	g.keys, g.sessions, g.identities = said.Identities.Keys, said.Identities.Sessions, said.Identities.Memory
	for _, front := range said.Fronts {
		g.requests += front.Requests
		if front.Name != "socket" {
			g.open += front.Open
		}
	}
	return nil
}

func memoryOf(pid int) (m memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return m, err
	}
	for name, bytes := range map[string]*int64{"VmRSS": &m.resident, "RssAnon": &m.own, "RssShmem": &m.shared} {
		_, rest, ok := strings.Cut(string(text), "\n"+name+":")
		if !ok {
			return m, fmt.Errorf("process %d has no memory", pid)
		}
		kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		if err != nil {
			return m, err
		}
		*bytes = kib << 10
	}
	return m, nil
}

const mib = 1 << 20
