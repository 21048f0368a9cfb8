package resp

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// line is one command of a script: who sends it, what, and whether a Redis
// answers the same.
type line struct {
	source string // as in the script
	client string
	stream []byte
	differ bool
	may    bool // the same may be answered all the same
}

// script is the commands of a file in testdata. A line is a command in words,
// quoted as in Go where they must be; "raw" sends one quoted string as it is.
// "b:" in front has another client send it. After "!" follows what is answered
// otherwise than by Redis 7.0, for a reason that a comment gives; after "~" what is only
// likely to be, as Redis draws the order of its keys.
func script(t testing.TB, name string) (lines []line) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name+".script"))
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(source)) {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		l := line{source: text, client: "a"}
		if rest, differs := strings.CutPrefix(text, "! "); differs {
			text, l.differ = rest, true
		}
		if rest, may := strings.CutPrefix(text, "~ "); may {
			text, l.differ, l.may = rest, true, true
		}
		if rest, other := strings.CutPrefix(text, "b: "); other {
			text, l.client = rest, "b"
		}
		words := split(t, text)
		if words[0] == "raw" {
			l.stream = []byte(words[1])
		} else {
			l.stream = said(words...)
		}
		lines = append(lines, l)
	}
	return lines
}

// split cuts a line into words, which may be quoted.
func split(t testing.TB, text string) (words []string) {
	t.Helper()
	for text != "" {
		if text[0] != '"' {
			word, rest, _ := strings.Cut(text, " ")
			words, text = append(words, word), strings.TrimLeft(rest, " ")
			continue
		}
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		words, text = append(words, word), strings.TrimLeft(text[len(quoted):], " ")
	}
	return words
}

// scripts are the names of all scripts; those under own/ have commands that no
// Redis has.
func scripts(t testing.TB) (names []string) {
	t.Helper()
	own, err := filepath.Glob("testdata/own/*.script")
	if err != nil || len(own) == 0 {
		t.Fatalf("no scripts of our own: %v", err)
	}
	for _, f := range own {
		names = append(names, "own/"+strings.TrimSuffix(filepath.Base(f), ".script"))
	}
	return append(names, redisScripts(t)...)
}

// redisScripts are the names of the scripts that a Redis understands.
func redisScripts(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".script"))
	}
	return names
}

// cast is the clients of a script.
type cast map[string]*peer

// newCast connects the clients, who speak one version of the protocol.
func newCast(t testing.TB, version string) cast {
	w := newWorld()
	clients := cast{"a": w.dial(t), "b": w.dial(t)}
	if version == "3" {
		for _, p := range clients {
			p.says("HELLO 3")
		}
	}
	return clients
}

// Every script is answered as its transcript says, in both versions of the protocol.
func TestTranscripts(t *testing.T) {
	for _, name := range scripts(t) {
		for _, version := range []string{"2", "3"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				clients := newCast(t, version)
				var got bytes.Buffer
				for _, l := range script(t, name) {
					fmt.Fprintf(&got, "> %s\n", l.source)
					answer := string(clients[l.client].hears(l.stream))
					for part := range strings.SplitSeq(strings.TrimSuffix(answer, "\r\n"), "\r\n") {
						fmt.Fprintf(&got, "%s\n", strings.Trim(strconv.Quote(part), `"`))
					}
					if clients[l.client].session.Ended() {
						fmt.Fprintln(&got, "(closed)")
						clients[l.client] = clients[l.client].w.dial(t)
					}
				}
				golden(t, filepath.Join("testdata", name+".resp"+version), got.Bytes())
			})
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range gotLines {
		if i >= len(wantLines) || !bytes.Equal(gotLines[i], wantLines[i]) {
			t.Fatalf("%s:%d: got %q; run with -update and look at what changed", file, i+1, gotLines[i])
		}
	}
	t.Fatalf("%s: the answers end early", file)
}

// pipelines are those scripts that one client sends alone, as one stream.
func pipelines(t testing.TB, names []string) map[string][]byte {
	t.Helper()
	streams := make(map[string][]byte)
	for _, name := range names {
		var stream []byte
		alone := true
		for _, l := range script(t, name) {
			stream = append(stream, l.stream...)
			alone = alone && l.client == "a"
		}
		if alone {
			streams[name] = stream
		}
	}
	return streams
}

// However a stream is cut, and however small the batches are, the answers are
// the same.
func TestEverySplit(t *testing.T) {
	for name, stream := range pipelines(t, scripts(t)) {
		for _, version := range []string{"2", "3"} {
			want := newCast(t, version)["a"].hears(stream)
			step := max(1, len(stream)/60)
			for cut := step; cut < len(stream); cut += step {
				p := newCast(t, version)["a"]
				got := append(p.hears(stream[:cut]), p.hears(stream[cut:])...)
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, version %s, cut at %d: %s", name, version, cut, difference(got, want))
				}
			}
			for _, limit := range []int{1, 2, 3, 7, 100} {
				p := newCast(t, version)["a"]
				p.limit = limit
				var got []byte
				for piece := range slices.Chunk(stream, limit) {
					got = append(got, p.hears(piece)...)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, version %s, %d bytes at a time and batches of as many: %s", name, version, limit, difference(got, want))
				}
			}
		}
	}
}

// difference shows where two answers part.
func difference(got, want []byte) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	near := func(b []byte) []byte { return b[max(0, min(i-40, len(b))):min(i+80, len(b))] }
	return fmt.Sprintf("at byte %d, got %q, want %q", i, near(got), near(want))
}

// readReply reads one whole reply, as it is on the wire.
func readReply(r *bufio.Reader) (reply []byte, err error) {
	head, err := r.ReadBytes('\n')
	if err != nil {
		return head, err
	}
	size, children := 0, 0
	n, _ := strconv.Atoi(strings.TrimSpace(string(head[1:]))) // no number where none is needed
	switch head[0] {
	case '$', '=':
		size = max(n+2, 0)
		if n < 0 {
			size = 0
		}
	case '*', '~', '>':
		children = n
	case '%':
		children = 2 * n
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return head, err
	}
	reply = append(head, body...)
	for range children {
		child, err := readReply(r)
		reply = append(reply, child...)
		if err != nil {
			return reply, err
		}
	}
	return reply, nil
}
