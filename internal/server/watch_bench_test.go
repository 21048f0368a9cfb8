package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkWatchers is what a thousand watchers of a busy prefix cost: changes per
// second by TCP, 50 connections × 16 in flight, with and without a thousand streams
// of server-sent events, in turn. Watched and changed are either 1000 counters, or
// one. The watchers read in this process too, which counts against the server.
func BenchmarkWatchers(b *testing.B) {
	for _, counters := range []int{1, 1000} {
		b.Run(fmt.Sprintf("counters=%d", counters), func(b *testing.B) {
			s := start(b, testConfig(b))
			defer s.Close()
			for b.Loop() {
				compareWatched(b, s, counters)
			}
		})
	}
}

func compareWatched(b *testing.B, s *Server, counters int) {
	const rounds, watchers, each = 7, 1000, time.Second
	web, tcp := s.fronts[0].status().Address, s.fronts[2].status().Address
	var with, without []float64
	var events int64
	load(b, tcp, counters, each) // as warm as it will be
	for range rounds {
		without = append(without, load(b, tcp, counters, each))
		told, end := watchBusy(b, web, watchers)
		before := told.Load()
		with = append(with, load(b, tcp, counters, each))
		events += told.Load() - before
		end()
	}
	slices.Sort(with)
	slices.Sort(without)
	b.ReportMetric(without[rounds/2], "unwatched/s")
	b.ReportMetric(with[rounds/2], "watched/s")
	b.ReportMetric(100*with[rounds/2]/without[rounds/2], "%kept")
	b.ReportMetric(float64(events)/(rounds*each.Seconds()*watchers), "changes/watcher/s")
}

// load returns how many changes are made in a second.
func load(b *testing.B, address string, counters int, long time.Duration) float64 {
	const connections, inFlight = 50, 16
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for c := range connections {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		all.Go(func() {
			defer conn.Close()
			answers := bufio.NewReader(conn)
			for i := c; time.Since(began) < long; i += inFlight {
				var lines strings.Builder
				for k := range inFlight {
					fmt.Fprintf(&lines, "inc.1 @busy/%d\n", (i+k)*7919%counters)
				}
				if _, err := io.WriteString(conn, lines.String()); err != nil {
					b.Error(err)
					return
				}
				for range inFlight {
					if _, err := answers.ReadSlice('\n'); err != nil {
						b.Error(err)
						return
					}
				}
				done.Add(inFlight)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// watchBusy begins watches, and returns how many changes they were told and what
// ends them.
func watchBusy(b *testing.B, address string, watchers int) (told *atomic.Int64, end func()) {
	told = new(atomic.Int64)
	var all sync.WaitGroup
	var open []io.Closer
	for range watchers {
		answer, err := http.Get("http://" + address + "/v1/counters:watch?prefix=busy/")
		if err != nil {
			b.Fatal(err)
		}
		lines := bufio.NewReader(answer.Body)
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if string(line) == "event: current\n" {
				break
			}
		}
		open = append(open, answer.Body)
		all.Go(func() {
			for {
				line, err := lines.ReadSlice('\n')
				if err != nil {
					return
				}
				if strings.HasPrefix(string(line), "event: change") {
					told.Add(1)
				}
			}
		})
	}
	return told, func() {
		for _, o := range open {
			o.Close() // the reading ends with an error then, which is how it should end
		}
		all.Wait()
	}
}
