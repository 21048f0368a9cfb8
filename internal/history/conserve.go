package history

import (
	"fmt"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// Where a total was declared before anything below it began, and values have been changed
// by additions alone, it must be the sum of what is below it whenever a state was found,
// whatever became of requests that were lost.

// conserved compares totals with what is below them.
func (c *checker) conserved(times map[uint32]*declared) {
	changed := c.changedBy()
	for total, of := range times {
		below, ok := c.belowOf(total, of, changed)
		if !ok {
			continue
		}
		for i := range c.h.States {
			s := &c.h.States[i]
			var sum int64
			values := map[uint32]int64{}
			for _, count := range s.Counters {
				values[count.Counter] = count.Value
			}
			for _, counter := range below {
				sum += values[counter]
			}
			if !s.Partial && values[total] != sum && s.Start > of.made[0].end {
				c.found.add(s.End, Violation{Counter: c.name(total), Text: fmt.Sprintf(
					"counter %q: at %s the total is %d, and what is below it comes to %d", c.name(total), s.Label, values[total], sum)})
			}
		}
	}
}

// changes are what has changed a counter's value.
type changesOf struct {
	added, otherwise bool
	first            int64 // when that may have begun
}

func (c *checker) changedBy() []changesOf {
	all := make([]changesOf, len(c.h.Counters))
	for i := range all {
		all[i] = changesOf{first: Never, otherwise: c.mayEnd(uint32(i)) || c.rated[i]}
	}
	for id := range c.n + uint32(len(c.made)) {
		e, ok := c.entryOf(id)
		o := c.at(id)
		if !ok || e.role != roleChange && e.role != roleMaybe || o.told(Charged) {
			continue
		}
		switch of := &all[o.Counter]; o.Op {
		case cuenta.Add, cuenta.Settle:
			of.added, of.first = true, min(of.first, o.Start)
		case cuenta.Limit, cuenta.Hold, cuenta.Release, cuenta.Extend:
		default:
			of.otherwise = true
		}
	}
	return all
}

// belowOf returns the counters that a total must be the sum of; false if it need not be
// that of any.
func (c *checker) belowOf(total uint32, of *declared, changed []changesOf) (below []uint32, ok bool) {
	if len(of.made) == 0 || !of.made[0].certain || of.made[0].value != 0 || len(of.ended) > 0 ||
		changed[total].otherwise || changed[total].added {
		return nil, false
	}
	for i, name := range c.h.Counters {
		if !c.isBelow(uint32(i), total) {
			continue
		}
		switch by := changed[i]; {
		case c.keepsTicket(uint32(i)), c.totals[i] && by.added, by.otherwise, by.first <= of.made[0].end, strings.Count(name, "/") > cuenta.MaxLevels:
			return nil, false
		case !c.totals[i]:
			below = append(below, uint32(i))
		}
	}
	return below, true
}
