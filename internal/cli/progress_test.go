package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/cuenta-server/cuenta/internal/lang"
)

func TestProgressLines(t *testing.T) {
	for _, x := range []struct {
		unit        unit
		lang        lang.Lang
		done, total int64
		took        time.Duration
		want        string
	}{
		{unitKeys, lang.English, 0, 100, 0, "[                        ]   0 %  0 keys  0/s"},
		{unitKeys, lang.English, 250, 1000, 2 * time.Second, "[======                  ]  25 %  250 keys  125/s  6s left"},
		{unitKeys, lang.Spanish, 250, 1000, 2 * time.Second, "[======                  ]  25 %  250 claves  125/s  faltan 6s"},
		{unitKeys, lang.English, 250, 1000, 20 * time.Millisecond, "[======                  ]  25 %  250 keys  12500/s"},
		{unitKeys, lang.English, 1500, 1000, 3 * time.Second, "[========================] 100 %  1500 keys  500/s"}, // a scan may come by more
		{unitBytes, lang.English, 64 << 20, 64 << 20, 4 * time.Second, "[========================] 100 %  64 MiB  16/s"},
		{unitCounters, lang.English, 3000, 0, 3 * time.Second, "3000 counters  1000/s"},
	} {
		p := &progress{unit: x.unit, lang: x.lang}
		if got := p.line(x.done, x.total, x.took); got != x.want {
			t.Errorf("%d of %d after %v: %q, want %q", x.done, x.total, x.took, got, x.want)
		}
	}
}

// TestProgressOffATerminal writes whole lines, and none at all for what is done
// soon.
func TestProgressOffATerminal(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	p := a.watch(func() (done, total int64) { return 1, 2 }, unitKeys)
	p.say("line 7: wrong")
	p.draw()
	p.end()
	lines := strings.Split(stderr.String(), "\n")
	if len(lines) != 3 || lines[0] != "line 7: wrong" || !strings.HasPrefix(lines[1], "[============            ]  50 %  1 keys ") {
		t.Errorf("%q", lines)
	}
}

// TestProgressOnATerminal draws one line over and over, and leaves none.
func TestProgressOnATerminal(t *testing.T) {
	far, near, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer far.Close()
	a := &app{stderr: near}
	drawn := make(chan struct{})
	var once sync.Once
	p := a.watch(func() (done, total int64) {
		once.Do(func() { close(drawn) })
		return 1, 2
	}, unitKeys)
	<-drawn
	p.say("line 7: wrong")
	p.end()
	// The last line is a mark: how a terminal ends is told differently by systems.
	const mark = "end\n"
	if _, err := near.WriteString(mark); err != nil {
		t.Fatal(err)
	}
	var read bytes.Buffer
	for buffer := make([]byte, 4096); !strings.HasSuffix(read.String(), "end\r\n"); {
		n, err := far.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		read.Write(buffer[:n])
	}
	near.Close()
	got := strings.TrimSuffix(read.String(), "end\r\n")
	if !strings.HasPrefix(got, eraseLine+"[====") || !strings.Contains(got, eraseLine+"line 7: wrong\r\n") || !strings.HasSuffix(got, eraseLine) {
		t.Errorf("%q", got)
	}
}
