package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// holdsPage is how many holds are asked for at once, the most the server gives.
const holdsPage = 1000

// describe writes what there is to know of a counter, a line each: a name in either
// language, a tabulator, a value. What few counters have is told of those alone.
func (o *operator) describe(w io.Writer, name string) error {
	r, err := o.described(name, 0)
	if err != nil {
		return err
	}
	t := cmp.Or(r.Terms, new(cuenta.Terms)) // the server may tell none
	none := lang.Text{ES: "no hay", EN: "none"}.In(o.lang)
	bound := func(b cuenta.Bound) string {
		if !b.Set {
			return none
		}
		return strconv.FormatInt(b.At, 10)
	}
	end := none
	if t.Expiry.Kind == cuenta.ExpireAt {
		end = timeOf(t.Expiry.Time) + " (" + time.Duration(r.Amount).Round(time.Second).String() + ")"
	}
	if _, err = fmt.Fprintf(w, lang.Text{
		ES: "valor\t%d\nrevisión\t%d\nmínimo\t%s\nmáximo\t%s\nfin\t%s\n",
		EN: "value\t%d\nrevision\t%d\nfloor\t%s\nceiling\t%s\nend\t%s\n",
	}.In(o.lang), r.Value, r.Revision, bound(t.Floor), bound(t.Ceiling), end); err != nil {
		return err
	}
	if t.Total {
		if _, err := fmt.Fprintf(w, lang.Text{ES: "total\tde %s/…\n", EN: "total\tof %s/...\n"}.In(o.lang), name); err != nil {
			return err
		}
	}
	return o.tellHeld(w, name, r.Value, t)
}

func (o *operator) described(name string, behind uint64) (cuenta.RPCReply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	return o.client.Do(ctx, cuenta.RPCRequest{
		Op: cuenta.Describe.String(), Counter: name, Terms: &cuenta.Terms{Hold: behind}, Holds: holdsPage,
	})
}

func timeOf(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }

// tellHeld writes what is held, what is available beside it, and the holds: id, amount
// and end. They come a page at a time, each as it is when it is read; it fails where the
// one that the next page would go on behind has ended meanwhile.
func (o *operator) tellHeld(w io.Writer, name string, value int64, t *cuenta.Terms) error {
	if err := o.tellSums(w, value, t); err != nil {
		return err
	}
	row := lang.Text{ES: "reserva\t%d\t%d\t%s\n", EN: "hold\t%d\t%d\t%s\n"}.In(o.lang)
	for {
		for _, h := range t.Holds {
			if _, err := fmt.Fprintf(w, row, h.ID, h.Amount, timeOf(h.Ends)); err != nil {
				return err
			}
		}
		if len(t.Holds) < holdsPage {
			return nil
		}
		r, err := o.described(name, t.Holds[len(t.Holds)-1].ID)
		if err != nil {
			return err
		}
		t = r.Terms
	}
}

func (o *operator) tellSums(w io.Writer, value int64, t *cuenta.Terms) error {
	if t.Held > 0 || t.Ceiling.Set {
		most := int64(math.MaxInt64)
		if t.Ceiling.Set {
			most = t.Ceiling.At
		}
		if _, err := fmt.Fprintf(w, lang.Text{ES: "apartado\t%d\ndisponible\t%s\n", EN: "held\t%d\navailable\t%s\n"}.In(o.lang),
			t.Held, difference(most-t.Held, value)); err != nil {
			return err
		}
	}
	if t.HeldDown == 0 && !t.Floor.Set {
		return nil
	}
	least := int64(math.MinInt64)
	if t.Floor.Set {
		least = t.Floor.At
	}
	_, err := fmt.Fprintf(w, lang.Text{
		ES: "apartado hacia el mínimo\t%d\ndisponible hacia el mínimo\t%s\n",
		EN: "held towards the floor\t%d\navailable towards the floor\t%s\n",
	}.In(o.lang), t.HeldDown, difference(value, least+t.HeldDown))
	return err
}

// difference is a-b, which is not negative; it may be more than an int64 holds.
func difference(a, b int64) string { return strconv.FormatUint(uint64(a)-uint64(b), 10) }
