package gate

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cuenta-server/cuenta"
)

func TestStatsAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4)
		p := passers{t: t, g: g}
		acquire(t, g, console, 1)
		acquire(t, g, remote, 2)
		g.TryAcquire(1)
		g.TryAcquire(1) // refused
		p.join(t.Context(), "a", queue, 1, true)
		time.Sleep(time.Second)
		p.join(t.Context(), "b", queue, 2, true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.join(ctx, "c", console, 4, true)
		time.Sleep(time.Second)
		p.want("c gave up")
		g.Release(1) // to a, after 2 s
		time.Sleep(time.Second)

		s := g.Stats()
		want := Stats{Capacity: 4, InUse: 4, Tried: 1, Classes: [cuenta.NumClasses]ClassStats{
			{Class: "console", Grants: 1, Canceled: 1},
			{Class: "remote", Grants: 1},
			{Class: "queue", Grants: 1, Waits: 1, Waiting: 1, TotalWait: 2 * time.Second, MaxWait: 2 * time.Second},
		}}
		if s != want {
			t.Errorf("got  %+v\nwant %+v", s, want)
		}

		time.Sleep(time.Second)
		g.Release(2) // to b, after 3 s
		synctest.Wait()
		got := g.Stats().Classes[queue]
		if want := (ClassStats{"queue", 2, 2, 0, 0, 5 * time.Second, 3 * time.Second}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestStatsAsJSON(t *testing.T) {
	got, err := json.Marshal(New(2).Stats())
	if err != nil {
		t.Fatal(err)
	}
	const none = `"grants":0,"waits":0,"waiting":0,"canceled":0,"total_wait_ns":0,"longest_wait_ns":0}`
	want := `{"capacity":2,"in_use":0,"tried":0,"classes":[{"class":"console",` + none +
		`,{"class":"remote",` + none + `,{"class":"queue",` + none + `]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFreeGateAllocatesNothing(t *testing.T) {
	g := New(8)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		if g.Acquire(ctx, queue, 8) != nil || g.TryAcquire(1) {
			t.Error("the gate does not count")
		}
		g.Release(8)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkFree(b *testing.B) {
	g := New(8)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if g.Acquire(ctx, queue, 8) != nil {
			b.Fatal("not granted")
		}
		g.Release(8)
	}
}

func BenchmarkContended(b *testing.B) {
	for name, weight := range map[string]int64{"alone": 8, "shared": 1} {
		b.Run(name, func(b *testing.B) {
			g := New(8)
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				for pb.Next() {
					if g.Acquire(ctx, queue, weight) != nil {
						b.Error("not granted")
					}
					g.Release(weight)
				}
			})
			s := g.Stats().Classes[queue]
			b.ReportMetric(float64(s.Waits)/float64(s.Grants), "waits/grant")
		})
	}
}
