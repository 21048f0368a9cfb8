package config

import (
	"net"
	"strconv"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Watch is what to follow, and where.
type Watch struct {
	Web      string // HOST:PORT
	Prefix   string
	ByPrefix bool // follow all with the prefix, which may be empty
	Since    uint64
	JSON     bool
}

// Watch reads the settings of a command that follows counters.
func (v Values) Watch() (Watch, error) {
	r := reader{values: v}
	w := Watch{Web: read(&r, "web", parseReach), Prefix: v.flags["prefix"], JSON: v.On("json")}
	_, w.ByPrefix = v.flags["prefix"]
	if _, given := v.flags["since"]; given {
		w.Since = read(&r, "since", parseRevision)
	}
	return w, r.err
}

// parseReach reads where somebody listens; one that listens on all interfaces is
// to be found on this machine.
func parseReach(s string) (string, error) {
	address, err := ParseAddress(s)
	if err != nil {
		return "", err
	}
	if host, port, err := net.SplitHostPort(address); err == nil && host == "" {
		return net.JoinHostPort("localhost", port), nil
	}
	return address, nil
}

func parseRevision(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, lang.Text{ES: "se espera una revisión, un número desde 0", EN: "want a revision, a number from 0"}
	}
	return n, nil
}
