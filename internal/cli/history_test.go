package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openIn(state string) *history {
	return openHistory(func(name string) string {
		if name == "XDG_STATE_HOME" {
			return state
		}
		return ""
	})
}

func TestHistoryIsRememberedAndBounded(t *testing.T) {
	state := t.TempDir()
	h := openIn(state)
	for i := range maxHistory + 20 {
		h.Add(fmt.Sprintf("inc.%d", i))
	}
	h.Add("   ")
	h.Add(h.At(0)) // a repeat
	if h.Len() != maxHistory || h.At(0) != "inc.519" || h.At(maxHistory-1) != "inc.20" {
		t.Errorf("%d entries from %s to %s", h.Len(), h.At(maxHistory-1), h.At(0))
	}
	again := openIn(state)
	if again.Len() != maxHistory || again.At(0) != "inc.519" || again.At(maxHistory-1) != "inc.20" {
		t.Errorf("again: %d entries", again.Len())
	}
	text, err := os.ReadFile(filepath.Join(state, "cuenta", "history"))
	if err != nil || strings.Count(string(text), "\n") != maxHistory {
		t.Errorf("%d lines in the file, %v", strings.Count(string(text), "\n"), err)
	}
}

func TestHistoryWithoutAPlace(t *testing.T) {
	notADirectory := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notADirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"", "relative", notADirectory} {
		h := openIn(state)
		h.Add("inc.1")
		if h.Len() != 1 || h.At(0) != "inc.1" {
			t.Errorf("%q: nothing is remembered", state)
		}
	}
	if _, err := os.Stat("relative"); err == nil {
		t.Error("a relative path was taken for the state directory")
	}
}

func TestCompletion(t *testing.T) {
	c := completer{words: completable(console{})}
	tests := []struct{ line, want string }{
		{"de", "de"}, // dec. and detener: nothing more in common
		{"dec", "dec."},
		{"det", "detener "},
		{"sto", "stop "},
		{"stop t", "stop tcp"},
		{"iniciar ", "iniciar "},
		{"iniciar rp", "iniciar rpc"},
		{"lis", "list"}, // and lista
		{"inc.4 t", "inc.4 t"},
		{"zzz", "zzz"},
	}
	for _, tt := range tests {
		var shown strings.Builder
		c.show = &shown
		line, pos, ok := c.key(tt.line, len(tt.line), '\t')
		if line != tt.want || pos != len(line) || !ok {
			t.Errorf("%q becomes %q, cursor at %d", tt.line, line, pos)
		}
	}
	if _, _, ok := c.key("det", 3, 'x'); ok {
		t.Error("another key completes")
	}
	c.show = new(strings.Builder)
	if line, pos, _ := c.key("ayu 4", 3, '\t'); line != "ayuda 4" || pos != 5 {
		t.Errorf("in the middle: %q, cursor at %d", line, pos)
	}
}
