package shm

import (
	"github.com/cuenta-server/cuenta"
)

// MaxPlaces is how many counters' cells a process remembers.
const MaxPlaces = 4096

// Places is what a process other than the server knows of where counters live.
// The index of names belongs to the server alone; the others learn a counter's
// cell from the answer to their first read. The generation tells whether the
// counter still lives there. The zero Places know nothing and learn nothing.
type Places struct {
	cells Cells
	known map[string]place
}

type place struct{ cell, generation uint32 }

// NewPlaces returns places in the cells.
func NewPlaces(cells Cells) Places {
	return Places{cells: cells, known: make(map[string]place)}
}

// Read reads a counter from its cell. It reports false if the server must be
// asked.
func (p *Places) Read(name []byte, r *cuenta.Result) bool {
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

// Learn takes the place from the server's answer to a read. Changes teach
// nothing, so that who only counts keeps no names.
func (p *Places) Learn(q *cuenta.Request, r *cuenta.Result) {
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
	if len(p.known) >= MaxPlaces {
		for old := range p.known { // any one: maps are walked from a random place
			delete(p.known, old)
			break
		}
	}
	p.known[string(name)] = at
}
