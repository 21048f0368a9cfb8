package examples

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const folder = "../../examples"

// amount is what every example adds with the key; see example.more
const amount = 5

// example is one file of the folder, and how it is run.
type example struct {
	file  string
	run   []string   // FILE and DIR stand for the file, and for a temporary directory
	build [][]string // commands to be run before
	needs [][]string // commands that succeed where all is there that the example needs
	lacks string     // the packages of Debian that bring it
	front string     // the one that it asks
	more  int64      // what it adds besides, in a session

	// prints is what it says about the change: <tries> are the attempts in vain,
	// <value> is the answer to the change, <n> any number.
	prints string

	losses int32 // how many answers get lost in its test
}

const (
	httpPrints = "add 5 to visitas, Idempotency-Key: <key>\n<tries>  attempt <n>: "
	jsonAnswer = `{"value":"<value>","revision":"<n>","replayed":true}` + "\n"
	udpPrints  = "inc.5 @visitas id=<key>\n<tries>  attempt <n>: <value>\n"
	sequence   = "CUENTA.SEQ <session> <n> INCR visitas\n<tries>  attempt <n>: <n>\n"
)

var (
	python  = "/usr/bin/python3" // Debian's, which has Debian's client
	hiredis = []string{"cc", "-include", "hiredis/hiredis.h", "-fsyntax-only", "-x", "c", os.DevNull}
	javac   = []string{"java", "-m", "jdk.compiler/com.sun.tools.javac.Main"} // without the package of the compiler
	cc      = []string{"cc", "-Wall", "-Wextra", "-Werror", "FILE", "-o", "DIR/example"}
)

var examples = []example{
	{file: "once_redis.py", front: "resp", more: 2, losses: 2,
		run: []string{python, "FILE"}, needs: [][]string{{python, "-c", "import redis"}}, lacks: "python3-redis",
		prints: "CUENTA.ONCE <key> INCRBY visitas 5\n<tries>  attempt <n>: <value>\n" + sequence + sequence},
	{file: "once_http.py", front: "web", losses: 2,
		run: []string{python, "FILE"}, needs: [][]string{{python, "--version"}}, lacks: "python3",
		prints: httpPrints + "<value> (replayed)\n"},
	{file: "Once.java", front: "web", losses: 2,
		build: [][]string{append(slices.Clone(javac), "-d", "DIR", "FILE")},
		run:   []string{"java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "DIR", "Once"}, // as a file: TestJavaFile
		needs: [][]string{{"java", "--version"}}, lacks: "default-jre-headless",
		prints: httpPrints + jsonAnswer},
	{file: "once.mjs", front: "web", losses: 2,
		run: []string{"node", "FILE"}, needs: [][]string{{"node", "--version"}}, lacks: "nodejs",
		prints: httpPrints + "<value> (replayed)\n"},
	{file: "once_hiredis.c", front: "resp", losses: 2,
		build: [][]string{append(slices.Clone(cc), "-lhiredis")},
		run:   []string{"DIR/example"}, needs: [][]string{hiredis}, lacks: "gcc libc6-dev libhiredis-dev",
		prints: "CUENTA.ONCE <key> INCRBY visitas 5\n<tries>  attempt <n>: <value>\n"},
	{file: "once_udp.c", front: "udp", losses: 2,
		build: [][]string{cc},
		run:   []string{"DIR/example"}, needs: [][]string{{"cc", "--version"}}, lacks: "gcc libc6-dev",
		prints: udpPrints},
	{file: "once_curl.sh", front: "web", losses: 1, // curl waits a second then
		run: []string{"sh", "FILE"}, needs: [][]string{{"curl", "--version"}}, lacks: "curl",
		prints: httpPrints + jsonAnswer},
	{file: "once_udp.sh", front: "udp", losses: 1, // nc, too
		run: []string{"sh", "FILE"}, needs: [][]string{{"nc", "-h"}}, lacks: "netcat-openbsd",
		prints: udpPrints},
}

func TestExamples(t *testing.T) {
	for _, e := range examples {
		t.Run(e.file, func(t *testing.T) {
			t.Parallel()
			p := e.prepare(t)
			p.fronts = serve(t)
			t.Run("counts once", p.countsOnce)
			t.Run("loses answers", p.losesAnswers)
			t.Run("is refused", p.isRefused)
			t.Run("finds no server", p.findsNoServer)
		})
	}
}

// program is an example that can be run.
type program struct {
	example
	dir    string
	file   string
	fronts map[string]string // of its server: front → address
	now    int64             // what the counter must be at
}

// prepare passes over the test if something is missing. `make test` installs it
// all, and then lets nothing be missing.
func (e example) prepare(t *testing.T) *program {
	t.Helper()
	for _, need := range e.needs {
		if _, err := exec.Command(need[0], need[1:]...).CombinedOutput(); err != nil {
			if os.Getenv("CUENTA_TEST_PEERS") != "" {
				t.Fatalf("%s needs %s, which is not installed (%v: %v)", e.file, e.lacks, need, err)
			}
			t.Skipf("%s needs %s, which is not installed; `make test` installs it", e.file, e.lacks)
		}
	}
	file, err := filepath.Abs(filepath.Join(folder, e.file))
	if err != nil {
		t.Fatal(err)
	}
	p := &program{example: e, dir: t.TempDir(), file: file}
	for _, command := range e.build {
		if out, err := p.command(command).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	return p
}

func (p *program) command(words []string, more ...string) *exec.Cmd {
	replace := strings.NewReplacer("FILE", p.file, "DIR", p.dir)
	args := make([]string, 0, len(words)+len(more))
	for _, word := range words {
		args = append(args, replace.Replace(word))
	}
	cmd := exec.Command(args[0], append(args[1:], more...)...)
	cmd.Dir = p.dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "CUENTA_") || strings.HasSuffix(strings.ToLower(name), "_proxy")
	})
	return cmd
}

