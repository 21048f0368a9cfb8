//go:build linux

package main

import "github.com/cuenta-server/cuenta"

// Few counters, so that everybody meets everybody on them. Each stands for a kind
// of trouble. Who is told values only comes to few of them, with few others of that
// kind: where no revision tells the order of changes the judge has to find one, and
// can do so only among few.
var (
	// plain counters are changed by small amounts and are never deleted.
	plain = []string{"", "visitas", "ñandú", "x.y", "a", "b/c", "7", "user:1", "p", "q", "r"}

	// edgy ones are changed by amounts that soon pass an end of int64. A refusal does
	// not tell what it has found, so they are in no batch.
	edgy = []string{"edge-1", "edge-2", "edge-3", "edge-4"}

	// fleeting ones are deleted and made anew, by those who are told revisions.
	fleeting = []string{"gone-1", "gone-2"}

	// joint ones are changed by batches of those who are told revisions.
	joint = []string{"joint-1", "joint-2", "joint-3", "joint-4"}
)

// flooded is changed so often that the log takes all the room there is.
const flooded = "flood"

// names is what a client counts on, by kind.
type names struct{ plain, edgy, fleeting, joint []string }

// namesFor gives a client its counters; n is its place among those of its kind.
func namesFor(told bool, n int) names {
	if told {
		return names{plain, edgy[:1], fleeting, joint}
	}
	pick := func(all []string, i int) string { return all[i%len(all)] }
	return names{plain: []string{pick(plain, n), pick(plain, n+3), pick(plain, n+7)}, edgy: []string{edgy[1+n%(len(edgy)-1)]}}
}

// draw draws a counter for an operation, and tells whether it is an edgy one.
func (d *drawer) counter(op cuenta.Op, batch bool) (name []byte, edge bool) {
	from := d.names.plain
	switch draw := d.dice.IntN(20); {
	case draw < 2 && !batch:
		from, edge = d.names.edgy, true
	case d.told && (op == cuenta.Delete || draw < 7):
		from = d.names.fleeting
	case d.told && (batch || draw < 10):
		from = d.names.joint
	}
	if op == cuenta.Delete && d.told {
		from, edge = d.names.fleeting, false
	}
	return []byte(from[d.dice.IntN(len(from))]), edge
}
