// Package transfer moves counters into a running server and out of it: from a
// Redis, from files of lines, to files of lines.
//
// A [Source] gives what it has as entries, in memory for one page of them however
// much there is. [Import] puts them into a server through its Redis front, which
// takes a page in one go. To set a value twice does no harm, and to add one is given
// an identity made of its source and its place there: so an import that broke off
// may be repeated as a whole.
package transfer

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// pageSize is how many entries are read, and sent, together. The answers to so
// many commands fit into the buffers of a connection, so that neither side waits
// for the other to read.
const pageSize = 1000

// Entry is what a source has at one place: a counter, or none.
type Entry struct {
	Name  string
	Value int64
	Ends  int64 // when it ends, in milliseconds since 1970; 0: never
	Line  int64 // from 1; 0 where there are no lines
	Item  int   // from 0, where a line holds several

	Limited        bool // it says which limits the counter has, and whether it is a total
	Floor, Ceiling cuenta.Bound
	Total          bool
	Held           bool // some of its limit was held back

	Wrong lang.Text // why this is no counter, though it should be one
	Kind  string    // what this is, where there are other things than counters
}

// Source gives entries in order.
type Source interface {
	// Read fills entries from their beginning and returns how many it has filled.
	// With io.EOF there are no more.
	Read(ctx context.Context, entries []Entry) (int, error)

	// Progress tells how much of how much was read, in a unit of its own; a total of 0
	// if that is not known. It may be asked at any time.
	Progress() (done, total int64)

	io.Closer
}

// Options of an import.
type Options struct {
	Prefix string // goes before every name
	Add    string // add to what is there, under identities of this name; empty to set
	Strict bool   // stop at the first entry that is wrong

	// Wrong is told of every entry that is wrong or that the server refuses; nil for
	// nobody.
	Wrong func(Entry)
}

// Summary is what an import has done.
type Summary struct {
	Counters int64            // set or added to, or found to be so
	Again    int64            // of these, those that an earlier run had added already
	Left     int64            // of these, those with something that was left behind
	Wrong    int64            // entries that were wrong or refused
	Skipped  map[string]int64 // by kind
}

// ErrStrict says that an import stopped at what is wrong.
var ErrStrict = errors.New("stopped at the first that is wrong")

// Import reads all of a source and puts it into a server; if there is none, it
// only looks. The summary is right with an error too, but then of the last page
// any part may have been done besides.
func Import(ctx context.Context, from Source, to *Target, o Options) (Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	i := importer{to: to, Options: o, Summary: Summary{Skipped: map[string]int64{}}}
	pages, used := make(chan page), make(chan []Entry, 2)
	used <- make([]Entry, pageSize)
	used <- make([]Entry, pageSize)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	reading.Go(func() { readAhead(ctx, from, pages, used) })
	for p := range pages {
		if err := i.put(ctx, p.entries); err != nil {
			return i.Summary, err
		}
		if p.err == io.EOF {
			return i.Summary, nil
		}
		if p.err != nil {
			return i.Summary, p.err
		}
		used <- p.entries[:cap(p.entries)]
	}
	return i.Summary, ctx.Err()
}

type page struct {
	entries []Entry
	err     error
}

// readAhead reads a page while the one before is being sent, up to an error, the
// end, which is one, or that of ctx.
func readAhead(ctx context.Context, from Source, pages chan<- page, used <-chan []Entry) {
	defer close(pages)
	for {
		var p page
		select {
		case p.entries = <-used:
		case <-ctx.Done():
			return
		}
		n, err := from.Read(ctx, p.entries)
		p.entries, p.err = p.entries[:n], err
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

type importer struct {
	to *Target
	Options
	Summary
	counters []Entry // of the page
}

// put takes one page.
func (i *importer) put(ctx context.Context, entries []Entry) error {
	i.counters = i.counters[:0]
	var stop error
	for _, e := range entries {
		switch {
		case e.Kind != "":
			i.Skipped[e.Kind]++
			continue
		case e.Wrong == (lang.Text{}):
			e.Name = i.Prefix + e.Name
			if cuenta.ValidName([]byte(e.Name)) {
				i.counters = append(i.counters, e)
				continue
			}
			e.Wrong = errName.Fill(e.Name)
		}
		if stop = i.refuse(e); stop != nil {
			break
		}
	}
	if err := i.send(ctx); err != nil {
		return err
	}
	return stop
}

var errName = lang.Text{ES: "%q no puede ser nombre de cuenta", EN: "%q cannot name a counter"}

// refuse counts an entry that is wrong.
func (i *importer) refuse(e Entry) error {
	i.Summary.Wrong++
	if i.Options.Wrong != nil {
		i.Options.Wrong(e)
	}
	if i.Strict {
		return ErrStrict
	}
	return nil
}

// send sends the counters of the page.
func (i *importer) send(ctx context.Context) error {
	if i.to != nil {
		if err := i.to.apply(ctx, i.counters, i.Add); err != nil {
			return err
		}
	}
	for _, e := range i.counters {
		if e.Wrong != (lang.Text{}) {
			if err := i.refuse(e); err != nil {
				return err
			}
			continue
		}
		i.Summary.Counters++
		if e.Kind == again {
			i.Again++
		}
		if e.Held || i.Add != "" && (e.Limited || e.Ends != 0) {
			i.Left++
		}
	}
	return nil
}
