package transfer

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cuenta-server/cuenta"
)

// Lister lists counters a page at a time; see [cuenta.Directory].
type Lister func(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error)

// Describer tells a counter and its terms, as [cuenta.Describe] does.
type Describer func(ctx context.Context, name string) (cuenta.Counter, cuenta.Terms, error)

// describers is how many counters are asked about at once.
const describers = 32

// Export writes the counters whose names begin with prefix as lines of a format, a
// page in memory at a time, and tells done how many are written. Each line is what
// is durable of its counter when it is listed, or described; meanwhile counting goes
// on. Without describe no counter is taken to have anything beside its value. It
// returns how many had something that cannot be brought back from the lines.
func Export(ctx context.Context, list Lister, describe Describer, prefix, format string, w io.Writer, done func(written int64)) (lost int64, err error) {
	write, loses := appendCSV, func(c *described) bool { return c.limited() || c.Ends != "" || c.held() }
	if format == JSONL {
		write, loses = appendJSON, (*described).held
	} else if _, err := io.WriteString(w, header+"\n"); err != nil {
		return 0, err
	}
	var out []byte
	written := int64(0)
	for cursor := uint64(0); ; {
		counters, next, err := list(ctx, prefix, cursor, pageSize)
		if err != nil {
			return lost, err
		}
		page, err := describeAll(ctx, describe, counters)
		if err != nil {
			return lost, err
		}
		out = out[:0]
		for i := range page {
			if out = write(out, &page[i]); loses(&page[i]) {
				lost++
			}
		}
		if _, err := w.Write(out); err != nil {
			return lost, err
		}
		written += int64(len(page))
		done(written)
		if next == 0 {
			return lost, nil
		}
		cursor = next
	}
}

// described is a counter with its terms, as a line of JSON says it, in the words of
// the API.
type described struct {
	cuenta.Counter
	Floor    *int64 `json:"floor,omitempty"`
	Ceiling  *int64 `json:"ceiling,omitempty"`
	Total    bool   `json:"total,omitempty"`
	Ends     string `json:"expires_at,omitempty"`
	Held     int64  `json:"held,omitempty"`
	HeldDown int64  `json:"held_down,omitempty"`
}

func (c *described) limited() bool { return c.Floor != nil || c.Ceiling != nil || c.Total }
func (c *described) held() bool    { return c.Held != 0 || c.HeldDown != 0 }

// describeAll asks about a page of counters, many at once: each answer takes its way.
func describeAll(ctx context.Context, describe Describer, counters []cuenta.Counter) ([]described, error) {
	page := make([]described, len(counters))
	for i := range counters {
		page[i].Counter = counters[i]
	}
	if describe == nil {
		return page, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var asking sync.WaitGroup
	for range min(describers, len(page)) {
		asking.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(page)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := page[i].ask(ctx, describe); err != nil {
					cancel(err)
				}
			}
		})
	}
	asking.Wait()
	return page, context.Cause(ctx)
}

// ask asks about the counter. One that is gone since it was listed stays as it was then.
func (c *described) ask(ctx context.Context, describe Describer) error {
	counter, terms, err := describe(ctx, c.Name)
	if err != nil || counter.Revision == 0 {
		return err
	}
	c.Value, c.Revision = counter.Value, counter.Revision
	if terms.Floor.Set {
		c.Floor = &terms.Floor.At
	}
	if terms.Ceiling.Set {
		c.Ceiling = &terms.Ceiling.At
	}
	if terms.Expiry.Kind == cuenta.ExpireAt {
		c.Ends = time.Unix(0, terms.Expiry.Time).UTC().Format(time.RFC3339Nano)
	}
	c.Total, c.Held, c.HeldDown = terms.Total, terms.Held, terms.HeldDown
	return nil
}

// appendCSV appends name,value, the name in quotes where it needs them.
func appendCSV(dst []byte, c *described) []byte {
	if strings.ContainsAny(c.Name, `",`) {
		dst = append(dst, '"')
		dst = append(dst, strings.ReplaceAll(c.Name, `"`, `""`)...)
		dst = append(dst, '"')
	} else {
		dst = append(dst, c.Name...)
	}
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, c.Value, 10)
	return append(dst, '\n')
}

// appendJSON appends an object.
func appendJSON(dst []byte, c *described) []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic("transfer: a counter that cannot be said in JSON: " + err.Error()) // it is strings, numbers and a bool
	}
	return append(append(dst, text...), '\n')
}
