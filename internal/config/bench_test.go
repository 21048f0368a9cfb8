package config

import (
	"path/filepath"
	"testing"
	"time"
)

func TestBenchSettings(t *testing.T) {
	defaults := Bench{Front: "resp", Op: "increment", Connections: 50, Pipeline: 1, Keys: 100_000, Distribution: "uniform", Identity: "none", Duration: 10 * time.Second, WarmUp: time.Second}
	with := func(change func(*Bench)) Bench {
		b := defaults
		change(&b)
		return b
	}
	for _, x := range []struct {
		args []string
		want Bench
	}{
		{nil, defaults},
		{[]string{"--rate", "20000", "--json", "--identity", "key", "--op", "take"}, with(func(b *Bench) { b.Rate, b.JSON, b.Identity, b.Op = 20_000, true, "key", "take" })},
		{[]string{"--operations", "7"}, with(func(b *Bench) { b.Operations, b.Duration = 7, 0 })},
		{[]string{"--operations", "7", "--duration", "2s"}, with(func(b *Bench) { b.Operations, b.Duration = 7, 2*time.Second })},
		{[]string{"--warm-up", "0s"}, with(func(b *Bench) { b.WarmUp = 0 })},
	} {
		v, _, err := parse(t, "", nil, x.args...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Bench(); err != nil || got != x.want {
			t.Errorf("%q: %+v, %v\nwant %+v", x.args, got, err, x.want)
		}
	}
	for _, bad := range [][]string{
		{"--connections", "0"}, {"--pipeline", "-1"}, {"--keys", "many"}, {"--keys", "1000000001"}, {"--rate", "0"}, {"--operations", "0"},
		{"--duration", "0s"}, {"--duration", "-1s"}, {"--duration", "10"}, {"--warm-up", "25h"}, {"--operations", "1", "--duration", "x"},
	} {
		v, _, err := parse(t, "", nil, bad...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Bench(); err == nil {
			t.Errorf("%q was taken for %+v", bad, got)
		}
	}
}

func TestEveryFrontHasAnAddress(t *testing.T) {
	v, _, err := parse(t, "", []string{"CUENTA_DATA=d"})
	if err != nil {
		t.Fatal(err)
	}
	for _, front := range []string{"resp", "udp", "tcp", "proc", "rpc", "web"} {
		address, err := v.FrontAddress(front, "")
		if err == nil {
			_, err = ParseAddress(address)
		}
		if err != nil {
			t.Errorf("%s: %v", front, err)
		}
		if address, err := v.FrontAddress(front, "7"); err != nil || address != "127.0.0.1:7" {
			t.Errorf("%s: %q, %v", front, address, err)
		}
	}
	if path, err := v.FrontAddress("shm", ""); err != nil || path != filepath.Join("d", "shm.sock") {
		t.Errorf("shm: %q, %v", path, err)
	}
	if path, err := v.FrontAddress("shm", "a/b.sock"); err != nil || path != "a/b.sock" {
		t.Errorf("shm: %q, %v", path, err)
	}
}
