package client

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// What is said by INCREX has the same effect, and the same answer, as over the API.
func TestIncreasesAreAsElsewhere(t *testing.T) {
	engine := realEngine(t)
	far := open(t, Options{}, "redis://"+serveRedis(t, engine)).Counter("far")
	near := open(t, Options{}, "cuenta://"+serveAPI(t, engine)).Counter("near")
	dice := rand.New(rand.NewPCG(8, 8))
	ctx := t.Context()
	some := func() int64 {
		if dice.IntN(6) == 0 {
			return []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, math.MaxInt64}[dice.IntN(4)]
		}
		return dice.Int64N(21) - 10
	}
	codes := make(map[cuenta.Code]int)
	for i := range 500 {
		var options []Option
		switch floor, ceiling := some(), some(); dice.IntN(4) {
		case 0:
			options = append(options, Floor(floor))
		case 1:
			options = append(options, Ceiling(ceiling))
		case 2:
			options = append(options, Floor(min(floor, ceiling)), Ceiling(max(floor, ceiling)))
		}
		if dice.IntN(3) == 0 {
			options = append(options, Clamp())
		}
		if dice.IntN(4) == 0 {
			options = append(options, After(time.Hour))
		}
		if dice.IntN(20) == 0 { // other limits of the counters' own
			own := []Option{Floor(-dice.Int64N(15)), Ceiling(dice.Int64N(15))}[:dice.IntN(3)]
			for _, n := range []Counter{far, near} {
				must(t, Result{}, err2(n.SetLimits(ctx)))
				must(t, Result{}, err2(n.Set(ctx, 0)))
				must(t, Result{}, err2(n.SetLimits(ctx, own...)))
			}
		}
		amount := some()
		got, gotErr := far.Add(ctx, amount, options...)
		want, wantErr := near.Add(ctx, amount, options...)
		want.Revision = 0
		if got.Applied == math.MinInt64 || got.Applied == math.MaxInt64 { // or more, which wraps elsewhere
			want.Applied = got.Applied
		}
		if same := sameRefusal(gotErr, wantErr); got != want || !same {
			t.Fatalf("step %d: adding %d gives %+v, %v; over the API %+v, %v", i, amount, got, gotErr, want, wantErr)
		}
		if e, refused := errors.AsType[*Error](wantErr); refused {
			codes[e.Code]++
		} else {
			codes[cuenta.OK]++
		}
	}
	if codes[cuenta.OK] < 80 || codes[cuenta.Limited] < 80 || codes[cuenta.Overflow] < 10 {
		t.Error(codes)
	}
}

// sameRefusal compares what the Redis protocol can tell with what was the matter. It
// tells a limit of the change itself even if the counter's own is nearer, and takes for
// an overflow what would be one without a limit of the counter's own.
func sameRefusal(got, want error) bool {
	g, refused := errors.AsType[*Error](got)
	w, asked := errors.AsType[*Error](want)
	switch {
	case !refused || !asked:
		return refused == asked
	case g.Code == cuenta.Overflow && w.Code == cuenta.Limited:
		return true
	case g.Limit != nil && w.Limit != nil && g.Limit.At == w.Limit.At && *g.Limit != *w.Limit:
		return g.Limit.Counter == "far" && g.Limit.Room == w.Limit.Room && g.Limit.Floor == w.Limit.Floor
	}
	return g.Code == w.Code && g.Fate == w.Fate
}

