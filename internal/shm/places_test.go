package shm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cuenta-server/cuenta"
)

func TestPlacesAreBounded(t *testing.T) {
	seg, err := Create("test-cells", 2*MaxPlaces*CellSize)
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	cells := NewCells(seg)
	p := NewPlaces(cells)
	for i := range MaxPlaces + 100 {
		cells.At(uint32(i)).Publish(1, 0, 0)
		q := cuenta.Request{Op: cuenta.Get, Counter: fmt.Appendf(nil, "c%d", i)}
		p.Learn(&q, &cuenta.Result{Cell: uint32(i), Generation: 1})
		if !p.Read(q.Counter, new(cuenta.Result)) {
			t.Fatalf("counter %d was forgotten at once", i)
		}
	}
	if len(p.known) != MaxPlaces {
		t.Errorf("%d places remembered, want %d", len(p.known), MaxPlaces)
	}
	for name, r := range map[string]cuenta.Result{
		"a cell out of range": {Cell: uint32(cells.Len()), Generation: 1},
		"no generation":       {Cell: 1},
		"a refusal":           {Code: cuenta.Failed, Cell: 1, Generation: 1},
	} {
		p.Learn(&cuenta.Request{Op: cuenta.Get, Counter: []byte("x")}, &r)
		if p.Read([]byte("x"), new(cuenta.Result)) {
			t.Errorf("learned from %s", name)
		}
	}
	p.Learn(&cuenta.Request{Op: cuenta.Add, Counter: []byte("x")}, &cuenta.Result{Cell: 1, Generation: 1})
	if p.Read([]byte("x"), new(cuenta.Result)) {
		t.Error("learned from a change")
	}
}

// A cell's index in an answer is the service's; one that is out of range must
// not hurt who believes it.
func TestNoCellsNoReads(t *testing.T) {
	p := NewPlaces(Cells{})
	q := cuenta.Request{Op: cuenta.Get, Counter: []byte(strings.Repeat("x", 9))}
	p.Learn(&q, &cuenta.Result{Cell: 0, Generation: 1})
	if p.Read(q.Counter, new(cuenta.Result)) {
		t.Error("read a cell where there are none")
	}
}
