package text

import (
	"math"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

// What results are made to one answer of.
func TestLines(t *testing.T) {
	transfer := Line{Transfer, 5}
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
