package system

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/rpc"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cuenta-server/cuenta"
	goclient "github.com/cuenta-server/cuenta/client"
)

var listening = []string{"udp", "tcp", "proc", "web", "rpc", "resp"}

// ofItsOwn are flags for a loopback address that nobody else uses: a port there is
// still free when the server comes back, whatever ports others have taken on
// 127.0.0.1 meanwhile.
func ofItsOwn() (flags []string) {
	host := "127.0.0.1:0" // others have no more loopback addresses
	if runtime.GOOS == "linux" {
		host = fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	}
	for _, front := range listening {
		flags = append(flags, "--"+front, host)
	}
	return flags
}

// stay makes later starts listen where this one does, so that clients find the
// server again.
func (s *server) stay() {
	for _, front := range listening {
		s.flags = append(s.flags, "--"+front, s.fronts[front])
	}
}

// addresses are what the Go client is given for each way.
func (s *server) addresses() map[string]string {
	return map[string]string{
		"cuenta": "cuenta://" + s.fronts["web"],
		"redis":  "redis://" + s.fronts["resp"],
		"udp":    "udp://" + s.fronts["udp"],
		"shm":    "shm://" + filepath.Join(s.data(), "shm.sock"),
	}
}

// TestCountsOnceAcrossKills lets clients of every way count while the server is
// killed again and again: each call that says it counted did so once, and each
// counter is exactly the sum.
func TestCountsOnceAcrossKills(t *testing.T) {
	s := serve(t, append(ofItsOwn(), "--log-level", "error")...)
	s.stay()
	var stop atomic.Bool
	var counting sync.WaitGroup
	var mu sync.Mutex
	sums := map[string]int64{}
	for way, address := range s.addresses() {
		patient := goclient.Options{
			Timeout: patience, AttemptTimeout: 200 * time.Millisecond, Budget: goclient.Budget{PerSecond: 1e6, Burst: 1e6},
		}
		c, err := patient.Open(context.Background(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for g := range 4 {
			counter := c.Counter(fmt.Sprintf("%s-%d", way, g%2))
			counting.Go(func() {
				for n := int64(1); !stop.Load(); n++ {
					_, err := counter.Add(context.Background(), n)
					if err != nil {
						t.Errorf("%s: %v", way, err)
						return
					}
					mu.Lock()
					sums[fmt.Sprintf("%s-%d", way, g%2)] += n
					mu.Unlock()
				}
			})
		}
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range rounds(t, 10) {
		time.Sleep(time.Duration(20+r.IntN(100)) * time.Millisecond) // the kill's moment, not a synchronisation
		s.kill()
		s.restart()
	}
	stop.Store(true)
	counting.Wait()
	c := s.client("tcp")
	defer c.close()
	for counter, sum := range sums {
		if value, err := c.do("con.0 @" + counter); err != nil || value != sum {
			t.Errorf("%s holds %d, %d were counted (%v)", counter, value, sum, err)
		}
	}
	if len(sums) != 8 {
		t.Errorf("only %d counters were counted on", len(sums))
	}
}

// TestRedisClientsRepeat gives an unmodified Redis client identities by its
// generic call, and repeats everything after a kill.
func TestRedisClientsRepeat(t *testing.T) {
	s := serve(t, ofItsOwn()...)
	s.stay()
	ctx := context.Background()
	c := goRedis(t, s, 3)
	session := c.Do(ctx, "CUENTA.SESSION").Val()
	calls := [][]any{
		{"CUENTA.ONCE", "k1", "INCRBY", "a", 5},
		{"CUENTA.ONCE", "k2", "SET", "b", 1, "GET"},
		{"CUENTA.ONCE", "k3", "SET", "b", 2, "GET"},
		{"CUENTA.ONCE", "k4", "MSET", "c", 1, "d", 2},
		{"CUENTA.ONCE", "k5", "DEL", "c", "d", "e"},
		{"CUENTA.ONCE", "k6", "SETNX", "a", 1},
		{"CUENTA.ONCE", "k7", "GETDEL", "b"},
		{"CUENTA.ONCE", "k8", "INCRBY", "a", int64(1<<63 - 1)},
		{"CUENTA.SEQ", session, 2, "INCR", "s"},
		{"CUENTA.SEQ", session, 1, "LOWEST", 1, "INCR", "s"},
	}
	ask := func() (answers []string) {
		for _, call := range calls {
			v, err := c.Do(ctx, call...).Result()
			answers = append(answers, fmt.Sprint(v, " ", err))
		}
		return answers
	}
	first := ask()
	want := []string{"5 <nil>", "<nil> redis: nil", "1 <nil>", "OK <nil>", "2 <nil>", "0 <nil>", "2 <nil>",
		"<nil> ERR increment or decrement would overflow", "1 <nil>", "2 <nil>"}
	if !slices.Equal(first, want) {
		t.Errorf("at first:\n%q, want\n%q", first, want)
	}
	if again := ask(); !slices.Equal(again, first) {
		t.Errorf("repeated:\n%q, want\n%q", again, first)
	}
	s.kill()
	s.restart()
	if again := ask(); !slices.Equal(again, first) {
		t.Errorf("repeated after a kill:\n%q, want\n%q", again, first)
	}
	if n := c.Get(ctx, "a").Val(); n != "5" {
		t.Errorf("a is %s", n)
	}
	outcome := c.Do(ctx, "CUENTA.OUTCOME", "k1").Val().(map[any]any)
	if outcome["state"] != "applied" || outcome["value"] != int64(5) {
		t.Errorf("the outcome: %v", outcome)
	}
	if _, err := c.Do(ctx, "CUENTA.SEQ", "0123456789abcdef", 1, "INCR", "s").Result(); err == nil || !redis.HasErrorPrefix(err, "NOSESSION") {
		t.Errorf("a session made up: %v", err)
	}
	if _, err := c.Do(ctx, "CUENTA.ONCE", "k1", "INCRBY", "a", 6).Result(); err == nil || !redis.HasErrorPrefix(err, "CONFLICT") {
		t.Errorf("a conflict: %v", err)
	}
}

// TestOneIdentityOnEveryWay: what was done under a key on one way is answered
// again on another.
func TestOneIdentityOnEveryWay(t *testing.T) {
	s := serve(t)
	tcp := s.client("tcp")
	defer tcp.close()
	must(t, tcp, "inc.4 @x id=one", 4)
	for _, front := range []string{"udp", "tcp", "proc", "web"} {
		c := s.client(front)
		defer c.close()
		must(t, c, "inc.4 @x id=one", 4)
	}
	far, err := rpc.DialHTTP("tcp", s.fronts["rpc"])
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	var reply cuenta.RPCReply
	request := cuenta.RPCRequest{Op: "add", Counter: "x", N: 4, Identity: "one"}
	if err := far.Call("Cuenta.Apply", request, &reply); err != nil || reply.Value != 4 || !reply.Replayed {
		t.Errorf("rpc: %+v, %v", reply, err)
	}
	ctx := context.Background()
	if n, err := goRedis(t, s, 2).Do(ctx, "CUENTA.ONCE", "one", "INCRBY", "x", 4).Int(); n != 4 || err != nil {
		t.Errorf("resp: %d, %v", n, err)
	}
	r, _ := http.NewRequest("POST", "http://"+s.fronts["web"]+"/v1/counters/x:add?amount=4", nil)
	r.Header.Set("Idempotency-Key", "one")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("api: %+v, %v", answer, err)
	} else {
		answer.Body.Close()
	}
	for way, address := range s.addresses() {
		c, err := goclient.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if r, err := c.Counter("x").Once("one").Add(ctx, 4); r.Value != 4 || err != nil {
			t.Errorf("%s: %+v, %v", way, r, err)
		}
		if _, err := c.Counter("x").Once("one").Add(ctx, 5); !errors.Is(err, &cuenta.Error{Code: cuenta.Conflict}) {
			t.Errorf("%s: a conflict: %v", way, err)
		}
	}
	must(t, tcp, "con.0 @x", 4)
}
