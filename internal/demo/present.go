package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// opening says what is going to happen.
func opening(c Config) lang.Text {
	return lang.Text{
		ES: "Semilla %d. Durante %v, clientes que repiten hasta que se les responde; intermediarios que\n" +
			"pierden, repiten y cortan; y kill -9 al servidor.",
		EN: "Seed %d. For %v, clients that retry until they are answered; proxies that lose, repeat\n" +
			"and cut; and kill -9 for the server.",
	}.Fill(c.Seed, c.Duration)
}

// progressLine is the line of one moment.
func progressLine(s Snapshot) lang.Text {
	return lang.Text{
		ES: "%4.0f s  kill -9: %d  contado %d  repetido %d",
		EN: "%4.0f s  kill -9: %d  counted %d  retried %d",
	}.Fill(s.Elapsed.Seconds(), s.Kills, s.Counted, s.Retried)
}

// write tells a person what came of it.
func write(w io.Writer, r *Report, l lang.Lang) error {
	var b strings.Builder
	b.WriteString(lang.Text{
		ES: "\n%d kill -9, %d conexiones cortadas, %d datagramas perdidos y %d repetidos. Semilla %d.\n",
		EN: "\n%d times kill -9, %d connections cut, %d datagrams lost and %d repeated. Seed %d.\n",
	}.Fill(r.Kills, r.Cuts, r.Lost, r.Repeated, r.Seed).In(l))
	writeTable(&b, lang.Text{ES: "Con identidad", EN: "With identities"}, r.Once, l)
	writeTable(&b, lang.Text{ES: "Sin ella: el inc de siempre", EN: "Without: the bare inc"}, r.Bare, l)
	writeTable(&b, lang.Text{ES: "Redis (INCR, appendfsync always)", EN: "Redis (INCR, appendfsync always)"}, r.Redis, l)
	if len(r.LeftOut) > 0 {
		b.WriteString("\n")
	}
	for _, o := range r.LeftOut {
		b.WriteString(lang.Text{ES: "Falta %s: %s.\n", EN: "Left out, %s: %s.\n"}.Fill(o.Part, o.Why).In(l))
	}
	writeWrong(&b, r, l)
	b.WriteString("\n" + verdict(r).In(l) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTable(b *strings.Builder, title lang.Text, tallies []Tally, l lang.Lang) {
	if len(tallies) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title.In(l))
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, lang.Text{
		ES: "servicio\tenviadas\trepetidas\tesperado\treal\tdiferencia\t\n",
		EN: "front\tsent\tretried\texpected\tactual\tdifference\t\n",
	}.In(l))
	for _, t := range tallies {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t\n", t.Front, t.Sent, t.Retried, t.Expected, t.Actual, signed(t.Difference))
	}
	table.Flush() // into memory, as are the Fprint above: cannot fail
}

func signed(n int64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%+d", n)
}

// writeWrong names what is not right and should be.
func writeWrong(b *strings.Builder, r *Report, l lang.Lang) {
	if r.Exact {
		return
	}
	b.WriteString("\n")
	for _, t := range r.Once {
		for _, c := range t.Wrong {
			b.WriteString(lang.Text{
				ES: "%s: la cuenta %s tiene %d y se esperaba %d.\n",
				EN: "%s: the counter %s holds %d, and %d was expected.\n",
			}.Fill(t.Front, c.Counter, c.Actual, c.Expected).In(l))
		}
		for _, f := range t.Failures {
			fmt.Fprintf(b, "%s: %s\n", t.Front, f)
		}
	}
	b.WriteString(lang.Text{
		ES: "Los datos y el registro del servidor se conservan en %s.\n",
		EN: "The server's data and log are kept in %s.\n",
	}.Fill(r.Kept).In(l))
}

// verdict is the sentence that it all comes to.
func verdict(r *Report) lang.Text {
	var counted, retried, drift, redis int64
	for _, t := range r.Once {
		counted, retried = counted+t.Expected, retried+t.Retried
	}
	for _, t := range r.Bare {
		drift += t.Difference
	}
	for _, t := range r.Redis {
		redis += t.Difference
	}
	if !r.Exact {
		return lang.Text{
			ES: "Con identidad los totales NO son exactos: es un fallo de Cuenta, y la semilla ayuda a encontrarlo.",
			EN: "With identities the totals are NOT exact: that is a bug of Cuenta, and the seed helps to find it.",
		}
	}
	beside := lang.Text{}
	if len(r.Redis) > 0 {
		beside = lang.Text{ES: " y Redis en %s", EN: " and Redis by %s"}.Fill(signed(redis))
	}
	return lang.Text{
		ES: "Con identidad, %d operaciones repetidas %d veces se contaron exactamente una vez cada una.\nSin ella Cuenta se desvió en %s%s.",
		EN: "With identities, %d operations retried %d times were counted exactly once each.\nWithout them Cuenta drifted by %s%s.",
	}.Fill(counted, retried, signed(drift), beside)
}
