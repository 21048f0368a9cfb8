package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const (
	dialTimeout = 5 * time.Second

	// callTimeout bounds one call. Stopping a service drains it, which may take
	// 5 s, so it is well above that.
	callTimeout = 15 * time.Second

	listPage = 1000 // counters asked for at once, the most the server gives
)

// operator is a running server as consoles and one-shot commands use it.
type operator struct {
	client *rpcclient.Client
	lang   lang.Lang
}

// connect reaches the server that the settings name.
func (a *app) connect() (*operator, config.Client, error) {
	c, err := a.values.Client()
	if err != nil {
		return nil, c, usageError{textOf(err)}
	}
	network, address := "unix", c.Socket
	if c.Remote != "" {
		network, address = "tcp", c.Remote
	}
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	client, err := rpcclient.Dial(ctx, network, address)
	if err != nil {
		return nil, c, err
	}
	return &operator{client: client, lang: a.lang}, c, nil
}

// close ends the connection; everything asked has been answered by then, so how
// it ends is no matter.
func (o *operator) close() { o.client.Close() }

// apply has an order done and returns what it is answered. It never sends a change
// twice, but gives it a key with which a person may.
func (o *operator) apply(c *order) (int64, error) {
	command := c.identify()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	value, err := o.carryOut(ctx, c)
	return value, withFate(err, c, command, !isRefusal(err))
}

func (o *operator) carryOut(ctx context.Context, c *order) (int64, error) {
	switch c.line.Verdict {
	case text.Transfer:
		from, to := &c.requests[2], &c.requests[3]
		reply, err := o.client.Transfer(ctx, cuenta.RPCTransfer{
			From: string(from.Counter), To: string(to.Counter), N: to.N, Floor: from.Terms.Floor, Identity: c.key(),
		})
		return reply.Value, err
	case text.Renumber:
		_, err := o.client.ResetTickets(ctx, cuenta.RPCTicket{Counter: string(c.requests[1].Counter), Identity: c.key()})
		return 0, err
	}
	r := &c.requests[0]
	reply, err := o.client.Do(ctx, cuenta.RPCRequest{
		Op: r.Op.String(), Counter: string(r.Counter), N: r.N, Terms: r.Terms, Identity: c.key(),
	})
	if err != nil {
		return 0, err
	}
	if r.Terms != nil && reply.Terms != nil {
		*r.Terms = *reply.Terms // which a line may be answered from
	}
	result := c.line.Result([]cuenta.Result{{Value: reply.Value, Revision: reply.Revision, Amount: reply.Amount}})
	return result.Value, nil
}

// list writes the counters a page at a time, so that any number of them takes
// the memory of one page.
func (o *operator) list(w io.Writer, prefix string) error {
	for cursor := uint64(0); ; {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		counters, next, err := o.client.List(ctx, prefix, cursor, listPage)
		cancel()
		if err != nil {
			return err
		}
		for _, c := range counters {
			if _, err := fmt.Fprintf(w, "%s\t%d\n", c.Name, c.Value); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

func (o *operator) info(w io.Writer, asJSON bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	ask := o.client.Info
	if asJSON {
		ask = o.client.InfoJSON
	}
	report, err := ask(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, strings.TrimSuffix(report, "\n"))
	return err
}

func (o *operator) services(w io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	fronts, err := o.client.Fronts(ctx)
	if err != nil {
		return err
	}
	return writeServices(w, fronts, o.lang)
}

func (o *operator) stop(w io.Writer, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := o.client.Stop(ctx, name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", name, stateWord(cuenta.Stopped).In(o.lang))
	return err
}

func (o *operator) start(w io.Writer, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	if err := o.client.Start(ctx, name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s\n", name, stateWord(cuenta.Running).In(o.lang))
	return err
}

func writeServices(w io.Writer, fronts []cuenta.ServiceStatus, l lang.Lang) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rows := []string{lang.Text{
		ES: "SERVICIO\tESTADO\tDIRECCIÓN\tABIERTAS\tACEPTADAS\tRECHAZADAS\tPETICIONES\tERRORES\tENTRADA\tSALIDA\tPERDIDOS\tPROCESOS",
		EN: "SERVICE\tSTATE\tADDRESS\tOPEN\tACCEPTED\tREFUSED\tREQUESTS\tERRORS\tIN\tOUT\tDROPPED\tWORKERS",
	}.In(l)}
	for _, f := range fronts {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d", f.Name, stateWord(f.State).In(l),
			f.Address, f.Open, f.Accepted, f.Refused, f.Requests, f.Errors, f.BytesIn, f.BytesOut, f.Dropped, f.Workers))
	}
	if _, err := fmt.Fprintln(table, strings.Join(rows, "\n")); err != nil {
		return err
	}
	return table.Flush()
}

func stateWord(s cuenta.State) lang.Text {
	switch s {
	case cuenta.Running:
		return lang.Text{ES: "activo", EN: "running"}
	case cuenta.Draining:
		return lang.Text{ES: "cerrando", EN: "draining"}
	case cuenta.Stopped:
		return lang.Text{ES: "detenido", EN: "stopped"}
	}
	return lang.Text{ES: string(s), EN: string(s)}
}
