package client

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// realWay opens a client of the real engine.
func realWay(t *testing.T, w way) *Client {
	return open(t, Options{}, w.scheme+"://"+w.serve(t, realEngine(t)))
}

func limitIn(t *testing.T, err error) Limit {
	t.Helper()
	refusedAs(t, err, cuenta.Limited, cuenta.NotApplied)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Limit == nil {
		t.Fatalf("%v tells no limit", err)
	}
	return *e.Limit
}

func TestLimits(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		n, ctx := c.Counter("a"), t.Context()
		r, err := n.SetLimits(ctx, Floor(0), Ceiling(100))
		must(t, r, err)
		_, err = n.Add(ctx, 120)
		if got := limitIn(t, err); got != (Limit{Counter: "a", At: 100, Room: 100}) {
			t.Errorf("%+v", got)
		}
		_, err = n.Add(ctx, -1)
		if got := limitIn(t, err); got != (Limit{Counter: "a", Floor: true}) {
			t.Errorf("%+v", got)
		}
		applied := int64(100)
		if w.scheme == "udp" {
			applied = 0
		}
		if r, err = n.Add(ctx, 120, Clamp()); must(t, r, err).Value != 100 || r.Applied != applied {
			t.Errorf("%+v", r)
		}
		_, err = n.Add(ctx, -8, Floor(95))
		if got := limitIn(t, err); got != (Limit{Counter: "a", Floor: true, At: 95, Room: -5}) {
			t.Errorf("%+v", got)
		}
		must(t, r, err2(n.SetLimits(ctx, Ceiling(math.MaxInt64-1), Floor(math.MinInt64+1))))
		_, err = n.Add(ctx, math.MaxInt64)
		if got := limitIn(t, err); got.At != math.MaxInt64-1 || got.Floor {
			t.Errorf("%+v", got)
		}
	})
}

func err2(_ Result, err error) error { return err }

func TestEndsAndDescriptions(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		n, ctx := c.Counter("a"), t.Context()
		must(t, Result{}, err2(n.Add(ctx, 7)))
		r, err := n.Expire(ctx, After(time.Hour))
		must(t, r, err)
		_, err = n.Expire(ctx, After(2*time.Hour), IfEnd(cuenta.ExpiryIfNone))
		refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
		_, err = n.Expire(ctx, After(0))
		refusedAs(t, err, cuenta.Past, cuenta.NotApplied)
		d, err := n.Describe(ctx)
		if w.scheme == "udp" {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			must(t, r, err2(n.Expire(ctx, Never())))
			return
		}
		if err != nil || d.Value != 7 || d.Left <= 0 || d.Left > time.Hour || d.Ends.IsZero() || d.Floor.Set || d.Total {
			t.Errorf("%+v, %v", d, err)
		}
		end := time.Date(2200, 1, 1, 0, 0, 0, 5, time.UTC)
		if w.scheme == "redis" {
			end = time.Date(2200, 1, 1, 0, 0, 0, 5e6, time.UTC)
			must(t, r, err2(n.Set(ctx, 9, At(end), Lapse())))
		} else {
			must(t, r, err2(n.Set(ctx, 9, At(end), IfValue(7))))
		}
		must(t, r, err2(n.SetLimits(ctx, Ceiling(10), Total())))
		d, err = n.Describe(ctx)
		if available, ok := d.Available(); err != nil || !d.Ends.Equal(end) || !d.Total || d.Ceiling != (cuenta.Bound{Set: true, At: 10}) || available != 1 || !ok {
			t.Errorf("%+v, %v", d, err)
		}
		if _, ok := d.AvailableDown(); ok {
			t.Error("something is available above no floor")
		}
		must(t, r, err2(n.Expire(ctx, After(-time.Second), Lapse())))
		if d, err = n.Describe(ctx); err != nil || d != (Description{}) {
			t.Errorf("%+v, %v", d, err)
		}
		if w.scheme == "redis" {
			return // an end at a time that is over always lapses there
		}
		_, err = n.Expire(ctx, At(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)))
		refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
		_, err = n.Add(ctx, 1, At(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)))
		refusedAs(t, err, cuenta.Past, cuenta.NotApplied)
	})
}

