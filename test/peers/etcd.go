//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// startEtcd starts a cluster of one with Debian's etcd and its defaults, which are durable.
func (w *workshop) startEtcd(ctx context.Context) (*contestant, error) {
	client, err := freePort()
	if err != nil {
		return nil, err
	}
	peer, err := freePort()
	if err != nil {
		return nil, err
	}
	clients, peers := "http://127.0.0.1:"+client, "http://127.0.0.1:"+peer
	p, err := w.start("etcd", nil, "etcd", "--name", "one", "--data-dir", w.path("etcd"), "--logger", "zap", "--log-level", "error",
		"--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers,
		"--initial-advertise-peer-urls", peers, "--initial-cluster", "one="+peers)
	if err != nil {
		return nil, err
	}
	c := &contestant{name: "etcd", note: "compare-and-swap in a transaction, a cluster of one, over its JSON gateway", process: p, address: clients}
	c.swappers = newSwappers(clients, loadConnections)
	return c, p.await(ctx, func() error {
		resp, err := http.Get(clients + "/health")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && !bytes.Contains(body, []byte(`"true"`)) {
			err = fmt.Errorf("/health says %s", body)
		}
		return err
	})
}

// swapper counts by compare-and-swap over one connection. Its counters are its own, so that
// no swap fails for the sake of another: that is the best case for etcd.
type swapper struct {
	url    string
	number int
	of     int
	client *http.Client
	known  map[int]revised
}

// revised is a counter as it was last seen; its zero is one that does not exist.
type revised struct{ value, revision int64 }

func newSwappers(url string, n int) []*swapper {
	all := make([]*swapper, n)
	for i := range all {
		all[i] = &swapper{
			url: url + "/v3/kv/txn", number: i, of: n, known: make(map[int]revised),
			client: &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: time.Minute},
		}
	}
	return all
}

// txn is etcd's transaction in the JSON of its gateway, in which bytes are in
// base64 and 64-bit numbers are strings.
type txn struct {
	Compare []txnCompare `json:"compare"`
	Success []txnPut     `json:"success"`
}

type txnCompare struct {
	Key         string `json:"key"`
	Target      string `json:"target"`
	Result      string `json:"result"`
	ModRevision string `json:"mod_revision"`
}

type txnPut struct {
	Put struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"request_put"`
}

type txnReply struct {
	Header struct {
		Revision string `json:"revision"`
	} `json:"header"`
	Succeeded bool `json:"succeeded"`
}

// increment adds one to one of the swapper's counters.
func (s *swapper) increment(ctx context.Context) error {
	key := rand.IntN(postgresKeys/s.of)*s.of + s.number
	seen := s.known[key]
	name := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "key:%012d", key))
	t := txn{
		Compare: []txnCompare{{Key: name, Target: "MOD", Result: "EQUAL", ModRevision: strconv.FormatInt(seen.revision, 10)}},
		Success: make([]txnPut, 1),
	}
	t.Success[0].Put.Key = name
	t.Success[0].Put.Value = base64.StdEncoding.EncodeToString(strconv.AppendInt(nil, seen.value+1, 10))
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var reply txnReply
	if err := json.Unmarshal(answer, &reply); err != nil || !reply.Succeeded {
		return fmt.Errorf("etcd answered %s: %s (%v)", resp.Status, answer, err)
	}
	revision, err := strconv.ParseInt(reply.Header.Revision, 10, 64)
	s.known[key] = revised{seen.value + 1, revision}
	return err
}

// swap lets all swappers count for a while.
func swap(ctx context.Context, all []*swapper, length time.Duration) (sample, error) {
	var mu sync.Mutex
	latencies := hdrhistogram.New(1, int64(time.Minute), 3)
	var failure error
	began := time.Now()
	var done sync.WaitGroup
	for _, s := range all {
		done.Go(func() {
			for time.Since(began) < length {
				sent := time.Now()
				err := s.increment(ctx)
				took := time.Since(sent)
				mu.Lock()
				if err == nil {
					err = latencies.RecordValue(int64(took))
				}
				if err != nil {
					failure = err
				}
				stop := failure != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	done.Wait()
	return sampleOf(latencies, time.Since(began)), failure
}
