package text

import (
	"math"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// What results are made to one answer of.
func TestLines(t *testing.T) {
	transfer := Line{Verdict: Transfer, n: 5}
	renumber := Line{Verdict: Renumber}
	sinks := func(t cuenta.Terms) Line { return Line{Verdict: Leaves, down: true, terms: &t} }
	leaves := func(t cuenta.Terms) Line { return Line{Verdict: Leaves, terms: &t} }
	valid := func(n int64) Line { return Line{Verdict: Valid, n: n} }
	hour := int64(time.Hour)
	for _, x := range []struct {
		line    Line
		results []cuenta.Result
		want    string
	}{
		{Line{Verdict: Command}, []cuenta.Result{{Value: 7}}, "7"},
		{Line{Verdict: Quit}, nil, "adios"},
		{Line{Verdict: Remains}, []cuenta.Result{{}}, "-2"},
		{Line{Verdict: Remains}, []cuenta.Result{{Value: 9, Revision: 1}}, "-1"},
		{Line{Verdict: Remains}, []cuenta.Result{{Value: 9, Revision: 1, Amount: hour}}, "3600"},
		{Line{Verdict: Remains}, []cuenta.Result{{Value: 9, Revision: 1, Amount: hour + 1}}, "3601"},
		{Line{Verdict: Remains}, []cuenta.Result{{Revision: 1, Amount: 1}}, "1"},
		{Line{Verdict: Remains}, []cuenta.Result{{Revision: 1, Amount: math.MaxInt64}}, "9223372037"},
		{Line{Verdict: Remains}, []cuenta.Result{{Code: cuenta.Busy, Revision: 1, Amount: hour}}, "error busy the server is at its limit, try again"},
		{Line{Verdict: Reserves}, []cuenta.Result{{Value: 9, Revision: 4, Amount: 2}}, "4"},
		{Line{Verdict: Reserves}, []cuenta.Result{{Code: cuenta.Limited, Value: 9, Revision: 4, Amount: 2}}, "error limit the limit 9 leaves room for 2"},
		{valid(0), []cuenta.Result{{Value: 9}}, "0"},
		{valid(1), []cuenta.Result{{Value: 9}}, "1"},
		{valid(9), []cuenta.Result{{Value: 9}}, "1"},
		{valid(10), []cuenta.Result{{Value: 9}}, "0"},
		{valid(1), []cuenta.Result{{}}, "0"},
		{valid(1), []cuenta.Result{{Code: cuenta.Busy}}, "error busy the server is at its limit, try again"},
		{leaves(cuenta.Terms{}), []cuenta.Result{{}}, "9223372036854775807"},
		{sinks(cuenta.Terms{}), []cuenta.Result{{}}, "9223372036854775807"},
		{sinks(cuenta.Terms{}), []cuenta.Result{{Value: -1}}, "9223372036854775807"},
		{sinks(cuenta.Terms{}), []cuenta.Result{{Value: -2}}, "9223372036854775806"},
		{sinks(cuenta.Terms{HeldDown: 4}), []cuenta.Result{{Value: -3}}, "9223372036854775801"},
		{sinks(cuenta.Terms{Floor: to(2), Held: 9, HeldDown: 4}), []cuenta.Result{{Value: 10}}, "4"},
		{sinks(cuenta.Terms{Floor: to(2)}), []cuenta.Result{{Value: 2}}, "0"},
		{sinks(cuenta.Terms{Floor: to(-2)}), []cuenta.Result{{Value: math.MaxInt64}}, "9223372036854775807"},
		{sinks(cuenta.Terms{Floor: to(10), HeldDown: 5}), []cuenta.Result{{Value: math.MaxInt64}}, "9223372036854775792"},
		{sinks(cuenta.Terms{}), []cuenta.Result{{Code: cuenta.Busy}}, "error busy the server is at its limit, try again"},
		{renumber, []cuenta.Result{{}, {Revision: 4}, {Value: 8, Revision: 1}}, "0"},
		{renumber, []cuenta.Result{{Value: 7, Replayed: true}, {Replayed: true}, {Replayed: true}}, "0"},
		{renumber, []cuenta.Result{{Code: cuenta.Aborted}, {Code: cuenta.Limited, Value: 3, Amount: -2}, {Code: cuenta.Aborted}}, "error limit the limit 3 leaves room for -2"},
		{renumber, []cuenta.Result{{Code: cuenta.Aborted}, {Code: cuenta.Aborted}, {Code: cuenta.TooMany}}, "error too-many " + cuenta.TooMany.Text()},
		{renumber, []cuenta.Result{{Code: cuenta.Failed}, {Code: cuenta.Failed}, {Code: cuenta.Failed}}, "error failed " + cuenta.Failed.Text()},
		{leaves(cuenta.Terms{}), []cuenta.Result{{Value: -5}}, "9223372036854775807"},
		{leaves(cuenta.Terms{Held: 4}), []cuenta.Result{{Value: 3}}, "9223372036854775800"},
		{leaves(cuenta.Terms{Ceiling: to(10), Held: 4, HeldDown: 9}), []cuenta.Result{{Value: 3}}, "3"},
		{leaves(cuenta.Terms{Ceiling: to(10)}), []cuenta.Result{{Value: 10}}, "0"},
		{leaves(cuenta.Terms{Ceiling: to(10)}), []cuenta.Result{{Value: math.MinInt64}}, "9223372036854775807"},
		{leaves(cuenta.Terms{Ceiling: to(-10), Held: 5}), []cuenta.Result{{Value: math.MinInt64}}, "9223372036854775793"},
		{Line{Verdict: Command}, []cuenta.Result{{Code: cuenta.Throttled, Value: 3, Amount: 59*int64(time.Minute) + 1}}, "error throttled too much for now, try again in 59m0.001s"},
		{Line{Verdict: Command}, []cuenta.Result{{Code: cuenta.Throttled, Amount: hour + 1}}, "error throttled too much for now, try again in 1h0m1s"},
		{Line{Verdict: Command}, []cuenta.Result{{Code: cuenta.Throttled, Amount: hour}}, "error throttled too much for now, try again in 1h0m0s"},
		{Line{Verdict: Command}, []cuenta.Result{{Code: cuenta.Throttled, Amount: -1}}, "error throttled more than the rate ever allows at once"},
		{Line{Verdict: Command}, []cuenta.Result{{Code: cuenta.Throttled, Amount: math.MaxInt64}}, "error throttled more than the rate allows, try again later"},
		{transfer, []cuenta.Result{{Value: 7, Revision: 3}, {Value: 7, Revision: 3}, {Value: 2}, {Value: 5}}, "2"},
		{transfer, []cuenta.Result{{Value: 7, Replayed: true}, {Replayed: true}, {Replayed: true}, {Replayed: true}}, "2"},
		{transfer, []cuenta.Result{{Code: cuenta.Aborted}, {Code: cuenta.Aborted}, {Code: cuenta.Limited, Value: 3, Amount: -2}, {Code: cuenta.Aborted}}, "error limit the limit 3 leaves room for -2"},
		{transfer, []cuenta.Result{{Code: cuenta.Aborted}, {Code: cuenta.Aborted}, {Code: cuenta.Aborted}, {Code: cuenta.Overflow, Value: math.MaxInt64}},
			"error overflow the counter would pass 9223372036854775807"},
		{transfer, []cuenta.Result{{Code: cuenta.Conflict}, {Code: cuenta.Conflict}, {Code: cuenta.Conflict}, {Code: cuenta.Conflict}}, "error conflict " + cuenta.Conflict.Text()},
		{transfer, []cuenta.Result{{Code: cuenta.Aborted, Replayed: true}, {Code: cuenta.Aborted}, {Code: cuenta.Aborted}, {Code: cuenta.Aborted}}, "error aborted " + cuenta.Aborted.Text()},
	} {
		if got := string(x.line.AppendAnswer([]byte("x"), x.results)); got != "x"+x.want+"\n" {
			t.Errorf("%+v of %+v: got %q, want %q", x.line, x.results, got, x.want)
		}
	}
}
