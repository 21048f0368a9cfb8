package config

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Demo is what the demonstration is told.
type Demo struct {
	Duration time.Duration
	Seed     uint64 // drawn at random unless given
	JSON     bool
	Lang     lang.Lang
}

// maxDemo bounds a demonstration: its clients' identities stay in memory.
const maxDemo = 10 * time.Minute

// Demo reads the settings of the demonstration.
func (v Values) Demo() (Demo, error) {
	r := reader{values: v}
	d := Demo{Duration: read(&r, "duration", parseDemoTime), Seed: rand.Uint64N(1_000_000), JSON: v.On("json")}
	if _, given := v.flags["seed"]; given {
		d.Seed = read(&r, "seed", parseSeed)
	}
	d.Lang, _ = v.Lang() // its error was shown before the command was chosen
	return d, r.err
}

func parseDemoTime(s string) (time.Duration, error) {
	d, err := parseTime(s)
	if err == nil && (d < time.Second || d > maxDemo) {
		err = lang.Text{ES: "se espera un tiempo de 1s a %v", EN: "want a time from 1s to %v"}.Fill(maxDemo)
	}
	return d, err
}

func parseSeed(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, lang.Text{ES: "se espera un número de 0 a 18446744073709551615", EN: "want a number from 0 to 18446744073709551615"}
	}
	return n, nil
}
