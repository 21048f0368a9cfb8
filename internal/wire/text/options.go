package text

import (
	"bytes"
	"math"
	"time"

	"github.com/cuenta-server/cuenta"
)

// options reads a run of options, each after its space.
func (c *command) options(p []byte) Verdict {
	for len(p) > 0 {
		p = p[1:] // the space that ended what came before
		word := p
		if i := bytes.IndexByte(p, ' '); i >= 0 {
			word = p[:i]
		}
		p = p[len(word):]
		verdict := badSpacing
		if len(word) > 0 {
			verdict = c.option(word)
		}
		if verdict != Command {
			return verdict
		}
	}
	return Command
}

func (c *command) option(word []byte) Verdict {
	if word[0] == '@' {
		return c.nameCounter(word[1:])
	}
	switch string(word) {
	case "sat":
		return c.give(satOption)
	case "total":
		return c.give(totalOption)
	case "baja":
		return c.give(downOption)
	}
	name, value, ok := bytes.Cut(word, []byte{'='})
	if !ok {
		return badOption
	}
	switch string(name) {
	case "id":
		c.key = value
		return c.giveIf(keyOption, cuenta.ValidKey(value), badKey)
	case "min":
		c.floor, ok = integer(value)
		return c.giveIf(minOption, ok, badBound)
	case "max":
		c.ceiling, ok = integer(value)
		return c.giveIf(maxOption, ok, badBound)
	case "ttl":
		c.ttl, ok = natural(value, maxSeconds)
		return c.giveIf(ttlOption, ok, badTTL)
	case "if":
		c.when, ok = condition(value)
		return c.giveIf(ifOption, ok, badIf)
	}
	return c.rareOption(string(name), value)
}

// rareOption reads an option of rates, tickets and holds.
func (c *command) rareOption(name string, value []byte) Verdict {
	var ok bool
	switch name {
	case "per":
		c.rate.Period, ok = natural(value, maxPeriod)
		c.rate.Period *= int64(time.Second)
		return c.giveIf(perOption, ok, badPer)
	case "tipo":
		c.rate.Kind, ok = kindOf(value)
		return c.giveIf(kindOption, ok, badKind)
	case "raf":
		c.rate.Burst, ok = natural(value, math.MaxInt64)
		return c.giveIf(burstOption, ok, badBurst)
	case "para":
		c.ident = value
		return c.giveIf(identOption, len(value) <= cuenta.MaxKey && cuenta.ValidName(value), badIdent)
	case "de":
		var id int64
		id, ok = natural(value, math.MaxInt64)
		c.hold = uint64(id)
		return c.giveIf(holdOption, ok, badHold)
	}
	return badOption
}

// maxPeriod is the longest period of a rate, in seconds: 100 years.
const maxPeriod = 100 * 365 * 24 * 60 * 60

// give notes that an option is given.
func (c *command) give(o option) Verdict {
	if c.given&o != 0 {
		return badRepeat
	}
	c.given |= o
	return Command
}

func (c *command) giveIf(o option, valid bool, otherwise Verdict) Verdict {
	if c.given&o != 0 {
		return badRepeat
	}
	if !valid {
		return otherwise
	}
	return c.give(o)
}

// nameCounter takes the name of the counter; of tra, of both counters.
func (c *command) nameCounter(name []byte) Verdict {
	valid := cuenta.ValidName(name)
	if c.verb == tra && c.counter != nil && c.to == nil {
		if !valid {
			return badName
		}
		c.to = name
		return Command
	}
	if verdict := c.giveIf(counterOption, valid, badName); verdict != Command {
		return verdict
	}
	c.counter = name
	return Command
}

// integer reads an int64: digits, and a minus before them if it is below 0.
func integer(p []byte) (n int64, ok bool) {
	digits := bytes.TrimPrefix(p, []byte{'-'})
	n, rest, verdict := number(digits)
	switch {
	case len(digits) == len(p):
		return n, verdict == Command && len(rest) == 0
	case verdict == badRange:
		// The least has no positive counterpart.
		return math.MinInt64, string(bytes.TrimLeft(digits, "0")) == "9223372036854775808"
	}
	return -n, verdict == Command && len(rest) == 0
}

// natural reads digits that are a number from 1 to most.
func natural(p []byte, most int64) (n int64, ok bool) {
	n, rest, verdict := number(p)
	return n, verdict == Command && len(rest) == 0 && 1 <= n && n <= most
}

func kindOf(p []byte) (cuenta.RateKind, bool) {
	switch string(p) {
	case "fija":
		return cuenta.FixedWindow, true
	case "deslizante":
		return cuenta.SlidingWindow, true
	case "continua":
		return cuenta.Steady, true
	}
	return cuenta.NoRate, false
}

func condition(p []byte) (cuenta.ExpiryCondition, bool) {
	for when, name := range conditions {
		if when > 0 && string(p) == name {
			return cuenta.ExpiryCondition(when), true
		}
	}
	return cuenta.ExpiryAlways, false
}

var conditions = [...]string{
	cuenta.ExpiryIfNone: "none", cuenta.ExpiryIfAny: "any", cuenta.ExpiryIfLater: "later", cuenta.ExpiryIfSooner: "sooner",
	cuenta.ExpiryIfAnySooner: "any-sooner",
}
