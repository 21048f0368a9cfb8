package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// help prints the list of commands, or the help of the one that is asked for.
func (a *app) help() error {
	if len(a.operands) == 0 {
		return writeOverview(a.stdout, a.lang)
	}
	c := findCommand(a.operands[0])
	if c == nil {
		return usageError{lang.Text{ES: "orden desconocida %q", EN: "unknown command %q"}.Fill(a.operands[0])}
	}
	return c.writeHelp(a.stdout, a.lang)
}

func writeOverview(w io.Writer, l lang.Lang) error {
	var b strings.Builder
	b.WriteString(lang.Text{
		ES: "Cuenta, un servidor de cuentas: contadores en memoria compartida que se leen y\n" +
			"cambian por UDP, TCP, HTTP, RPC, el protocolo de Redis y consola.\n\nUso: cuenta ORDEN [OPCIONES] [ARGUMENTOS]\n\nÓrdenes:\n",
		EN: "Cuenta, a counter server: counters in shared memory, read and changed over\n" +
			"UDP, TCP, HTTP, RPC, the Redis protocol and a console.\n\nUsage: cuenta COMMAND [FLAGS] [ARGUMENTS]\n\nCommands:\n",
	}.In(l))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		usage := strings.TrimPrefix(c.usage().In(l), "cuenta ")
		fmt.Fprintf(table, "  %s\t%s\n", usage, c.summary.In(l))
	}
	table.Flush() // into memory, as are the Fprintf above: cannot fail
	b.WriteString(lang.Text{
		ES: "\n«cuenta help ORDEN» muestra sus opciones. Estado de salida: 0 hecho, 1 falló, 2 mal uso.\n",
		EN: "\n`cuenta help COMMAND` shows its flags. Exit status: 0 done, 1 failed, 2 wrong usage.\n",
	}.In(l))
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *command) writeHelp(w io.Writer, l lang.Lang) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s: %s [%s]\n", c.names[0], c.summary.In(l),
		lang.Text{ES: "Uso", EN: "Usage"}.In(l), c.usage().In(l), lang.Text{ES: "OPCIONES", EN: "FLAGS"}.In(l))
	if len(c.names) > 1 {
		fmt.Fprintf(&b, "%s: %s\n", lang.Text{ES: "También", EN: "Also"}.In(l), strings.Join(c.names[1:], ", "))
	}
	if c.detail != (lang.Text{}) {
		fmt.Fprintf(&b, "\n%s\n", c.detail.In(l))
	}
	b.WriteString(lang.Text{ES: "\nOpciones:\n", EN: "\nFlags:\n"}.In(l))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	variables := false
	for i := range config.Settings {
		if s := config.Settings[i].Of(c.names[0]); c.takes(s.Flag) {
			fmt.Fprintf(table, "  %s\t%s\n", s.Usage(l), describe(&s, l))
			variables = variables || s.Var != ""
		}
	}
	table.Flush() // into memory: cannot fail
	if variables {
		b.WriteString(lang.Text{
			ES: "\nVale la opción; si falta, la variable del entorno; si no, la del fichero .env del directorio actual.\n",
			EN: "\nThe flag counts, else the environment variable, else that of the file .env in the working directory.\n",
		}.In(l))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// describe is the line of help of a setting: what it is, its default, its variable.
func describe(s *config.Setting, l lang.Lang) string {
	text := s.Help.In(l)
	if s.Default != "" {
		text += lang.Text{ES: " (por omisión %s)", EN: " (default %s)"}.Fill(s.Default).In(l)
	}
	if s.Var != "" {
		text += " [" + s.Var + "]"
	}
	return text
}

// Version returns what the Go tool chain recorded about the build.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (a *app) version() error {
	_, err := fmt.Fprintf(a.stdout, "cuenta %s %s %s/%s\n", Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