func TestEndsOverRedis(t *testing.T) {
	engine := realEngine(t)
	c := open(t, Options{}, "redis://"+serveRedis(t, engine))
	n, ctx := c.Counter("a"), t.Context()
	ends := func(least, most time.Duration) {
		t.Helper()
		if d, err := n.Describe(ctx); err != nil || d.Left < least || d.Left > most+time.Millisecond {
			t.Errorf("it ends in %v, %v", d.Left, err)
		}
	}
	done := func(_ Result, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	unmet := func(_ Result, err error) { t.Helper(); refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied) }
	cannot := func(_ Result, err error) { t.Helper(); refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied) }

	unmet(n.Expire(ctx, Never()))
	unmet(n.Expire(ctx, After(time.Hour)))
	unmet(n.Set(ctx, 1, IfPresent()))
	done(n.Set(ctx, 7, IfAbsent()))
	unmet(n.Set(ctx, 1, IfAbsent()))
	done(n.Expire(ctx, Never())) // it has no end, which is no matter
	unmet(n.Expire(ctx, Never(), IfEnd(cuenta.ExpiryIfAny)))
	unmet(n.Expire(ctx, After(time.Hour), IfEnd(cuenta.ExpiryIfAny)))
	unmet(n.Expire(ctx, After(time.Minute), IfEnd(cuenta.ExpiryIfAnySooner)))
	done(n.Expire(ctx, After(time.Hour), IfEnd(cuenta.ExpiryIfNone)))
	unmet(n.Expire(ctx, After(2*time.Hour), IfEnd(cuenta.ExpiryIfAnySooner)))
	done(n.Expire(ctx, After(50*time.Minute), IfEnd(cuenta.ExpiryIfAnySooner)))
	ends(49*time.Minute, 50*time.Minute)
	unmet(n.Expire(ctx, After(time.Minute), IfEnd(cuenta.ExpiryIfLater)))
	done(n.Expire(ctx, After(2*time.Hour), IfEnd(cuenta.ExpiryIfLater)))
	done(n.Expire(ctx, After(30*time.Minute), IfEnd(cuenta.ExpiryIfSooner)))
	ends(29*time.Minute, 30*time.Minute)
	done(n.Set(ctx, 8)) // which leaves the end as it is, as everywhere
	done(n.Reset(ctx, IfPresent()))
	done(n.Add(ctx, 1, After(time.Hour), IfEnd(cuenta.ExpiryIfNone)))
	ends(29*time.Minute, 30*time.Minute)
	done(n.Reset(ctx, After(3*time.Hour)))
	ends(2*time.Hour, 3*time.Hour)
	done(n.Add(ctx, 5, Never()))
	ends(0, 0)
	done(n.Expire(ctx, After(time.Hour)))
	done(n.Expire(ctx, Never(), IfEnd(cuenta.ExpiryIfAny)))
	ends(0, 0)

	end := time.Now().Add(time.Hour)
	cannot(n.Expire(ctx, At(end)))
	cannot(n.Add(ctx, 1, At(end)))
	cannot(n.Set(ctx, 1, At(end)))
	cannot(n.Expire(ctx, Never(), IfEnd(cuenta.ExpiryIfLater)))
	cannot(n.Add(ctx, 1, After(time.Hour), IfEnd(cuenta.ExpiryIfAny)))
	cannot(n.Add(ctx, 1, IfValue(5)))
	cannot(n.Set(ctx, 1, IfValue(5)))
	cannot(n.Set(ctx, 1, Ceiling(5)))
	cannot(n.Reset(ctx, Clamp()))
	done(n.Expire(ctx, At(end), Lapse()))
	ends(59*time.Minute, time.Hour)
	r, err := n.Add(ctx, 1, After(-time.Second), Lapse())
	if must(t, r, err).Value != 6 {
		t.Errorf("%+v", r)
	}
	if r, err = n.Get(ctx); must(t, r, err) != (Result{}) {
		t.Errorf("%+v is left", r)
	}
}

// A repeat is told the same, whatever it was.
func TestOnceOverRedis(t *testing.T) {
	engine := realEngine(t)
	c := open(t, Options{}, "redis://"+serveRedis(t, engine))
	n, ctx := c.Counter("a"), t.Context()
	for i, change := range []func(Counter) (Result, error){
		func(n Counter) (Result, error) { return n.Add(ctx, 7, Ceiling(5), Clamp()) },
		func(n Counter) (Result, error) { return n.Add(ctx, 1, Ceiling(5)) },
		func(n Counter) (Result, error) { return n.Add(ctx, math.MaxInt64, After(time.Hour)) },
		func(n Counter) (Result, error) { return n.Expire(ctx, After(time.Hour)) },
		func(n Counter) (Result, error) { return n.Expire(ctx, Never()) },
		func(n Counter) (Result, error) { return n.Expire(ctx, Never(), IfEnd(cuenta.ExpiryIfAny)) },
		func(n Counter) (Result, error) { return n.Set(ctx, 9, IfAbsent()) },
		func(n Counter) (Result, error) { return n.Set(ctx, 9, After(time.Hour)) },
	} {
		once := n.Once(fmt.Sprint("change", i))
		first, firstErr := change(once)
		must(t, Result{}, err2(n.Add(ctx, 1)))
		again, againErr := change(once)
		if first != again || fmt.Sprint(firstErr) != fmt.Sprint(againErr) {
			t.Errorf("change %d: %+v, %v; again %+v, %v", i, first, firstErr, again, againErr)
		}
		must(t, Result{}, err2(n.Add(ctx, -1)))
	}
}
