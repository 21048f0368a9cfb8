package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestReportGolden(t *testing.T) {
	r := Report{
		Front: cuenta.FrontRESP, Op: Reserve, Address: "127.0.0.1:6380", Connections: 50, Pipeline: 16, Keys: 100_000, Distribution: Zipf,
		Rate: 20_000, WarmedUp: 19_999, Operations: 200_000, Errors: 3, ErrorKinds: map[string]int64{"ERR busy": 2, "no answer": 1},
		Unsent: 4, Elapsed: 10 * time.Second, OperationsPerSecond: 20_000.25,
		Latency: Latency{Min: 1, Mean: 2, P50: 3, P90: 4, P99: 5, P999: 6, P9999: 7, Max: 8},
	}
	got, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "report.json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("%s differs; go test -update rewrites it. Now:\n%s", path, got)
	}
}

func TestKindsOfErrorsAreBounded(t *testing.T) {
	r := newRecorder()
	for i := range 100 {
		r.fail(0, fmt.Sprint("reason ", i), 2)
	}
	if len(r.errors) > maxKinds+1 || r.failed != 200 || r.errors["others"] != 2*(100-maxKinds) {
		t.Errorf("%d in %v", r.failed, r.errors)
	}
}
