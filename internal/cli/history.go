package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxHistory bounds the lines that are remembered.
const maxHistory = 500

// history remembers the lines typed, across runs too where the person has a
// directory for such state. The file is a convenience: where it cannot be read or
// written the lines of this run are remembered all the same, and nobody is told.
type history struct {
	entries []string // oldest first
	path    string   // empty for none
}

// openHistory finds the file as the XDG base directory specification says.
func openHistory(getenv func(string) string) *history {
	state := getenv("XDG_STATE_HOME")
	if home := getenv("HOME"); !filepath.IsAbs(state) && home != "" {
		state = filepath.Join(home, ".local", "state")
	}
	h := &history{}
	if !filepath.IsAbs(state) {
		return h
	}
	h.path = filepath.Join(state, "cuenta", "history")
	h.load()
	return h
}

func (h *history) load() {
	text, err := os.ReadFile(h.path)
	if err != nil {
		return
	}
	h.entries = strings.Split(strings.TrimSpace(string(text)), "\n")
	h.entries = slices.DeleteFunc(h.entries, func(s string) bool { return s == "" })
	if len(h.entries) <= maxHistory {
		return
	}
	h.entries = slices.Clone(h.entries[len(h.entries)-maxHistory:])
	// Rewritten beside and renamed, so that a crash leaves one or the other.
	if os.WriteFile(h.path+".new", []byte(strings.Join(h.entries, "\n")+"\n"), 0o600) == nil {
		os.Rename(h.path+".new", h.path)
	}
}

// Add remembers a line, unless it is blank or repeats the one before.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || h.Len() > 0 && h.At(0) == line {
		return
	}
	h.entries = append(h.entries, line)
	if len(h.entries) > maxHistory {
		h.entries = slices.Delete(h.entries, 0, 1)
	}
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	f.WriteString(line + "\n")
	f.Close()
}

// Len and At are for the editor; entry 0 is the newest.
func (h *history) Len() int { return len(h.entries) }

func (h *history) At(i int) string { return h.entries[len(h.entries)-1-i] }
