package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var executable string

func TestMain(m *testing.M) { os.Exit(build(m)) }

// build makes the program that is killed in these tests.
func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cuenta-demo-test-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	executable = filepath.Join(dir, "cuenta")
	if out, err := exec.Command("go", "build", "-o", executable, "github.com/cuenta-server/cuenta/cmd/cuenta").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building cuenta: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// shortDir gives the test a directory. Its path is short, for the sockets in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// ownTemp gives the test a directory in which temporary ones are made.
func ownTemp(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	t.Setenv("TMPDIR", dir)
	return dir
}

func expectEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestCrash is the demonstration, in short: the real server, killed twice, behind
// all proxies.
func TestCrash(t *testing.T) {
	temp := ownTemp(t)
	redis := findRedis()
	told := 0
	report, err := Crash(t.Context(), Config{Executable: executable, Redis: redis, Seed: 4, Duration: 2 * time.Second}, func(Snapshot) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if !report.Exact {
		t.Errorf("not exact: %+v; see %s", report.Once, report.Kept)
	} else {
		expectEmpty(t, temp)
	}
	if report.Kills != 2 || report.Cuts == 0 || report.Lost == 0 || told == 0 {
		t.Errorf("%d kills, %d cuts, %d datagrams lost, progress told %d times", report.Kills, report.Cuts, report.Lost, told)
	}
	left := map[string]bool{}
	for _, o := range report.LeftOut {
		left[o.Part] = true
	}
	for _, tallies := range [][]Tally{report.Once, report.Bare} {
		if len(tallies)+len(left) < len(fronts)+1 {
			t.Errorf("%d fronts, left out %v", len(tallies), left)
		}
		for _, tally := range tallies {
			if len(tally.Failures) > 0 || tally.Expected == 0 {
				t.Errorf("%s: nothing counted, or failures: %+v", tally.Front, tally)
			}
		}
	}
	if redis != "" && (len(report.Redis) != 1 || report.Redis[0].Expected == 0 || len(report.Redis[0].Failures) > 0) {
		t.Errorf("Redis: %+v", report.Redis)
	}
}

// Wherever it is interrupted, nothing is left.
func TestInterruptedLeavesNothing(t *testing.T) {
	temp := ownTemp(t)
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 400 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := Crash(ctx, Config{Executable: executable, Seed: 5, Duration: time.Minute}, func(Snapshot) {})
		cancel()
		if err == nil {
			t.Errorf("interrupted after %v, and it has come to its end", after)
		}
		expectEmpty(t, temp)
	}
}

func TestNoServerAtAll(t *testing.T) {
	temp := ownTemp(t)
	start := time.Now()
	_, err := Crash(t.Context(), Config{Executable: filepath.Join(temp, "none"), Seed: 6, Duration: time.Second}, func(Snapshot) {})
	if err == nil || time.Since(start) > startPatience {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	expectEmpty(t, temp)
}
