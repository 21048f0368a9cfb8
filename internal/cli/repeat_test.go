package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/uuid"
)

func TestIdentify(t *testing.T) {
	for _, c := range []struct {
		line string
		want string // its beginning, where it ends in "="
	}{
		{"con.0 @a", "con.0 @a"},
		{"con.0 id=k", "con.0 id=k"},
		{"inc.9223372036854775807 id=k", "inc.9223372036854775807 id=k"},
		{"dec.0003 @a", "dec.3 @a id="},
		{"res.0", "res.0 id="},
		{"lim.0 max=9 @a total", "lim.0 @a max=9 total id="},
		{"ttl.0", "ttl.0"},
		{"dis.0 @a", "dis.0 @a"},
		{"val.7", "val.7"},
		{"tra.1 @a @b", "tra.1 @a @b id="},
		{"apa.4 @a ttl=60", "apa.4 @a ttl=60 id="},
		{"cup.1 max=9 per=60", "cup.1 max=9 per=60 id="},
		{"sol.0 de=7 id=k", "sol.0 de=7 id=k"},
	} {
		o, err := decode(c.line)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		got := o.identify()
		key, open := strings.CutPrefix(got, c.want)
		if !strings.HasSuffix(c.want, "=") {
			open = key == ""
		} else if _, dated := uuid.Time([]byte(key)); !dated || key != o.key() {
			t.Errorf("%q: the key is %q", got, o.key())
		}
		if !open {
			t.Errorf("got %q, want %q", got, c.want)
		}
		if again := o.identify(); again != got {
			t.Errorf("%q became %q", got, again)
		}
	}
}

// TestFate: what a failure tells of a change, whether or not it was sent before
// without an answer.
func TestFate(t *testing.T) {
	change, read := &order{requests: []cuenta.Request{{Op: cuenta.Add, N: 1}}}, &order{requests: []cuenta.Request{{Op: cuenta.Get}}}
	unknown := func(err error) bool {
		_, ok := errors.AsType[unknownFate](err)
		return ok
	}
	if err := withFate(errLost, change, "", true); !unknown(err) || !isLost(err) {
		t.Errorf("%v", err)
	}
	for _, open := range []bool{false, true} {
		if err := withFate(nil, change, "", open); err != nil {
			t.Error(err)
		}
		if unknown(withFate(errLost, read, "", open)) {
			t.Error("a read has a fate")
		}
	}
	if unknown(withFate(errLost, change, "", false)) {
		t.Error("nobody heard the change, and its fate is unknown")
	}
	for code := cuenta.OK + 1; code < cuenta.NumCodes; code++ {
		first, later := withFate(code.Err(), change, "", false), withFate(code.Err(), change, "", true)
		if want := code == cuenta.Unknown; unknown(first) != want {
			t.Errorf("%v at first: unknown %v", code, !want)
		}
		switch code {
		case cuenta.Busy, cuenta.Full, cuenta.Canceled, cuenta.Stopping, cuenta.Failed, cuenta.Unknown:
			if !unknown(later) {
				t.Errorf("%v tells what became of an earlier sending", code)
			}
		default:
			if unknown(later) {
				t.Errorf("%v leaves it open what became of an earlier sending", code)
			}
		}
	}
	err := withFate(cuenta.Busy.Err(), change, "inc.1 id=k", true)
	want := "error busy: " + cuenta.Busy.Text() + "; whether the change was made is unknown; `inc.1 id=k` repeats it without counting twice"
	if got := explain(err, lang.English); got != want {
		t.Errorf("got %q", got)
	}
}

// TestEveryWayCountsOnce: the same key over another way in is the same change.
func TestEveryWayCountsOnce(t *testing.T) {
	f := startFar(t)
	for _, args := range [][]string{
		{"client", "udp", f.udp}, {"client", "tcp", f.tcp}, {"client", "proc", f.tcp}, {"console", "--remote", f.rpc},
	} {
		status, stdout, stderr := run(t, "inc.4 @a id=k\ninc.4 id=k @a\n", args...)
		if status != exitDone || strings.Count(stdout, " 4\n") != 2 {
			t.Errorf("%v: status %d, %q, %q", args, status, stdout, stderr)
		}
		status, _, stderr = run(t, "inc.5 @a id=k\n", args...)
		if status != exitFailed || !strings.HasSuffix(stderr, "line 1: error conflict: "+cuenta.Conflict.Text()+"\n") {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
	if value, revision := f.Value("a"); value != 4 || revision != 1 {
		t.Errorf("value %d, revision %d", value, revision)
	}
}

// TestOneShotTellsItsKey where its fate is unknown.
func TestOneShotTellsItsKey(t *testing.T) {
	f, done := newFar(t, "")
	defer done()
	lift := f.Stall()
	defer lift()
	go func() {
		f.AwaitBlocked(1)
		done()
	}()
	status, _, stderr := run(t, "", "inc", "4", "a", "--remote", f.rpc, "--id", "k-1")
	want := "cuenta inc: the connection to the server was lost; whether the change was made is unknown; " +
		"the same command with --id k-1 repeats it without counting twice\n"
	if status != exitFailed || stderr != want {
		t.Errorf("status %d, %q", status, stderr)
	}
}
