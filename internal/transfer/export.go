package transfer

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// Lister lists counters a page at a time; see [cuenta.Directory].
type Lister func(ctx context.Context, prefix string, cursor uint64, limit int) ([]cuenta.Counter, uint64, error)

// Export writes the counters whose names begin with prefix as lines of a format, a
// page in memory at a time, and tells done how many are written. Each line is what
// is durable of its counter when it is listed; meanwhile counting goes on.
func Export(ctx context.Context, list Lister, prefix, format string, w io.Writer, done func(written int64)) error {
	write := appendCSV
	if format == JSONL {
		write = appendJSON
	} else if _, err := io.WriteString(w, header+"\n"); err != nil {
		return err
	}
	var out []byte
	written := int64(0)
	for cursor := uint64(0); ; {
		counters, next, err := list(ctx, prefix, cursor, pageSize)
		if err != nil {
			return err
		}
		out = out[:0]
		for i := range counters {
			out = write(out, &counters[i])
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		written += int64(len(counters))
		done(written)
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// appendCSV appends name,value, the name in quotes where it needs them.
func appendCSV(dst []byte, c *cuenta.Counter) []byte {
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
func appendJSON(dst []byte, c *cuenta.Counter) []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic("transfer: a counter that cannot be said in JSON: " + err.Error()) // it is a string and numbers
	}
	return append(append(dst, text...), '\n')
}
