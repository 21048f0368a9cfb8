package config

import (
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Bench is what the load generator is told. Its bounds are the generator's own matter.
type Bench struct {
	Front        string
	Op           string
	Connections  int
	Pipeline     int
	Keys         int64
	Distribution string
	Identity     string
	Rate         float64       // 0: a closed loop
	Duration     time.Duration // 0: until Operations are done
	Operations   int64         // 0: for Duration
	WarmUp       time.Duration
	JSON         bool
}

// Bench reads the settings of the load generator.
func (v Values) Bench() (Bench, error) {
	r := reader{values: v}
	word := func(s string) (string, error) { return s, nil }
	b := Bench{
		Front:        read(&r, "front", word),
		Op:           read(&r, "op", word),
		Connections:  int(read(&r, "connections", parseCount)),
		Pipeline:     int(read(&r, "pipeline", parseCount)),
		Keys:         read(&r, "keys", parseCount),
		Distribution: read(&r, "distribution", word),
		Identity:     read(&r, "identity", word),
		WarmUp:       read(&r, "warm-up", parseTime),
		JSON:         v.On("json"),
	}
	if _, given := v.flags["rate"]; given {
		b.Rate = float64(read(&r, "rate", parseCount))
	}
	_, timed := v.flags["duration"]
	if _, counted := v.flags["operations"]; counted {
		b.Operations = read(&r, "operations", parseCount)
		if !timed {
			return b, r.err
		}
	}
	if b.Duration = read(&r, "duration", parseTime); b.Duration == 0 && r.err == nil {
		r.err = lang.Text{ES: "--duration: se espera un tiempo mayor que 0", EN: "--duration: want a time over 0"}
	}
	return b, r.err
}

// FrontAddress is the address of a front that an operand gives, or the default if
// that is empty. It is a path for the front shm.
func (v Values) FrontAddress(front, operand string) (string, error) {
	switch {
	case front == "shm" && operand == "":
		r := reader{values: v}
		path := readUnixPath(&r, "shm", "shm.sock")
		return path, r.err
	case front == "shm":
		return operand, nil
	case operand == "":
		return Find(front).Default, nil
	}
	return ParseAddress(operand)
}

// maxCount is far above what anything countable here may be, and below what an int holds.
const maxCount = 1_000_000_000

func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > maxCount {
		return 0, lang.Text{ES: "se espera un número de 1 a %d", EN: "want a number from 1 to %d"}.Fill(maxCount)
	}
	return n, nil
}

func parseTime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > 24*time.Hour {
		return 0, lang.Text{ES: "se espera un tiempo como 10s o 2m, hasta 24h", EN: "want a time such as 10s or 2m, up to 24h"}
	}
	return d, nil
}
