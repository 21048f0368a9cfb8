package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// run runs a command line in this process.
func run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = program.Main(args, strings.NewReader(stdin), &out, &errs, []string{"LANG=C"})
	return status, out.String(), errs.String()
}

func TestExitStatus(t *testing.T) {
	f := startFar(t)
	tests := []struct {
		name  string
		stdin string
		args  []string
		want  int
	}{
		{"done", "", []string{"get", "--remote", f.rpc}, exitDone},
		{"refused", "", []string{"stop", "nobody", "--remote", f.rpc}, exitFailed},
		{"no server", "", []string{"get", "--socket", filepath.Join(t.TempDir(), "none")}, exitFailed},
		{"no command", "", nil, exitUsage},
		{"unknown command", "", []string{"fly"}, exitUsage},
		{"unknown flag", "", []string{"get", "--fly"}, exitUsage},
		{"a flag of another command", "", []string{"get", "--udp", "off"}, exitUsage},
		{"bad value", "", []string{"serve", "--udp", "x"}, exitUsage},
		{"bad amount", "", []string{"inc", "x"}, exitUsage},
		{"bad address", "", []string{"client", "tcp", "x"}, exitUsage},
		{"help", "", []string{"--help"}, exitDone},
		{"all lines done", "inc.1\ncon.0\n", []string{"client", "tcp", f.tcp}, exitDone},
		{"a line failed, not the last", "inc.x\ncon.0\n", []string{"client", "tcp", f.tcp}, exitFailed},
		{"nothing said", "", []string{"client", "tcp", f.tcp}, exitDone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := run(t, tt.stdin, tt.args...)
			if status != tt.want {
				t.Errorf("status %d, want %d\n%s%s", status, tt.want, stdout, stderr)
			}
			if (stderr == "") != (status == exitDone) {
				t.Errorf("status %d with stderr %q", status, stderr)
			}
			if status == exitUsage && strings.Count(stderr, "\n") != 1 {
				t.Errorf("not one line: %q", stderr)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	f := startFar(t)
	for _, args := range [][]string{
		{"get", "--remote", f.rpc}, {"list", "--remote", f.rpc}, {"help"}, {"console", "--remote", f.rpc},
	} {
		var errs bytes.Buffer
		status := program.Main(args, strings.NewReader("inc.1\ninc.1\n"), brokenPipe{}, &errs, nil)
		if status != exitFailed || !strings.Contains(errs.String(), io.ErrClosedPipe.Error()) {
			t.Errorf("%s: status %d, %q", args[0], status, errs.String())
		}
	}
	if value, _ := f.Value(cuenta.DefaultCounter); value != 1 {
		t.Errorf("the console went on to %d without anybody to read", value)
	}
}

// Everything malformed is refused where it is typed, counts as a failure, and
// does not keep the lines after it from running.
func TestMalformedLines(t *testing.T) {
	f := startFar(t)
	for _, args := range [][]string{{"console", "--remote", f.rpc}, {"client", "tcp", f.tcp}, {"client", "udp", f.udp}} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			bad := append([]string{strings.Repeat("9", 70_000), "inc." + strings.Repeat("0", text.MaxLine-4) + "1"}, fronttest.Bad...)
			failing := 0
			var stdin strings.Builder
			for _, line := range bad {
				switch strings.TrimSpace(line) {
				case "", "help", "quit":
					continue // not malformed here
				}
				failing++
				stdin.WriteString(line + "\n")
			}
			stdin.WriteString("con.0")
			status, stdout, stderr := run(t, stdin.String(), args...)
			if got := strings.Count(stderr, "\n"); status != exitFailed || got != failing {
				t.Errorf("status %d, %d complaints, want %d", status, got, failing)
			}
			if strings.Count(stderr, ": error syntax: ")+strings.Count(stderr, ": error too-large: ") != failing {
				t.Errorf("complaints:\n%s", stderr)
			}
			if strings.Count(stdout, "\n") != 1 || !strings.HasSuffix(stdout, " 0\n") {
				t.Errorf("answers: %q", stdout)
			}
		})
	}
	if calls := f.Calls(); calls.Requests != 3 {
		t.Errorf("%d requests were sent, want the 3 reads", calls.Requests)
	}
}

func TestLongestLine(t *testing.T) {
	f := startFar(t)
	longest := "inc." + strings.Repeat("0", text.MaxLine-5) + "1"
	if status, stdout, stderr := run(t, longest+"\r\n", "client", "tcp", f.tcp); status != exitDone {
		t.Errorf("status %d: %s%s", status, stdout, stderr)
	}
}

