package proc

import (
	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
)

// maxPlaces is how many counters' cells a worker remembers.
const maxPlaces = 4096

// places is what a worker knows of where counters live. The index of names
// belongs to the server alone; a worker learns a counter's cell from the answer
// to its first read. The generation tells whether the counter still lives there.
type places struct {
	cells shm.Cells
	known map[string]place
}

type place struct{ cell, generation uint32 }

func newPlaces(cells shm.Cells) places {
	return places{cells: cells, known: make(map[string]place)}
}

// read reads a counter from its cell. It reports false if the server must be
// asked.
func (p *places) read(name []byte, r *cuenta.Result) bool {
	if len(name) == 0 {
		name = []byte(cuenta.DefaultCounter)
	}
	at, ok := p.known[string(name)]
	if !ok {
		return false
	}
	value, revision, ok := p.cells.At(at.cell).Durable(at.generation)
	if !ok {
		delete(p.known, string(name))
		return false
	}
	*r = cuenta.Result{Cell: at.cell, Generation: at.generation, Value: value, Revision: revision}
	return true
}

// learn takes the place from the server's answer to a read. Changes teach
// nothing, so that a worker whose clients only count keeps no names.
func (p *places) learn(q *cuenta.Request, r *cuenta.Result) {
	if q.Op != cuenta.Get || r.Code != cuenta.OK || r.Generation == 0 || p.cells.At(r.Cell) == nil {
		return
	}
	name := q.Counter
	if len(name) == 0 {
		name = []byte(cuenta.DefaultCounter)
	}
	at := place{r.Cell, r.Generation}
	if p.known[string(name)] == at {
		return
	}
	if len(p.known) >= maxPlaces {
		for old := range p.known { // any one: maps are walked from a random place
			delete(p.known, old)
			break
		}
	}
	p.known[string(name)] = at
}