func TestConditions(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		n, ctx := c.Counter("a"), t.Context()
		r, err := n.Add(ctx, 5, IfAbsent())
		if !w.atomic {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			return
		}
		must(t, r, err)
		must(t, r, err2(n.Add(ctx, 1, IfRevision(r.Revision))))
		for _, condition := range []Option{IfAbsent(), IfValue(5), IfRevision(1)} {
			_, err = n.Reset(ctx, condition)
			refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
			_, err = n.Delete(ctx, condition)
			refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
		}
		b := c.Batch()
		b.Check("a", IfRevision(2))
		b.Check("a", IfValue(6))
		b.Check("b", IfAbsent())
		b.SetLimits("b", Ceiling(1))
		b.Expire("b", After(time.Hour))
		b.Add("b", 3, Clamp())
		results, err := b.DoAtomic(ctx)
		if err != nil || results[5] != (Result{Value: 1, Revision: 3, Applied: 1}) {
			t.Errorf("%+v, %v", results, err)
		}
		b.Add("a", 1)
		b.Check("b", IfAbsent())
		_, err = b.DoAtomic(ctx)
		refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
		if e, _ := errors.AsType[*Error](err); e.Item != 1 || e.Counter != "b" {
			t.Errorf("%+v", e)
		}
		must(t, r, err2(n.Delete(ctx, IfPresent())))
	})
}

func TestTransfers(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		ctx := t.Context()
		must(t, Result{}, err2(c.Counter("a").Add(ctx, 100)))
		r, err := c.Transfer(ctx, "a", "b", 40)
		to := Result{Value: 40, Revision: 1}
		if !w.revisions {
			to = Result{}
		}
		if err != nil || r.From.Value != 60 || r.To != to {
			t.Errorf("%+v, %v", r, err)
		}
		_, err = c.Transfer(ctx, "a", "b", 61)
		if got := limitIn(t, err); !got.Floor || got.At != 0 || got.Room != -60 {
			t.Errorf("%+v", got)
		}
		if e, _ := errors.AsType[*Error](err); w.atomic && (e.Counter != "a" || e.Item != 0) {
			t.Errorf("%+v", e)
		}
		if r, err = c.Transfer(ctx, "a", "b", 70, Floor(-10)); err != nil || r.From.Value != -10 {
			t.Errorf("%+v, %v", r, err)
		}
		for range 2 { // as a program that is started again
			if r, err = c.Counter("b").Once("rent").Transfer(ctx, "a", 20); err != nil || r.From.Value != 90 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		_, err = c.Counter("b").Once("rent").Transfer(ctx, "c", 20)
		refusedAs(t, err, cuenta.Conflict, cuenta.NotApplied)
		for _, pair := range [][2]string{{"a", "a"}, {"a b", "c"}} {
			_, err = c.Transfer(ctx, pair[0], pair[1], 1)
			refusedAs(t, err, cuenta.Syntax, cuenta.NotApplied)
		}
		_, err = c.Transfer(ctx, "a", "b", 0)
		refusedAs(t, err, cuenta.Syntax, cuenta.NotApplied)
		_, err = c.Transfer(ctx, "b", "c", 10, Ceiling(5))
		if !w.atomic {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
		} else if got := limitIn(t, err); got.Floor || got.Room != 5 {
			t.Errorf("%+v", got)
		}
	})
}

func TestRates(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		n, ctx := c.Counter("r"), t.Context()
		slow := Steady(1, 24*time.Hour, 10)
		taken, err := n.Take(ctx, slow, 4)
		if err != nil || !taken.Allowed || taken.Remaining != 6 || taken.ResetAfter < 95*time.Hour && w.scheme != "udp" {
			t.Errorf("%+v, %v", taken, err)
		}
		remains := int64(6)
		if w.scheme == "udp" {
			remains = untold
		}
		if taken, err = n.Take(ctx, slow, 7); err != nil || taken.Allowed || taken.Remaining != remains || taken.RetryAfter < 23*time.Hour {
			t.Errorf("%+v, %v", taken, err)
		}
		if taken, err = n.Take(ctx, slow, 11); err != nil || taken.Allowed || taken.RetryAfter >= 0 {
			t.Errorf("%+v, %v", taken, err)
		}
		for _, rate := range []cuenta.Rate{FixedWindow(9, time.Hour), SlidingWindow(9, 365*24*time.Hour)} {
			n := c.Counter(fmt.Sprint("kind", rate.Kind))
			if taken, err = n.Take(ctx, rate, 9); err != nil || !taken.Allowed || taken.Remaining != 0 {
				t.Errorf("%+v, %v", taken, err)
			}
		}
		must(t, Result{}, err2(c.Counter("plain").Add(ctx, 1)))
		_, err = c.Counter("plain").Take(ctx, FixedWindow(1, time.Second), 1)
		refusedAs(t, err, cuenta.Unmet, cuenta.NotApplied)
	})
}

