package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

func groupOf(clients ...*client) *group { return &group{front: "tcp", clients: clients} }

func clientOf(counter string, counted, repeated int64) *client {
	c := &client{counter: counter}
	c.counted.Store(counted)
	c.repeated.Store(repeated)
	return c
}

func holding(values map[string]int64) func(context.Context, string) (int64, error) {
	return func(_ context.Context, counter string) (int64, error) {
		value, known := values[counter]
		if !known {
			return 0, errors.New("no such counter")
		}
		return value, nil
	}
}

func TestTally(t *testing.T) {
	g := groupOf(clientOf("a", 3, 1), clientOf("b", 5, 0), clientOf("a", 4, 2))
	tally, err := g.tally(t.Context(), holding(map[string]int64{"a": 7, "b": 5}))
	if err != nil || !tally.Exact() || tally.Sent != 15 || tally.Retried != 3 || tally.Expected != 12 || tally.Actual != 12 || tally.Difference != 0 {
		t.Errorf("%+v, %v", tally, err)
	}
	// The total is right and two counters are wrong.
	tally, err = g.tally(t.Context(), holding(map[string]int64{"a": 8, "b": 4}))
	if err != nil || tally.Exact() || tally.Difference != 0 || len(tally.Wrong) != 2 ||
		tally.Wrong[0] != (Wrong{"a", 7, 8}) || tally.Wrong[1] != (Wrong{"b", 5, 4}) {
		t.Errorf("%+v, %v", tally, err)
	}
	if _, err := g.tally(t.Context(), holding(map[string]int64{"a": 7})); err == nil {
		t.Error("a counter that cannot be read is no failure")
	}
	g.clients[1].failed = errors.New("operation 6 (key k) on b: no answer")
	tally, err = g.tally(t.Context(), holding(map[string]int64{"a": 7, "b": 5}))
	if err != nil || tally.Exact() || len(tally.Failures) != 1 {
		t.Errorf("%+v, %v: what became of an operation is not known", tally, err)
	}
}

func example() *Report {
	return &Report{
		Seed: 42, Seconds: 10, Kills: 6, Lost: 7, Repeated: 8, Cuts: 9, Exact: true,
		Once:    []Tally{{Front: "udp", Sent: 15, Retried: 3, Expected: 12, Actual: 12}},
		Bare:    []Tally{{Front: "udp", Sent: 14, Retried: 3, Expected: 11, Actual: 13, Difference: 2}},
		Redis:   []Tally{{Front: "redis", Sent: 10, Retried: 1, Expected: 9, Actual: 10, Difference: 1}},
		LeftOut: []Omission{{"proc", needsLinux.ES}},
	}
}

func conclusion(t *testing.T, r *Report, asJSON bool, l lang.Lang) (string, error) {
	t.Helper()
	var b bytes.Buffer
	err := conclude(r, config.Demo{JSON: asJSON, Lang: l}, &b)
	return b.String(), err
}

func TestExactTotalsAreShown(t *testing.T) {
	const want = `
6 kill -9, 9 conexiones cortadas, 7 datagramas perdidos y 8 repetidos. Semilla 42.

Con identidad
   servicio   enviadas   repetidas   esperado   real   diferencia
        udp         15           3         12     12            0

Sin ella: el inc de siempre
   servicio   enviadas   repetidas   esperado   real   diferencia
        udp         14           3         11     13           +2

Redis (INCR, appendfsync always)
   servicio   enviadas   repetidas   esperado   real   diferencia
      redis         10           1          9     10           +1

Falta proc: necesita Linux.

Con identidad, 12 operaciones repetidas 3 veces se contaron exactamente una vez cada una.
Sin ella Cuenta se desvió en +2 y Redis en +1.
`
	if got, err := conclusion(t, example(), false, lang.Spanish); err != nil || got != want {
		t.Errorf("%v\n%s\nwant:\n%s", err, got, want)
	}
	got, err := conclusion(t, example(), false, lang.English)
	if err != nil || !strings.HasSuffix(got, "were counted exactly once each.\nWithout them Cuenta drifted by +2 and Redis by +1.\n") {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestInexactTotalsFail(t *testing.T) {
	r := example()
	r.Exact, r.Kept = false, "/somewhere"
	r.Once[0].Wrong = []Wrong{{"udp.once.1", 12, 11}}
	r.Once[0].Failures = []string{"operation 3 (key k) on udp.once.1: refused: conflict"}
	for _, l := range []lang.Lang{lang.Spanish, lang.English} {
		got, err := conclusion(t, r, false, l)
		if err == nil {
			t.Error("it does not fail")
		}
		for _, part := range []string{"udp.once.1", "key k", "/somewhere", "42"} {
			if !strings.Contains(got, part) {
				t.Errorf("%v: %s is not named:\n%s", l, part, got)
			}
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	r := example()
	r.Exact = false
	text, err := conclusion(t, r, true, lang.English)
	if err == nil {
		t.Error("it does not fail")
	}
	var back struct {
		Seed  uint64
		Exact bool
		With  []struct{ Expected, Actual int64 } `json:"with_identities"`
	}
	if err := json.Unmarshal([]byte(text), &back); err != nil || back.Seed != 42 || back.Exact || len(back.With) != 1 || back.With[0].Expected != 12 {
		t.Errorf("%+v, %v in\n%s", back, err, text)
	}
}
