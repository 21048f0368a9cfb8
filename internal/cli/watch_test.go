package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/disk/disktest"
	"github.com/cuenta-server/cuenta/internal/engine"
	"github.com/cuenta-server/cuenta/internal/front/api"
	"github.com/cuenta-server/cuenta/internal/front/web"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// serveWatched serves an engine's API and returns where.
func serveWatched(t *testing.T) (*engine.Engine, string) {
	t.Helper()
	e, err := engine.Open(engine.Config{FS: disktest.New(), Dir: "/data", MaxCounters: 1000, SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := web.New(web.Config{Service: e, API: api.New(api.Config{Service: e, Watcher: e})})
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := front.Serve(l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := front.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		serving.Wait()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, l.Addr().String()
}

func apply(e *engine.Engine, op cuenta.Op, name string, n int64) {
	e.Do(context.Background(), &cuenta.Batch{Requests: []cuenta.Request{{Op: op, Counter: []byte(name), N: n}}})
}

// following is `cuenta watch` under way.
type following struct {
	t     *testing.T
	lines *bufio.Reader
	stop  context.CancelFunc
	ended chan error
}

func follow(t *testing.T, address string, l lang.Lang, args ...string) *following {
	t.Helper()
	env, err := config.Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	values, operands, err := config.Parse(append(args, "--web", address), env)
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	a := &app{values: values, operands: operands, env: env, lang: l, stdout: bufio.NewWriter(in), stderr: in}
	f := &following{t, bufio.NewReader(out), stop, make(chan error, 1)}
	go func() {
		f.ended <- a.followUntil(ctx)
		in.Close()
	}()
	return f
}

func (f *following) expect(lines ...string) {
	f.t.Helper()
	for _, want := range lines {
		got, err := f.lines.ReadString('\n')
		if position := regexp.MustCompile(`[0-9a-f]+-[0-9]+`); err != nil || position.ReplaceAllString(got, "P") != want+"\n" {
			f.t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	}
}

func (f *following) end() {
	f.t.Helper()
	f.stop()
	if rest, _ := io.ReadAll(f.lines); len(rest) > 0 {
		f.t.Errorf("and %q", rest)
	}
	if err := <-f.ended; err != nil {
		f.t.Error(err)
	}
}

func TestFollow(t *testing.T) {
	e, address := serveWatched(t)
	apply(e, cuenta.Add, "p/a", 5)
	apply(e, cuenta.Add, "p/a", 1)
	apply(e, cuenta.Add, "p/a", 1)
	text := follow(t, address, lang.Spanish, "p/a", "--since", "1")
	text.expect("p/a\t7\t3\t1 saltados")
	all := follow(t, address, lang.English, "--prefix", "p/", "--json")
	all.expect(`{"event":"anew","reason":"start"}`, `{"event":"state","counter":"p/a","value":7,"revision":3,"since":0,"deleted":false}`, `{"event":"current","position":"P"}`)
	apply(e, cuenta.Delete, "p/a", 0)
	text.expect("p/a\t-\t4")
	all.expect(`{"event":"changed","position":"P","counter":"p/a","value":0,"revision":4,"since":3,"deleted":true}`)
	apply(e, cuenta.Set, "q", 1)
	apply(e, cuenta.Set, "p/a", 9)
	text.expect("p/a\t9\t5")
	all.expect(`{"event":"changed","position":"P","counter":"p/a","value":9,"revision":5,"since":0,"deleted":false}`)
	text.end()
	all.end()
}

func TestFollowIsRefused(t *testing.T) {
	_, address := serveWatched(t)
	for _, test := range []struct {
		args string
		want string
	}{
		{"a --prefix b", "either a counter or --prefix"},
		{"--prefix b --since 4", "--since is for one counter"},
		{"a --since x", `--since: "x": want a revision`},
		{"\x01", "bad counter name"},
	} {
		var errors bytes.Buffer
		args := append([]string{"watch", "--lang", "en", "--web", address}, strings.Fields(test.args)...)
		status := program.Main(args, nil, io.Discard, &errors, nil)
		if status == exitDone || !strings.Contains(errors.String(), test.want) {
			t.Errorf("%q: %d %q, want %q", test.args, status, errors.String(), test.want)
		}
	}
}