func TestTickets(t *testing.T) {
	eachWay(t, func(t *testing.T, w way) {
		c := realWay(t, w)
		tickets, ctx := c.Counter("turno"), t.Context()
		for _, step := range []struct {
			ident string
			count int64
			want  Tickets
		}{{"ana", 1, Tickets{1, 1, false}}, {"beto", 5, Tickets{2, 6, false}}, {"ana", 9, Tickets{1, 1, true}}, {"beto", 1, Tickets{2, 6, true}}} {
			if w.scheme == "udp" {
				step.want = Tickets{Last: step.want.Last}
			}
			if got, err := tickets.Tickets(ctx, step.ident, step.count); err != nil || got != step.want {
				t.Errorf("%+v: %+v, %v", step, got, err)
			}
		}
		if valid, err := tickets.ValidTicket(ctx, 6); err != nil || !valid {
			t.Error(valid, err)
		}
		if err := tickets.ResetTickets(ctx); w.scheme == "redis" {
			refusedAs(t, err, cuenta.Unsupported, cuenta.NotApplied)
			return
		} else if err != nil {
			t.Error(err)
		}
		if valid, err := tickets.ValidTicket(ctx, 1); err != nil || valid {
			t.Error(valid, err)
		}
		want := Tickets{1, 1, false}
		if w.scheme == "udp" {
			want = Tickets{Last: 1}
		}
		if got, err := tickets.Ticket(ctx, "beto"); err != nil || got != want {
			t.Errorf("%+v, %v", got, err)
		}
		for range 2 { // the second time it is a repeat, which changes nothing
			if err := tickets.Once("monday").ResetTickets(ctx); err != nil {
				t.Error(err)
			}
		}
		if r, err := c.Counter("turno/#").Get(ctx); must(t, r, err).Value != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// What cannot be meant is refused before anything is sent.
func TestUnfit(t *testing.T) {
	f := newFake()
	c := f.open(t, Options{}, false)
	n, ctx := c.Counter("a"), t.Context()
	hold := func(_ Hold, err error) error { return err }
	taken := func(_ Taken, err error) error { return err }
	tickets := func(_ Tickets, err error) error { return err }
	for i, err := range []error{
		err2(n.SetLimits(ctx, Floor(2), Ceiling(1))), err2(n.SetLimits(ctx, Clamp())), err2(n.SetLimits(ctx, After(time.Hour))),
		err2(n.Add(ctx, 1, Total())), err2(n.Add(ctx, 1, Lapse())), err2(n.Add(ctx, 1, Floor(2), Ceiling(1))), err2(n.Add(ctx, 1, IfRevision(1<<63))),
		err2(n.Delete(ctx, Floor(1))), err2(n.Expire(ctx)), err2(n.Expire(ctx, IfEnd(cuenta.ExpiryIfAny))), err2(n.Expire(ctx, Never(), IfEnd(9))),
		hold(n.Hold(ctx, 0, After(1))), hold(n.Hold(ctx, math.MinInt64, After(1))), hold(n.Hold(ctx, 1, Never())), hold(n.Hold(ctx, 1, Clamp())),
		hold(n.Release(ctx, 0)), hold(n.Extend(ctx, 1, Floor(1))), err2(n.Settle(ctx, 0, 1)), err2(n.Settle(ctx, 1, 1, Floor(1))),
		taken(n.Take(ctx, cuenta.Rate{}, 1)), taken(n.Take(ctx, FixedWindow(0, time.Second), 1)), taken(n.Take(ctx, FixedWindow(1, 0), 1)),
		taken(n.Take(ctx, FixedWindow(1, time.Second), -1)), taken(n.Take(ctx, SlidingWindow(1<<31, time.Second), 1)),
		tickets(n.Ticket(ctx, "")), tickets(n.Ticket(ctx, "a b")), tickets(n.Tickets(ctx, "a", 0)),
	} {
		if !errors.Is(err, cuenta.Syntax.Err()) {
			t.Errorf("case %d: %v", i, err)
		}
	}
	b := c.Batch()
	b.Check("a", IfPresent())
	if _, err := b.DoAtomic(ctx); !errors.Is(err, cuenta.Syntax.Err()) {
		t.Error(err)
	}
	if f.tried() != 0 {
		t.Errorf("%d attempts", f.tried())
	}
}
