package config

import (
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// MaxWorkers is the largest pool of worker processes.
const MaxWorkers = 256

// Serve is what the server is told.
type Serve struct {
	Data string // data directory

	// Addresses to listen on, HOST:PORT; empty for a front that is left out. An
	// empty HOST means all interfaces, port 0 any free one.
	UDP, TCP, Proc, Web, RPC, RESP string

	Socket  string // path of the local console's Unix socket
	SHM     string // path of the Unix socket of the front shm; empty to leave it out
	Workers int    // size of the pool; 0 for a process per connection
	Identities
	LogLevel  slog.Level
	Addresses string // file for the bound addresses; empty for none
	Lang      lang.Lang
}

// Serve reads the settings of the server.
func (v Values) Serve() (Serve, error) {
	r := reader{values: v}
	s := Serve{
		Data:     read(&r, "data", parsePath),
		UDP:      read(&r, "udp", parseListen),
		TCP:      read(&r, "tcp", parseListen),
		Proc:     read(&r, "proc", parseListen),
		Web:      read(&r, "web", parseListen),
		RPC:      read(&r, "rpc", parseListen),
		RESP:     read(&r, "resp", parseListen),
		Workers:  read(&r, "workers", parseWorkers),
		LogLevel: read(&r, "log-level", parseLevel),
	}
	s.Socket = readSocket(&r)
	s.SHM = readSHM(&r)
	s.Identities = readIdentities(&r)
	s.Addresses = readOptionalPath(&r, "addresses")
	s.Lang, _ = v.Lang() // its error was shown before the command was chosen
	return s, r.err
}

// Client is what a command that asks a server is told.
type Client struct {
	Socket string // path of the local server's Unix socket
	Remote string // HOST:PORT of a remote server, empty for the local one
	JSON   bool
}

// Client reads the settings of a command that asks a server.
func (v Values) Client() (Client, error) {
	r := reader{values: v}
	c := Client{Socket: readSocket(&r), JSON: v.On("json")}
	if _, given := v.flags["remote"]; given {
		c.Remote = read(&r, "remote", ParseAddress)
	}
	return c, r.err
}

// ID returns the key that the command line gives a change, if it does. It has no
// variable: that would give all changes the same key.
func (v Values) ID() (key string, given bool) {
	key, given = v.flags["id"]
	return key, given
}

// Ident returns whom the command line asks a ticket for, empty for nobody. It may be
// said in either language, but not differently in both.
func (v Values) Ident() (ident string, once bool) {
	said, first := v.flags["for"]
	dicho, second := v.flags["para"]
	if !first {
		return dicho, true
	}
	return said, !second || said == dicho
}

func readSocket(r *reader) string { return readUnixPath(r, "socket", "cuenta.sock") }

// readSHM reads the path of the socket that hands out shared memory. Only Linux
// can, so elsewhere there is one only for who insists.
func readSHM(r *reader) string {
	if runtime.GOOS != "linux" && readOptionalPath(r, "shm") == "" {
		return ""
	}
	path := readUnixPath(r, "shm", "shm.sock")
	if path == "off" {
		return ""
	}
	return path
}

// readUnixPath reads the path of a Unix socket, which has that name in the data
// directory unless it was said otherwise.
func readUnixPath(r *reader, flag, name string) string {
	path := readOptionalPath(r, flag)
	if path == "" {
		path = filepath.Join(read(r, "data", parsePath), name)
	}
	if limit := maxSocket(); len(path) > limit && r.err == nil {
		r.err = lang.Text{
			ES: "la ruta del socket pasa de %d bytes; con --%s puede ser otra: %s",
			EN: "the path of the socket is over %d bytes; --%s can give another: %s",
		}.Fill(limit, flag, path)
	}
	return path
}

// maxSocket is the longest path that a Unix socket's address holds, in bytes:
// unix(7) has room for 108 with the zero at its end, the BSDs for 104.
func maxSocket() int {
	if runtime.GOOS == "linux" {
		return 107
	}
	return 103
}

func readOptionalPath(r *reader, flag string) string {
	value, _ := r.values.lookup(flag)
	if _, given := r.values.flags[flag]; value == "" && !given {
		return ""
	}
	return read(r, flag, parsePath)
}

func parsePath(s string) (string, error) {
	if s == "" {
		return "", lang.Text{ES: "se espera una ruta", EN: "want a path"}
	}
	return s, nil
}

func parseListen(s string) (string, error) {
	if s == "off" {
		return "", nil
	}
	address, err := ParseAddress(s)
	if err != nil {
		return "", lang.Text{
			ES: "se espera HOST:PORT, PORT u off", EN: "want HOST:PORT, PORT or off"}
	}
	return address, nil
}

// ParseAddress reads HOST:PORT or a bare PORT, which means the loopback
// interface, and returns HOST:PORT.
func ParseAddress(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = "127.0.0.1", s
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", lang.Text{ES: "se espera HOST:PORT o PORT", EN: "want HOST:PORT or PORT"}
	}
	return net.JoinHostPort(host, port), nil
}

func parseWorkers(s string) (int, error) {
	if s == "connection" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > MaxWorkers {
		return 0, lang.Text{
			ES: "se espera connection o un número de 1 a %d",
			EN: "want connection or a number from 1 to %d"}.Fill(MaxWorkers)
	}
	return n, nil
}

func parseLevel(s string) (slog.Level, error) {
	switch s {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, lang.Text{
		ES: "se espera debug, info, warn o error", EN: "want debug, info, warn or error"}
}