func TestEveryTextInBothLanguages(t *testing.T) {
	both := func(where string, x lang.Text) {
		if (x.ES == "") != (x.EN == "") {
			t.Errorf("%s: one language is missing: %+v", where, x)
		}
	}
	for _, c := range commands() {
		both(c.names[0]+" summary", c.summary)
		both(c.names[0]+" operands", c.operands)
		both(c.names[0]+" detail", c.detail)
		if c.summary.ES == "" || c.run == nil {
			t.Errorf("%s is not complete", c.names[0])
		}
		for _, flag := range c.flags {
			if config.Find(flag) == nil {
				t.Errorf("%s takes --%s, which does not exist", c.names[0], flag)
			}
		}
	}
	for _, w := range append(console{}.words(), wordHelp, wordQuit) {
		both(w.names[0], w.help)
	}
}

func TestEveryRefusalInSpanish(t *testing.T) {
	for code := range cuenta.NumCodes {
		if sentences[code] == "" {
			t.Errorf("%v has no Spanish sentence", code)
		}
		if code == cuenta.OK {
			continue
		}
		err := code.Err()
		if got := explain(err, lang.Spanish); got != "error "+code.String()+": "+sentences[code] {
			t.Errorf("Spanish: %s", got)
		}
		if got := explain(err, lang.English); got != "error "+err.Error() {
			t.Errorf("English: %s", got)
		}
	}
	other := &cuenta.Error{Code: cuenta.NotFound, Text: "no front smtp"}
	if got := explain(other, lang.Spanish); got != "error not-found: no hay ningún servicio con ese nombre (no front smtp)" {
		t.Errorf("a sentence we do not know: %s", got)
	}
	bad := []string{
		"inc.0 sat", "lim.1", "exp.9223372037", "inc.1 min=x", "lim.0 min=1 max=0", "inc.1 ttl=0", "exp.1 if=x", "tra.0 @a @b", "tra.1 @a",
		"tra.1 @a @a", "con.1", "res.1", "inc.1 sat sat", "inc.1 " + strings.Repeat("x", 600),
	}
	for _, line := range append(bad, fronttest.Bad...) {
		_, err := decode(line)
		refusal, ok := errors.AsType[*cuenta.Error](err)
		if !ok {
			continue // ours to handle: ayuda, salir
		}
		if details[refusal.Text] == "" {
			t.Errorf("%q has no Spanish", refusal.Text)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	for _, good := range []string{"0", "13", "-9223372036854775808"} {
		if got, err := parseAnswer(good); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	_, err := parseAnswer("error busy the server is at its limit, try again")
	if !errors.Is(err, &cuenta.Error{Code: cuenta.Busy}) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "-", "1-", "13 ", "error", "error ", "error nonsense x", "HTTP/1.1 400 Bad Request"} {
		if got, err := parseAnswer(bad); err == nil || errors.Is(err, &cuenta.Error{Code: cuenta.Busy}) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestHelpGolden(t *testing.T) {
	for _, l := range []lang.Lang{lang.English, lang.Spanish} {
		status, all, _ := run(t, "", "help", "--lang", l.String())
		if status != exitDone {
			t.Fatalf("status %d", status)
		}
		for _, name := range []string{"serve", "client", "bench", "demo", "info", "stop"} {
			_, one, _ := run(t, "", "help", name, "--lang", l.String())
			all += "\n" + strings.Repeat("-", 72) + "\n" + one
		}
		path := filepath.Join("testdata", "help."+l.String()+".golden")
		if *update {
			if err := os.WriteFile(path, []byte(all), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if all != string(want) {
			t.Errorf("%s differs; go test -update rewrites it. Now:\n%s", path, all)
		}
		for n, line := range strings.Split(all, "\n") {
			if width := len([]rune(line)); width > 110 {
				t.Errorf("line %s is %d wide: %s", strconv.Itoa(n+1), width, line)
			}
		}
	}
}

// A text of a command's own is of a command that there is, which takes the flag.
func TestOwnTextsAreShown(t *testing.T) {
	for i := range config.Settings {
		s := &config.Settings[i]
		for name, own := range s.Own {
			c := findCommand(name)
			if c == nil || c.names[0] != name || !c.takes(s.Flag) {
				t.Errorf("--%s has a text of %s, which does not take it", s.Flag, name)
				continue
			}
			var help strings.Builder
			if err := c.writeHelp(&help, lang.English); err != nil || !strings.Contains(help.String(), own.Help.EN) {
				t.Errorf("the help of %s does not show %q: %v", name, own.Help.EN, err)
			}
		}
	}
}
