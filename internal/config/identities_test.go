package config

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for s, want := range map[string]uint64{
		"1GiB": 1 << 30, "512MiB": 512 << 20, "512 MiB": 512 << 20, "1048576": 1 << 20, "1048576B": 1 << 20, "16TiB": 1 << 44,
		"": 0, "1048575": 0, "1GB": 0, "-1GiB": 0, "1.5GiB": 0, "17TiB": 0, "18446744073709551615TiB": 0, "GiB": 0, "+1GiB": 0, "1gib": 0,
	} {
		if got, err := parseSize(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

func TestAges(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "7d": 168 * time.Hour, "1m": time.Minute, "366d": maxAge, "1h30m": 90 * time.Minute,
		"": 0, "59s": 0, "367d": 0, "-1d": 0, "1.5d": 0, "d": 0, "99999d": 0, "1": 0, "1h2d": 0,
	} {
		if got, err := parseAge(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}
