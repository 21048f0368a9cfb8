package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/cuenta-server/cuenta"
	counters "github.com/cuenta-server/cuenta/client"
	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// watchReach is how long the server may take to be there at first.
const watchReach = 2 * time.Second

var watchFlags = []string{"web", "prefix", "since", "json"}

// watchCommands follow what becomes of counters.
func watchCommands() []command {
	return []command{
		{names: []string{"watch", "seguir"}, operands: operandCounter, max: 1, flags: watchFlags, run: (*app).follow,
			summary: lang.Text{ES: "sigue una cuenta, o todas con un prefijo, cambio a cambio", EN: "follow a counter, or all with a prefix, change by change"},
			detail: lang.Text{
				ES: `Primero lo que hay y después cada cambio, hasta que se interrumpa: nombre, tabulador,
valor («-» si se borró), tabulador, revisión, y cuántos cambios se saltaron si fue alguno.
Si se pierde la conexión se intenta de nuevo y sigue donde estaba; si entretanto el
servidor se reinició, se dice y se muestra otra vez lo que hay. Con --json, un objeto por
línea, también cuando pasa un rato sin cambios.`,
				EN: "First what there is, then every change, until it is interrupted: name, tab, value\n" +
					"(- if it was deleted), tab, revision, and how many changes were skipped if any were.\n" +
					"When the connection is lost it tries again and goes on where it was; if the server was\n" +
					"restarted meanwhile, that is said and what there is is shown again. With --json, an\n" +
					"object a line, also when there were no changes for a while."}},
	}
}

func (a *app) follow() error {
	ctx, stop := untilSignal()
	defer stop()
	return a.followUntil(ctx)
}

// followUntil follows until ctx ends, which is how it should end.
func (a *app) followUntil(ctx context.Context) error {
	c, err := a.values.Watch()
	if err != nil {
		return err
	}
	want := cuenta.Watch{Since: c.Since}
	switch {
	case c.ByPrefix && len(a.operands) > 0:
		return usageError{lang.Text{ES: "o una cuenta o --prefix", EN: "either a counter or --prefix"}}
	case c.ByPrefix && c.Since > 0:
		return usageError{lang.Text{ES: "--since es para una cuenta", EN: "--since is for one counter"}}
	case c.ByPrefix:
		want.Counter, want.Prefix = c.Prefix, true
	case len(a.operands) > 0:
		want.Counter = a.operands[0]
	}
	server, err := counters.Options{Timeout: watchReach, Log: slog.New(&breaks{app: a})}.Open(ctx, "cuenta://"+c.Web)
	if err != nil {
		return a.ended(ctx, err, c.Web)
	}
	defer server.Close() // it does not fail
	for d, err := range server.Watch(ctx, want) {
		if err != nil {
			return a.ended(ctx, err, c.Web)
		}
		if err := a.tell(d, c); err != nil {
			return err
		}
	}
	return nil
}

// ended tells why nothing more is followed; that it was interrupted is no failure.
func (a *app) ended(ctx context.Context, err error, address string) error {
	if ctx.Err() != nil {
		return nil
	}
	if refused, ok := errors.AsType[*cuenta.Error](err); ok {
		return refused
	}
	return noServer(address, err)
}

// tell shows a delivery.
func (a *app) tell(d *cuenta.Delivery, c config.Watch) error {
	if d.Kind == cuenta.TellAnew && d.Reason != cuenta.AtStart {
		a.complain("%s\n", anew(d.Reason).In(a.lang))
	}
	if c.JSON {
		if err := a.tellJSON(d); err != nil {
			return err
		}
		return a.stdout.Flush()
	}
	for i := range d.Changes {
		change := &d.Changes[i]
		value, skipped := strconv.FormatInt(change.Value, 10), ""
		if change.Deleted {
			value = "-"
		}
		if change.Since > 0 && change.Revision > change.Since+1 {
			skipped = lang.Text{ES: "\t%d saltados", EN: "\t%d skipped"}.Fill(change.Revision - change.Since - 1).In(a.lang)
		}
		if _, err := fmt.Fprintf(a.stdout, "%s\t%s\t%d%s\n", change.Counter, value, change.Revision, skipped); err != nil {
			return err
		}
	}
	return a.stdout.Flush()
}

func anew(why cuenta.Reason) lang.Text {
	if why == cuenta.Slow {
		return lang.Text{ES: "hubo más cambios de los que se leyeron; esto es lo que hay ahora", EN: "there were more changes than were read; this is what there is now"}
	}
	return lang.Text{ES: "no se sabe qué cambió entretanto; esto es lo que hay ahora", EN: "what changed meanwhile is not known; this is what there is now"}
}

// told is a line of JSON.
type told struct {
	Event    string `json:"event"`
	Reason   string `json:"reason,omitempty"`
	Position string `json:"position,omitempty"`
	*toldChange
}

type toldChange struct {
	Counter  string `json:"counter"`
	Value    int64  `json:"value"`
	Revision uint64 `json:"revision"`
	Since    uint64 `json:"since"`
	Deleted  bool   `json:"deleted"`
}

// tellJSON writes a delivery; the position stands in its last line.
func (a *app) tellJSON(d *cuenta.Delivery) error {
	to := json.NewEncoder(a.stdout)
	to.SetEscapeHTML(false)
	line := told{Event: d.Kind.String(), Reason: string(d.Reason), Position: d.Position.String()}
	if len(d.Changes) == 0 {
		return to.Encode(line)
	}
	for i, c := range d.Changes {
		line.Position = ""
		if i == len(d.Changes)-1 {
			line.Position = d.Position.String()
		}
		line.toldChange = &toldChange{c.Counter, c.Value, c.Revision, c.Since, c.Deleted}
		if err := to.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// breaks tells a person that the connection was lost, which is all that the client
// warns of.
type breaks struct{ app *app }

// Enabled implements [slog.Handler].
func (b *breaks) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (b *breaks) Handle(context.Context, slog.Record) error {
	b.app.complain("%s\n", lang.Text{
		ES: "se perdió la conexión; se intenta de nuevo", EN: "the connection was lost; trying again"}.In(b.app.lang))
	return nil
}

// WithAttrs implements [slog.Handler].
func (b *breaks) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup implements [slog.Handler].
func (b *breaks) WithGroup(string) slog.Handler { return b }
