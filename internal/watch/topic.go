package watch

import (
	"maps"
	"slices"

	"github.com/cuenta-server/cuenta"
)

// topic is what a watch covers: a counter, or all whose names begin so.
type topic struct {
	name   string
	prefix bool
}

func (t topic) covers(name []byte) bool {
	if t.prefix {
		return len(name) >= len(t.name) && string(name[:len(t.name)]) == t.name
	}
	return string(name) == t.name
}

// topics finds the feeds that a change concerns. What it costs depends on how many
// lengths the prefixes have, not on how many there are.
type topics struct {
	exact    map[string]*feed
	prefixes map[string]*feed
	lengths  []int // of the prefixes, each once, ascending
	counts   map[int]int
}

func newTopics() topics {
	return topics{make(map[string]*feed), make(map[string]*feed), nil, make(map[int]int)}
}

func (t *topics) len() int { return len(t.exact) + len(t.prefixes) }

func (t *topics) find(of topic) *feed {
	if of.prefix {
		return t.prefixes[of.name]
	}
	return t.exact[of.name]
}

func (t *topics) add(f *feed) {
	if !f.prefix {
		t.exact[f.name] = f
		return
	}
	t.prefixes[f.name] = f
	t.counts[len(f.name)]++
	t.lengths = slices.Sorted(maps.Keys(t.counts))
}

func (t *topics) remove(f *feed) {
	if !f.prefix {
		delete(t.exact, f.name)
		return
	}
	delete(t.prefixes, f.name)
	if t.counts[len(f.name)]--; t.counts[len(f.name)] == 0 {
		delete(t.counts, len(f.name))
	}
	t.lengths = slices.Sorted(maps.Keys(t.counts))
}

// each calls do for every feed that covers the name.
func (t *topics) each(name []byte, do func(*feed)) {
	if f := t.exact[string(name)]; f != nil {
		do(f)
	}
	for _, n := range t.lengths {
		if n > len(name) {
			return
		}
		if f := t.prefixes[string(name[:n])]; f != nil {
			do(f)
		}
	}
}

// all calls do for every feed.
func (t *topics) all(do func(*feed)) {
	for _, f := range t.exact {
		do(f)
	}
	for _, f := range t.prefixes {
		do(f)
	}
}

// merged is changes, of each counter one.
type merged struct {
	changes []cuenta.Change
	at      map[string]int
}

// add merges a change: what became of the counter since the first one before.
func (m *merged) add(e *entry, name []byte) {
	if i, ok := m.at[string(name)]; ok {
		c := &m.changes[i]
		c.Value, c.Revision, c.Deleted = e.value, e.revision, e.deleted
		return
	}
	c := changeOf(e, name)
	if m.at == nil {
		m.at = make(map[string]int)
	}
	m.at[c.Counter] = len(m.changes)
	m.changes = append(m.changes, c)
}

func changeOf(e *entry, name []byte) cuenta.Change {
	return cuenta.Change{Counter: string(name), Value: e.value, Revision: e.revision, Since: e.since, Deleted: e.deleted}
}

// take returns the changes, and forgets them.
func (m *merged) take() []cuenta.Change {
	changes := m.changes
	m.changes = nil
	if len(changes) > maxDelivery {
		m.at = nil // lest a map that was large once is cleared forever
	}
	clear(m.at)
	return changes
}
