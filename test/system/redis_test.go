package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Existing Redis clients, unmodified. Everything they are told is on disk.

func goRedis(t *testing.T, s *server, protocol int) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.fronts["resp"], Protocol: protocol, DialTimeout: patience, ReadTimeout: patience})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestGoRedis(t *testing.T) {
	s := serve(t)
	ctx := context.Background()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			c := goRedis(t, s, protocol)
			key := fmt.Sprintf("go:%d", protocol)
			if n, err := c.IncrBy(ctx, key, 40).Result(); n != 40 || err != nil {
				t.Errorf("INCRBY: %d, %v", n, err)
			}
			if n, err := c.Incr(ctx, key).Result(); n != 41 || err != nil {
				t.Errorf("INCR: %d, %v", n, err)
			}
			if text, err := c.Get(ctx, key).Result(); text != "41" || err != nil {
				t.Errorf("GET: %q, %v", text, err)
			}
			if _, err := c.Get(ctx, key+":none").Result(); !errors.Is(err, redis.Nil) {
				t.Errorf("GET of nothing: %v", err)
			}
			if ok, err := c.SetNX(ctx, key, 1, 0).Result(); ok || err != nil {
				t.Errorf("SETNX: %v, %v", ok, err)
			}
			values, err := c.MGet(ctx, key, key+":none").Result()
			if err != nil || values[0] != "41" || values[1] != nil {
				t.Errorf("MGET: %v, %v", values, err)
			}
			if err := c.Set(ctx, key, "forty-two", 0).Err(); err == nil || err.Error() != "ERR value is not an integer or out of range" {
				t.Errorf("SET of a word: %v", err)
			}
			if n, err := c.Del(ctx, key, key+":none").Result(); n != 1 || err != nil {
				t.Errorf("DEL: %d, %v", n, err)
			}
		})
	}
}

func TestGoRedisPipelinesAndTransactions(t *testing.T) {
	s := serve(t)
	ctx := context.Background()
	c := goRedis(t, s, 3)
	results, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range 1000 {
			p.Incr(ctx, "pipelined")
		}
		return nil
	})
	if err != nil || len(results) != 1000 || results[999].(*redis.IntCmd).Val() != 1000 {
		t.Errorf("pipeline: %d results, %v", len(results), err)
	}
	if _, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.IncrBy(ctx, "from", -10)
		p.IncrBy(ctx, "to", 10)
		return nil
	}); err != nil {
		t.Errorf("transaction: %v", err)
	}
	// Optimistic locking: many clients double and add one, each exactly once.
	const clients, each = 8, 20
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				var err error = redis.TxFailedErr
				for errors.Is(err, redis.TxFailedErr) {
					err = c.Watch(ctx, func(tx *redis.Tx) error {
						n, err := tx.Get(ctx, "watched").Int64()
						if err != nil && !errors.Is(err, redis.Nil) {
							return err
						}
						_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
							p.Set(ctx, "watched", n+1, 0)
							return nil
						})
						return err
					}, "watched")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n, err := c.Get(ctx, "watched").Int64(); n != clients*each || err != nil {
		t.Errorf("watched: %d, %v; want %d", n, err, clients*each)
	}
}

func TestGoRedisScan(t *testing.T) {
	s := serve(t)
	ctx := context.Background()
	c := goRedis(t, s, 2)
	var want []string
	for i := range 500 {
		key := fmt.Sprintf("scan:%03d", i)
		want = append(want, key)
		if err := c.Incr(ctx, key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for it := c.Scan(ctx, 0, "scan:*", 50).Iterator(); it.Next(ctx); {
		got = append(got, it.Val())
	}
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), want) {
		t.Errorf("scanned %d keys, want %d", len(got), len(want))
	}
	if n, err := c.DBSize(ctx).Result(); n != 500 || err != nil {
		t.Errorf("DBSIZE: %d, %v", n, err)
	}
}

func TestRedisCLI(t *testing.T) {
	s := serve(t)
	port := portOf(t, s.fronts["resp"])
	got := shell(t, "INCR visitas\nINCRBY visitas 12\nGET visitas\nGET nada\nSET visitas x\nDEL visitas\nFOO bar\n",
		"redis-cli", "-p", port)
	want := "1\n13\n13\n\nERR value is not an integer or out of range\n\n1\nERR unknown command 'FOO', with args beginning with: 'bar' \n\n"
	if got != want {
		t.Errorf("redis-cli printed\n%q, want\n%q", got, want)
	}
	if info := shell(t, "", "redis-cli", "-p", port, "INFO"); !strings.Contains(info, "redis_version:") {
		t.Errorf("INFO: %s", info)
	}
	if docs := shell(t, "", "redis-cli", "-p", port, "COMMAND", "DOCS", "INCR"); !strings.Contains(docs, "summary") {
		t.Errorf("COMMAND DOCS: %s", docs)
	}
}

func TestRedisBenchmark(t *testing.T) {
	s := serve(t)
	port := portOf(t, s.fronts["resp"])
	out := shell(t, "", "redis-benchmark", "-p", port, "-c", "20", "-n", "20000", "-P", "16", "-q", "INCR", "bench")
	if !strings.Contains(out, "requests per second") {
		t.Errorf("redis-benchmark printed %s", out)
	}
	c := s.client("tcp")
	defer c.close()
	must(t, c, "con.0 @bench", 20000)
}

// TestPythonRedis runs the client of another language over the same server that
// the text protocol reads: the counters are the same.
func TestPythonRedis(t *testing.T) {
	s := serve(t)
	python := "/usr/bin/python3" // Debian's, which has Debian's client
	script := filepath.Join("testdata", "client.py")
	if _, err := os.Stat("/usr/lib/python3/dist-packages/redis"); err != nil {
		if os.Getenv("CUENTA_TEST_PEERS") != "" {
			t.Fatal("python3-redis is not installed")
		}
		t.Skip("python3-redis is not installed; `make test` installs it")
	}
	if got := shell(t, "", python, script, portOf(t, s.fronts["resp"])); got != "done\n" {
		t.Errorf("the script printed %q", got)
	}
	c := s.client("tcp")
	defer c.close()
	must(t, c, "con.0 @python", 1013)
}

// TestRedisSurvivesKill counts over a Redis client while the server is killed.
func TestRedisSurvivesKill(t *testing.T) {
	s := serve(t, "--log-level", "error")
	for range rounds(t, 10) / 10 {
		ctx, cancel := context.WithCancel(context.Background())
		c := redis.NewClient(&redis.Options{Addr: s.fronts["resp"], MaxRetries: -1})
		before, err := c.Get(ctx, "killed").Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		acked := make(chan int64, 1)
		started := make(chan struct{})
		go func() {
			last := before
			for i := 0; ; i++ {
				n, err := c.Incr(ctx, "killed").Result()
				if err != nil {
					acked <- last
					return
				}
				if last = n; i == 20 {
					close(started)
				}
			}
		}()
		<-started
		s.kill()
		last := <-acked
		cancel()
		c.Close()
		s.restart()
		again := goRedis(t, s, 2)
		if n, err := again.Get(context.Background(), "killed").Int64(); err != nil || n < last || n > last+1 {
			t.Errorf("%d after %d were acknowledged: %v", n, last, err)
		}
	}
}
