package config

import (
	"testing"
	"time"
)

func TestDemo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want Demo
		err  bool
	}{
		{[]string{"--seed", "18446744073709551615", "--duration", "3s", "--json"}, Demo{3 * time.Second, 1<<64 - 1, true, 0}, false},
		{[]string{"--seed", "0"}, Demo{10 * time.Second, 0, false, 0}, false},
		{[]string{"--seed", "-1"}, Demo{}, true},
		{[]string{"--seed", "x"}, Demo{}, true},
		{[]string{"--duration", "999ms"}, Demo{}, true},
		{[]string{"--duration", "11m"}, Demo{}, true},
	} {
		env, err := Load(nil, "/nonexistent/.env")
		if err != nil {
			t.Fatal(err)
		}
		values, _, err := Parse(c.args, env)
		if err != nil {
			t.Fatal(err)
		}
		got, err := values.Demo()
		if (err != nil) != c.err || err == nil && got != c.want {
			t.Errorf("%v: %+v, %v", c.args, got, err)
		}
	}
}

func TestDemoDrawsASeed(t *testing.T) {
	values, _, err := Parse(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	values.env, _ = Load(nil, "/nonexistent/.env")
	seeds := map[uint64]bool{}
	for range 20 {
		d, err := values.Demo()
		if err != nil {
			t.Fatal(err)
		}
		seeds[d.Seed] = true
	}
	if len(seeds) < 10 {
		t.Errorf("only %d seeds in 20 runs", len(seeds))
	}
}
