package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// The words around a value are the original system's: its local console says one
// thing, its RPC client another.
const (
	labelLocal  = "Valor del Contador, "
	labelRemote = "Estado Del Contador: "
)

// console is a conversation with a server over its Unix socket or by net/rpc; both
// can do the same things.
type console struct {
	*operator
	label string
}

func (a *app) console() error {
	o, c, err := a.connect()
	if err != nil {
		return err
	}
	defer o.close()
	label := labelLocal
	if c.Remote != "" {
		label = labelRemote
	}
	return a.talk(console{o, label})
}

func (c console) say(line string, w io.Writer) error {
	o, err := decode(line)
	if err != nil {
		return err
	}
	value, err := c.apply(o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%d\n", c.label, value)
	return err
}

func (c console) words() []word {
	return []word{
		{names: []string{"info"}, help: lang.Text{ES: "informe del servidor", EN: "report of the server"},
			run: func(w io.Writer, _ string) error { return c.info(w, false) }},
		{names: []string{"servicios", "services"}, help: lang.Text{ES: "servicios, estado y tráfico", EN: "services, state and traffic"},
			run: func(w io.Writer, _ string) error { return c.services(w) }},
		{names: []string{"detener", "stop"}, front: true, help: lang.Text{ES: "detiene un servicio", EN: "stop a service"}, run: c.stop},
		{names: []string{"iniciar", "start"}, front: true, help: lang.Text{ES: "inicia un servicio", EN: "start a service"}, run: c.start},
		{names: []string{"lista", "list"}, prefix: true, help: lang.Text{ES: "lista las cuentas", EN: "list the counters"}, run: c.list},
		{names: []string{"describir", "describe"}, counter: true,
			help: lang.Text{ES: "valor, límites, fin y reservas de una cuenta", EN: "value, limits, end and holds of a counter"}, run: c.describe},
	}
}

// commandHelp tells the commands of the text protocol, which are the same in every conversation.
var commandHelp = []struct {
	usage lang.Text
	help  lang.Text
}{
	{lang.Text{ES: "inc.N [@CUENTA]", EN: "inc.N [@COUNTER]"}, lang.Text{ES: "suma N; inc.0 lee", EN: "add N; inc.0 reads"}},
	{lang.Text{ES: "dec.N [@CUENTA]", EN: "dec.N [@COUNTER]"}, lang.Text{ES: "resta N; dec.0 lee", EN: "subtract N; dec.0 reads"}},
	{lang.Text{ES: "con.0 [@CUENTA]", EN: "con.0 [@COUNTER]"}, lang.Text{ES: "lee", EN: "read"}},
	{lang.Text{ES: "res.0 [@CUENTA]", EN: "res.0 [@COUNTER]"}, lang.Text{ES: "pone a 0", EN: "set to 0"}},
	{lang.Text{ES: "ing.N ret.N bal.0 [@CUENTA]", EN: "ing.N ret.N bal.0 [@COUNTER]"},
		lang.Text{ES: "ingresa N, retira N si lo hay, saldo", EN: "pay N in, pay N out if it is there, balance"}},
	{lang.Text{ES: "tra.N @DE @A [min=N]", EN: "tra.N @FROM @TO [min=N]"},
		lang.Text{ES: "pasa N de una cuenta a otra; min: lo que ha de quedar", EN: "move N to another counter; min: what has to stay"}},
	{lang.Text{ES: "lim.0 [@CUENTA] [min=N] [max=N] [total]", EN: "lim.0 [@COUNTER] [min=N] [max=N] [total]"},
		lang.Text{ES: "le pone límites, o los quita; total: suma lo de CUENTA/…", EN: "set its limits, or take them away; total: adds up COUNTER/..."}},
	{lang.Text{ES: "exp.S [@CUENTA] [if=any]", EN: "exp.S [@COUNTER] [if=any]"},
		lang.Text{ES: "acaba en S segundos, o con 0 nunca; si none, any, later, sooner, any-sooner", EN: "end in S seconds, or with 0 never; if none, any, later, sooner, any-sooner"}},
	{lang.Text{ES: "ttl.0 [@CUENTA]", EN: "ttl.0 [@COUNTER]"},
		lang.Text{ES: "segundos que le quedan; -1 sin fin, -2 no existe", EN: "seconds it has left; -1 no end, -2 no counter"}},
	{lang.Text{ES: "cup.N [@CUENTA] max=N per=S [tipo=T]", EN: "cup.N [@COUNTER] max=N per=S [tipo=T]"},
		lang.Text{ES: "toma N de un ritmo; T: fija, deslizante, continua [raf=N]", EN: "take N of a rate; T: fija, deslizante, continua [raf=N]"}},
	{lang.Text{ES: "tic.N val.N [@CUENTA] para=IDENT", EN: "tic.N val.N [@COUNTER] para=IDENT"},
		lang.Text{ES: "da N números a IDENT; val.N (sin para=): si se dio el N", EN: "give IDENT N numbers; val.N (without para=): whether N was given"}},
	{lang.Text{ES: "ren.0 [@CUENTA]", EN: "ren.0 [@COUNTER]"},
		lang.Text{ES: "vuelve a dar los números desde el 1, y olvida quién tenía cuál", EN: "give numbers from 1 again, and forget who has which"}},
	{lang.Text{ES: "apa.N [@CUENTA] ttl=S [baja]", EN: "apa.N [@COUNTER] ttl=S [baja]"},
		lang.Text{ES: "aparta N de lo que queda hasta max por S segundos; baja: hasta min", EN: "hold N of what is left to max for S seconds; baja: to min"}},
	{lang.Text{ES: "dis.0 [@CUENTA] [baja]", EN: "dis.0 [@COUNTER] [baja]"},
		lang.Text{ES: "disponible hasta max; baja: hasta min", EN: "what is available to max; baja: to min"}},
	{lang.Text{ES: "liq.N [@CUENTA] de=ID [sat] [baja]", EN: "liq.N [@COUNTER] de=ID [sat] [baja]"},
		lang.Text{ES: "liquida lo apartado: suma N, lo usado; baja: lo resta", EN: "settle what is held: add N, what was used; baja: subtract it"}},
	{lang.Text{ES: "sol.0 ext.S [@CUENTA] de=ID", EN: "sol.0 ext.S [@COUNTER] de=ID"},
		lang.Text{ES: "suelta lo apartado, o lo prolonga hasta dentro de S segundos", EN: "release what is held, or have it end in S seconds"}},
	{lang.Text{ES: "… min=N max=N sat ttl=S", EN: "... min=N max=N sat ttl=S"},
		lang.Text{ES: "límites de un cambio, sat: hasta ellos; acaba en S segundos", EN: "limits of one change, sat: up to them; end in S seconds"}},
	{lang.Text{ES: "… id=CLAVE", EN: "... id=KEY"}, lang.Text{ES: "repite el cambio de esa clave sin contar dos veces", EN: "repeat the change of that key without counting twice"}},
}

func writeTalkHelp(w io.Writer, p partner, l lang.Lang) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var rows strings.Builder
	for _, c := range commandHelp {
		fmt.Fprintf(&rows, "%s\t%s\n", c.usage.In(l), c.help.In(l))
	}
	for _, word := range append(p.words(), wordHelp, wordQuit) {
		fmt.Fprintf(&rows, "%s\t%s\n", word.usage(l), word.help.In(l))
	}
	if _, err := io.WriteString(table, rows.String()); err != nil {
		return err
	}
	return table.Flush()
}

// usage shows every name of the word, the reader's language first.
func (w *word) usage(l lang.Lang) string {
	names := slices.Clone(w.names)
	if l == lang.English && len(names) > 1 {
		names = append(names[1:], names[0])
	}
	usage := strings.Join(names, ", ")
	switch {
	case w.front:
		usage += " " + operandFront.In(l)
	case w.prefix:
		usage += " " + operandPrefix.In(l)
	case w.counter:
		usage += " " + operandCounter.In(l)
	}
	return usage
}
