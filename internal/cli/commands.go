package cli

import (
	"slices"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// command is one row of the table below, from which dispatch, help and the
// completion of shells are made.
type command struct {
	names    []string // the first is the one in help, the others mean the same
	operands lang.Text
	min, max int // number of operands
	flags    []string
	offline  bool // needs neither settings nor a server: a broken .env is no matter
	summary  lang.Text
	detail   lang.Text // further paragraphs of its help; may be empty
	run      func(*app) error
}

var (
	serveFlags = []string{"data", "udp", "tcp", "proc", "web", "rpc", "resp", "socket", "shm", "workers", "id-memory", "key-age", "session-age", "log-level", "addresses"}
	askFlags   = []string{"remote", "socket", "data"}

	changeFlags = append([]string{"id"}, askFlags...)

	operandCounter = lang.Text{ES: "[CUENTA]", EN: "[COUNTER]"}
	operandAmount  = lang.Text{ES: "N [CUENTA [OPCIÓN...]]", EN: "N [COUNTER [OPTION...]]"}
	operandReset   = lang.Text{ES: "[CUENTA [OPCIÓN...]]", EN: "[COUNTER [OPTION...]]"}
	operandPrefix  = lang.Text{ES: "[PREFIJO]", EN: "[PREFIX]"}
	operandFront   = lang.Text{ES: "NOMBRE", EN: "NAME"}

	detailChange = lang.Text{
		ES: `El cambio lleva una clave. Si no se sabe si se hizo, se dice cuál, y la misma orden
con --id CLAVE lo repite sin contar dos veces.`,
		EN: "The change has a key. Where it is unknown whether it was made, the key is told, and\n" +
			"the same command with --id KEY repeats it without counting twice."}

	detailTerms = lang.Text{
		ES: detailChange.ES + `

Tras la cuenta, y en cualquier orden: min=N y max=N, límites de este cambio además de
los suyos; sat, que lo lleva hasta el límite en vez de rechazarlo; ttl=S, que la cuenta
acabe en S segundos.`,
		EN: detailChange.EN + "\n\n" +
			"Behind the counter, in any order: min=N and max=N, limits of this change beside the\n" +
			"counter's own; sat, to go as far as the limit where it would be refused; ttl=S, for\n" +
			"the counter to end in S seconds."}

	detailFront = lang.Text{ES: "NOMBRE es udp, tcp, proc, web, rpc o resp.", EN: "NAME is udp, tcp, proc, web, rpc or resp."}
)

// commands returns the table, in the order of help. It is a function because
// help itself is in it.
func commands() []command {
	return slices.Concat(serverCommands(), talkCommands(), askCommands(), accountCommands(), holdCommands(), watchCommands(), movingCommands(), ownCommands())
}

func serverCommands() []command {
	return []command{
		{names: []string{"serve"}, flags: serveFlags, run: (*app).serve,
			summary: lang.Text{ES: "arranca el servidor", EN: "run the server"},
			detail: lang.Text{
				ES: `Una dirección es HOST:PORT, o PORT solo, que escucha en 127.0.0.1; :PORT escucha en
todas las interfaces, el puerto 0 elige uno libre y off deja fuera ese servicio.
SIGTERM o SIGINT cierran en orden; una segunda señal corta en el acto.`,
				EN: `An address is HOST:PORT, or PORT alone, which listens on 127.0.0.1; :PORT listens
on all interfaces, port 0 picks a free one and off leaves that service out.
SIGTERM or SIGINT shut down in order; a second signal cuts at once.`}},
		{names: []string{"check"}, operands: lang.Text{ES: "DIR", EN: "DIR"}, min: 1, max: 1, run: (*app).check,
			summary: lang.Text{ES: "verifica un directorio de datos", EN: "verify a data directory"}},
	}
}

func talkCommands() []command {
	return []command{
		{names: []string{"console"}, flags: askFlags, run: (*app).console,
			summary: lang.Text{ES: "consola, local o remota", EN: "console, local or remote"},
			detail: lang.Text{
				ES: `Una orden por línea, por teclado o por una tubería; «ayuda» dice cuáles. Por una
tubería, el estado de salida es 1 si alguna línea falló. Cada cambio lleva una clave:
una nueva, o la suya con id=CLAVE al final. Si no se sabe si se hizo, se dice la orden que
lo repite sin contar dos veces.`,
				EN: "One command a line, typed or piped; `help` tells which. When piped, the exit\n" +
					"status is 1 if any line failed. Every change has a key (give your own with id=KEY at\n" +
					"the end). Where it is unknown whether it was made, the command is told that repeats it\n" +
					"without counting twice."}},
		{names: []string{"client"}, operands: lang.Text{ES: "udp|tcp|proc [HOST:PORT]", EN: "udp|tcp|proc [HOST:PORT]"},
			min: 1, max: 2, run: (*app).client,
			summary: lang.Text{ES: "cliente de un servicio de red", EN: "client of a network service"},
			detail: lang.Text{
				ES: `Habla el protocolo de texto: inc.N dec.N con.0 res.0 …, con @CUENTA detrás para otra
cuenta; «ayuda» las dice todas. Sin dirección, la que «cuenta serve» usa por omisión. Cada
cambio lleva una clave: una nueva, o la suya con id=CLAVE al final. Por UDP se envía con
ella hasta cuatro veces en 4,5 s, mientras no llegue la respuesta, y cuenta una sola vez.
Por TCP se envía una vez. Si no se sabe si un cambio se hizo, se dice la orden que lo
repite.`,
				EN: "Speaks the text protocol: inc.N dec.N con.0 res.0 ..., followed by @COUNTER for\n" +
					"another counter; `ayuda` tells them all. Without an address, the one `cuenta serve` has\n" +
					"by default. Every change has a key (give your own with id=KEY at the end). Over UDP it\n" +
					"is sent again with it, up to four times in 4.5 s, until an answer comes, and counts\n" +
					"once. Over TCP it is sent once. Where it is unknown whether a change was made, the\n" +
					"command that repeats it is told."}},
	}
}

func askCommands() []command {
	return []command{
		{names: []string{"inc"}, operands: operandAmount, min: 1, max: maxOperands, flags: changeFlags, run: (*app).inc,
			summary: lang.Text{ES: "suma N y muestra el valor", EN: "add N and print the value"}, detail: detailTerms},
		{names: []string{"dec"}, operands: operandAmount, min: 1, max: maxOperands, flags: changeFlags, run: (*app).dec,
			summary: lang.Text{ES: "resta N y muestra el valor", EN: "subtract N and print the value"}, detail: detailTerms},
		{names: []string{"reset"}, operands: operandReset, max: maxOperands, flags: changeFlags, run: (*app).reset,
			summary: lang.Text{ES: "pone la cuenta a 0", EN: "set the counter to 0"}, detail: detailTerms},
		{names: []string{"get"}, operands: operandCounter, max: 1, flags: askFlags, run: (*app).get,
			summary: lang.Text{ES: "muestra el valor", EN: "print the value"}},
		{names: []string{"list", "lista"}, operands: operandPrefix, max: 1, flags: askFlags, run: (*app).list,
			summary: lang.Text{ES: "lista las cuentas: nombre, tabulador, valor", EN: "list the counters: name, tab, value"}},
		{names: []string{"info"}, flags: append([]string{"json"}, askFlags...), run: (*app).info,
			summary: lang.Text{ES: "informe del servidor", EN: "report of the server"}},
		{names: []string{"services", "servicios"}, flags: askFlags, run: (*app).services,
			summary: lang.Text{ES: "lista los servicios con su estado y tráfico", EN: "list the services with state and traffic"}},
		{names: []string{"stop", "detener"}, operands: operandFront, min: 1, max: 1, flags: askFlags, run: (*app).stop,
			summary: lang.Text{ES: "detiene un servicio; los demás siguen", EN: "stop a service while the others go on"}, detail: detailFront},
		{names: []string{"start", "iniciar"}, operands: operandFront, min: 1, max: 1, flags: askFlags, run: (*app).start,
			summary: lang.Text{ES: "inicia un servicio detenido", EN: "start a stopped service"}, detail: detailFront},
	}
}

func ownCommands() []command {
	return []command{
		{names: []string{"bench"}, operands: lang.Text{ES: "[HOST:PORT]", EN: "[HOST:PORT]"}, max: 1, flags: benchFlags, run: (*app).bench,
			summary: lang.Text{ES: "pone carga a un servidor y mide cómo responde", EN: "put load on a server and measure how it answers"},
			detail: lang.Text{
				ES: `Cada operación suma 1 a una cuenta key:NNNNNNNNNNNN; que no sea la de nadie. Sin
dirección, la que «cuenta serve» usa por omisión. Con --front resp vale también un Redis.
Con --rate la latencia cuenta desde que tocaba enviar, no desde que se pudo. El estado de
salida es 1 si alguna operación falló.

Con --op se pide otra cosa, a los servicios resp y shm: bounded suma 1000000000 bajo un
límite; refused pasaría así un límite, y debe ser rechazada; clamped también, y llega
hasta él; transfer pasa 1 a otra cuenta; reserve aparta 1 y lo liquida, ambos cuentan como
uno; take toma 1 de lo que una tasa permite; ticket da un número a alguien nuevo; expire
suma 1 y pone fin a la cuenta en una hora. Otras cuentas usan reserve (res:…), take
(rat:…), ticket (tic:…) y expire (end:…).`,
				EN: "Every operation adds 1 to a counter key:NNNNNNNNNNNN; let it be nobody's. Without\n" +
					"an address, the one `cuenta serve` has by default. With --front resp it may be a\n" +
					"Redis too. With --rate latency counts from when an operation was due, not from\n" +
					"when it could be sent. The exit status is 1 if any operation failed.\n\n" +
					"With --op something else is asked, of the fronts resp and shm: bounded adds\n" +
					"1000000000 below a limit; refused would pass a limit by that, and is to be refused;\n" +
					"clamped would too, and goes as far as the limit; transfer moves 1 to another counter;\n" +
					"reserve holds 1 and settles it, both counting as one; take takes 1 of what a rate\n" +
					"allows; ticket gives somebody new a number; expire adds 1 and has the counter end in an\n" +
					"hour. Other counters are used by reserve (res:…), take (rat:…), ticket (tic:…) and\n" +
					"expire (end:…)."}},
		{names: []string{"demo"}, operands: lang.Text{ES: "crash", EN: "crash"}, min: 1, max: 1, flags: demoFlags, run: (*app).demo,
			summary: lang.Text{ES: "muestra que un reintento no cuenta dos veces", EN: "show that a retry does not count twice"},
			detail: lang.Text{
				ES: `Arranca un servidor propio en un directorio temporal, lo mata con kill -9 una y otra
vez, pierde, repite y corta lo que se le envía, y compara lo que cuenta al final con lo
que saben sus clientes: con identidad y sin ella, y con un Redis si está instalado.
El estado de salida es 1 si los totales con identidad no son exactos.`,
				EN: "Starts a server of its own in a temporary directory, kills it with kill -9 again and\n" +
					"again, loses, repeats and cuts what is sent to it, and compares what it holds in the\n" +
					"end with what its clients know: with identities and without, and beside a Redis if\n" +
					"one is installed. The exit status is 1 if the totals with identities are not exact."}},
		{names: []string{"completion"}, operands: lang.Text{ES: "bash|zsh|fish", EN: "bash|zsh|fish"}, min: 1, max: 1,
			offline: true, run: (*app).completion,
			summary: lang.Text{ES: "guion de completado para un intérprete", EN: "completion script for a shell"},
			detail: lang.Text{
				ES: `En el fichero de arranque del intérprete: «source <(cuenta completion bash)»; en zsh, lo
mismo con zsh; en fish, «cuenta completion fish | source».`,
				EN: "In the start-up file of the shell: `source <(cuenta completion bash)`; in zsh the same\n" +
					"with zsh; in fish `cuenta completion fish | source`."}},
		{names: []string{"version"}, offline: true, run: (*app).version,
			summary: lang.Text{ES: "versión del programa", EN: "version of the program"}},
		{names: []string{"help", "ayuda"}, operands: lang.Text{ES: "[ORDEN]", EN: "[COMMAND]"}, max: 1,
			offline: true, run: (*app).help,
			summary: lang.Text{ES: "esta ayuda, o la de una orden", EN: "this help, or that of a command"}},
	}
}

// findCommand returns the command of that name, nil for none.
func findCommand(name string) *command {
	for _, c := range commands() {
		if slices.Contains(c.names, name) {
			return &c
		}
	}
	return nil
}

// takes reports whether the flag is one of the command's; --lang and --help are of all.
func (c *command) takes(flag string) bool {
	return flag == "lang" || flag == "help" || slices.Contains(c.flags, flag)
}

// usage is how to write the command, without flags.
func (c *command) usage() lang.Text {
	text := lang.Text{ES: "cuenta " + c.names[0], EN: "cuenta " + c.names[0]}
	if c.operands != (lang.Text{}) {
		text.ES += " " + c.operands.ES
		text.EN += " " + c.operands.EN
	}
	return text
}
