package text

import (
	"bytes"
	"math"

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
	if string(word) == "sat" {
		return c.give(satOption)
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
		n, rest, verdict := number(value)
		c.ttl = n
		return c.giveIf(ttlOption, verdict == Command && len(rest) == 0 && n > 0 && n <= maxSeconds, badTTL)
	case "if":
		c.when, ok = condition(value)
		return c.giveIf(ifOption, ok, badIf)
	}
	return badOption
}

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
}