// ask runs the example against the server at the address.
func (p *program) ask(t *testing.T, address string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	cmd := p.command(p.run, args...)
	cmd.Env = append(cmd.Env, p.variable()+"="+address)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() {
		_ = cmd.Process.Kill() // it may have ended meanwhile, which is all that is wanted
	})
	defer timer.Stop()
	var exitErr *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exitErr) {
		t.Fatal(err)
	}
	return out.String(), complaint.String(), cmd.ProcessState.ExitCode()
}

// variable is the one of the environment that tells the example where its server is.
func (p *program) variable() string { return "CUENTA_" + strings.ToUpper(p.front) }

const (
	made    = `[0-9a-f-]{32,36}` // a key that the example made up
	oneTry  = "  attempt 1: the answer was lost\n"
	vainUDP = `(  attempt \d: \D.*\n)+` // patience there is short, and the machine may be slow
)

// transcript is what the example prints if the server answers the change with
// the value, and the counter goes from before to where it is now.
func (p *program) transcript(key string, value, before int64) *regexp.Regexp {
	tries := oneTry
	if p.front == "udp" {
		tries = vainUDP
	}
	pattern := strings.NewReplacer("<tries>", tries, "<key>", key, "<value>", fmt.Sprint(value),
		"<session>", "[0-9a-f]{16}", "<n>", `\d+`).Replace(regexp.QuoteMeta(p.prints))
	return regexp.MustCompile(fmt.Sprintf("^%svisitas went from %d to %d\n$", pattern, before, p.now))
}

// check compares the counter with what it must be at.
func (p *program) check(t *testing.T) {
	t.Helper()
	if got := value(t, p.fronts); got != p.now {
		t.Errorf("the counter is at %d, want %d", got, p.now)
	}
}

func (p *program) countsOnce(t *testing.T) {
	var answer int64
	for i, key := range []string{"", "", "order-7711", "order-7711"} {
		before := p.now
		p.now += p.more
		if i < 3 { // the last one is a repeat of a whole run
			p.now += amount
			answer = before + amount
		}
		var args []string
		pattern := made
		if key != "" {
			args, pattern = []string{key}, key
		}
		stdout, stderr, exit := p.ask(t, p.fronts[p.front], args...)
		if want := p.transcript(pattern, answer, before); exit != 0 || stderr != "" || !want.MatchString(stdout) {
			t.Errorf("run %d: exit %d, it printed\n%s%s\nwant %s", i+1, exit, stdout, stderr, want)
		}
		p.check(t)
	}
}

func (p *program) losesAnswers(t *testing.T) {
	through := newLossyTCP
	if p.front == "udp" {
		through = newLossyUDP
	}
	l := through(t, p.fronts[p.front], p.losses)
	before := p.now
	p.now += amount + p.more
	stdout, stderr, exit := p.ask(t, l.address)
	last := fmt.Sprintf("\nvisitas went from %d to %d\n", before, p.now)
	if exit != 0 || !strings.HasSuffix(stdout, last) {
		t.Errorf("exit %d, it printed\n%s%s", exit, stdout, stderr)
	}
	if left := l.left.Load(); left >= 0 {
		t.Errorf("%d answers were not lost, or none came afterwards", left)
	}
	p.check(t)
}

// isRefused gives a key that no server takes: the example says so, and does not
// repeat it.
func (p *program) isRefused(t *testing.T) {
	stdout, stderr, exit := p.ask(t, p.fronts[p.front], "no key")
	if exit != 1 || !strings.HasPrefix(stderr, "refused: ") || strings.Contains(stdout, "attempt") {
		t.Errorf("exit %d, it printed\n%s%s", exit, stdout, stderr)
	}
	p.check(t)
}

func (p *program) findsNoServer(t *testing.T) {
	// The near end of a connection has a port where nobody listens, and that nobody
	// else gets.
	network, far := "tcp", p.fronts["tcp"]
	if p.front == "udp" {
		network, far = "udp", p.fronts["udp"]
	}
	conn, err := net.Dial(network, far)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stdout, stderr, exit := p.ask(t, conn.LocalAddr().String())
	if exit != 1 || stdout != "" || !strings.Contains(stderr, "no server") || !strings.Contains(stderr, p.variable()) {
		t.Errorf("exit %d, it printed\n%s%s", exit, stdout, stderr)
	}
	if n := strings.Count(stderr, "\n"); n > 2 {
		t.Errorf("%d lines where one is enough:\n%s", n, stderr)
	}
}

// TestJavaFile runs the file itself, as its readers do. That compiles it each
// time, so once must do.
func TestJavaFile(t *testing.T) {
	t.Parallel()
	e := examples[slices.IndexFunc(examples, func(e example) bool { return e.file == "Once.java" })]
	e.build, e.run = nil, []string{"java", "FILE"}
	p := e.prepare(t)
	p.fronts = serve(t)
	p.now = amount
	stdout, stderr, exit := p.ask(t, p.fronts[p.front])
	if want := p.transcript(made, amount, 0); exit != 0 || !want.MatchString(stdout) {
		t.Errorf("exit %d, it printed\n%s%s\nwant %s", exit, stdout, stderr, want)
	}
	p.check(t)
}
