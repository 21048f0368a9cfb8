// Package config turns flags, environment variables and the file .env into
// settings. A flag is stronger than the environment, the environment stronger
// than .env, .env stronger than the default. Every complaint names the source
// that the bad value came from.
//
// The table in this file is the only place that knows the names: the parser, the
// help texts and the completion of shells are made from it.
package config

import (
	"strings"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Setting is one row of the table.
type Setting struct {
	Flag    string    // name of the flag, without dashes
	Short   string    // one-letter form of the flag; mostly none
	Var     string    // environment variable, empty for none
	Arg     lang.Text // what help calls the value; empty for a switch
	Default string    // empty for none
	Help    lang.Text
	Own     map[string]Own // by command, where a command means something else by it
}

// Own is what a setting is to one command.
type Own struct {
	Arg  lang.Text // empty: as to the others
	Help lang.Text
}

// Of returns the setting as it is to a command.
func (s *Setting) Of(command string) Setting {
	of := *s
	if own, differs := s.Own[command]; differs {
		of.Help = own.Help
		if own.Arg != (lang.Text{}) {
			of.Arg = own.Arg
		}
	}
	return of
}

// Switch reports whether the setting takes no value.
func (s *Setting) Switch() bool { return s.Arg == lang.Text{} }

var (
	argDir  = same("DIR")
	argAddr = same("ADDR")
	argFile = lang.Text{ES: "FICHERO", EN: "FILE"}
)

var identHelp = lang.Text{ES: "para quién es el número (--for o --para)", EN: "whom the number is for (--for or --para)"}

func same(s string) lang.Text { return lang.Text{ES: s, EN: s} }

// Settings is the table. A variable CUENTA_WORKER is reserved: the server uses
// it between itself and its worker processes.
var Settings = []Setting{
	{Flag: "data", Var: "CUENTA_DATA", Arg: argDir, Default: "cuenta-data", Help: lang.Text{
		ES: "directorio de datos", EN: "data directory"}},
	{Flag: "udp", Var: "CUENTA_UDP", Arg: argAddr, Default: "127.0.0.1:2002", Help: lang.Text{
		ES: "dirección UDP", EN: "UDP address"}},
	{Flag: "tcp", Var: "CUENTA_TCP", Arg: argAddr, Default: "127.0.0.1:2020", Help: lang.Text{
		ES: "dirección TCP por hilos", EN: "address of TCP by threads"}},
	{Flag: "proc", Var: "CUENTA_PROC", Arg: argAddr, Default: "127.0.0.1:2002", Help: lang.Text{
		ES: "dirección TCP por procesos", EN: "address of TCP by processes"}},
	{Flag: "web", Var: "CUENTA_WEB", Arg: argAddr, Default: "127.0.0.1:1234", Help: lang.Text{
		ES: "dirección HTTP", EN: "HTTP address"}},
	{Flag: "rpc", Var: "CUENTA_RPC", Arg: argAddr, Default: "127.0.0.1:8080", Help: lang.Text{
		ES: "dirección net/rpc", EN: "net/rpc address"}},
	{Flag: "resp", Var: "CUENTA_RESP", Arg: argAddr, Default: "127.0.0.1:6380", Help: lang.Text{
		ES: "dirección del protocolo de Redis", EN: "address of the Redis protocol"}},
	{Flag: "socket", Var: "CUENTA_SOCKET", Arg: lang.Text{ES: "RUTA", EN: "PATH"}, Help: lang.Text{
		ES: "socket Unix de la consola local (por omisión DIR/cuenta.sock)",
		EN: "Unix socket of the local console (default DIR/cuenta.sock)"}},
	{Flag: "shm", Var: "CUENTA_SHM", Arg: lang.Text{ES: "RUTA", EN: "PATH"}, Help: lang.Text{
		ES: "socket Unix de la memoria compartida, u off (por omisión DIR/shm.sock)",
		EN: "Unix socket for shared memory, or off (default DIR/shm.sock)"}},
	{Flag: "workers", Var: "CUENTA_WORKERS", Arg: same("N"), Default: "connection", Help: lang.Text{
		ES: "procesos TCP, o connection: uno por cliente",
		EN: "TCP processes, or connection: one per client"}},
	{Flag: "id-memory", Var: "CUENTA_ID_MEMORY", Arg: lang.Text{ES: "TAMAÑO", EN: "SIZE"}, Default: "1GiB", Help: lang.Text{
		ES: "memoria para sesiones y claves, como mucho", EN: "memory for sessions and keys, at most"}},
	{Flag: "key-age", Var: "CUENTA_KEY_AGE", Arg: lang.Text{ES: "TIEMPO", EN: "TIME"}, Default: "24h", Help: lang.Text{
		ES: "cuánto se recuerda una clave", EN: "how long a key is remembered"}},
	{Flag: "session-age", Var: "CUENTA_SESSION_AGE", Arg: lang.Text{ES: "TIEMPO", EN: "TIME"}, Default: "7d", Help: lang.Text{
		ES: "una sesión sin uso termina tras este tiempo", EN: "an idle session ends after this time"}},
	{Flag: "log-level", Var: "CUENTA_LOG_LEVEL", Arg: lang.Text{ES: "NIVEL", EN: "LEVEL"}, Default: "info", Help: lang.Text{
		ES: "se registra desde debug, info, warn o error", EN: "log from debug, info, warn or error on"}},
	{Flag: "addresses", Var: "CUENTA_ADDRESSES", Arg: argFile, Help: lang.Text{
		ES: "fichero JSON donde se escriben las direcciones en uso", EN: "JSON file to write the bound addresses to"}},
	{Flag: "remote", Arg: same("HOST:PORT"), Help: lang.Text{
		ES: "servidor remoto, por net/rpc, en vez del local", EN: "a remote server, by net/rpc, instead of the local one"}},
	{Flag: "id", Arg: lang.Text{ES: "CLAVE", EN: "KEY"}, Help: lang.Text{
		ES: "clave del cambio, con la que repetido cuenta una vez (por omisión una nueva)",
		EN: "key of the change: repeated with it, it counts once (default a new one)"}},
	{Flag: "for", Arg: same("IDENT"), Help: identHelp},
	{Flag: "para", Arg: same("IDENT"), Help: identHelp},
	{Flag: "front", Arg: lang.Text{ES: "NOMBRE", EN: "NAME"}, Default: "resp", Help: lang.Text{
		ES: "servicio: resp, udp, tcp, proc, rpc, web o shm", EN: "front: resp, udp, tcp, proc, rpc, web or shm"}},
	{Flag: "op", Arg: lang.Text{ES: "OPERACIÓN", EN: "NAME"}, Default: "increment", Help: lang.Text{
		ES: "lo que hace cada operación (véase arriba)", EN: "what each operation does (see above)"}},
	{Flag: "connections", Arg: same("N"), Default: "50", Help: lang.Text{
		ES: "conexiones", EN: "connections"}},
	{Flag: "pipeline", Arg: same("N"), Default: "1", Help: lang.Text{
		ES: "operaciones en vuelo por conexión", EN: "operations in flight on each connection"}},
	{Flag: "keys", Arg: same("N"), Default: "100000", Help: lang.Text{
		ES: "cuentas distintas", EN: "different counters"}},
	{Flag: "distribution", Arg: lang.Text{ES: "REPARTO", EN: "NAME"}, Default: "uniform", Help: lang.Text{
		ES: "uniform, zipf, hot (una cuenta) o sequence (una tras otra)",
		EN: "uniform, zipf, hot (one counter) or sequence (in order)"}},
	{Flag: "identity", Arg: lang.Text{ES: "FORMA", EN: "FORM"}, Default: "none", Help: lang.Text{
		ES: "identidad de cada operación: none, session o key", EN: "identity of each operation: none, session or key"}},
	{Flag: "rate", Arg: same("N"), Help: lang.Text{
		ES: "operaciones por segundo que se ofrecen (por omisión, tantas como conteste)",
		EN: "operations a second to offer (default as many as it answers)"}},
	{Flag: "duration", Arg: lang.Text{ES: "TIEMPO", EN: "TIME"}, Default: "10s", Help: lang.Text{
		ES: "cuánto se mide", EN: "how long to measure"},
		Own: map[string]Own{"demo": {Help: lang.Text{ES: "cuánto duran los fallos", EN: "how long things fail"}}}},
	{Flag: "operations", Arg: same("N"), Help: lang.Text{
		ES: "cuántas operaciones se miden, en vez de un tiempo", EN: "how many operations to measure, instead of a time"}},
	{Flag: "warm-up", Arg: lang.Text{ES: "TIEMPO", EN: "TIME"}, Default: "1s", Help: lang.Text{
		ES: "carga previa que no se mide", EN: "load beforehand that is not measured"}},
	{Flag: "seed", Arg: same("N"), Help: lang.Text{
		ES: "semilla de los fallos, para repetirlos (por omisión, una al azar)",
		EN: "seed of the faults, to repeat them (default one at random)"}},
	{Flag: "format", Arg: same("csv|jsonl|env"), Help: lang.Text{
		ES: "formato de las líneas (por omisión csv; de un fichero, lo que es)",
		EN: "format of the lines (default csv; of a file, what it is)"},
		Own: map[string]Own{"export": {Arg: same("csv|jsonl"), Help: lang.Text{
			ES: "formato de las líneas (por omisión csv)", EN: "format of the lines (default csv)"}}}},
	{Flag: "prefix", Arg: lang.Text{ES: "PREFIJO", EN: "PREFIX"}, Help: lang.Text{
		ES: "se pone delante de cada nombre", EN: "put before every name"},
		Own: map[string]Own{"watch": {Help: lang.Text{
			ES: "sigue todas las cuentas cuyos nombres empiezan así, en vez de una",
			EN: "follow all counters whose names begin with it, instead of one"}}}},
	{Flag: "since", Arg: lang.Text{ES: "REVISIÓN", EN: "REVISION"}, Help: lang.Text{
		ES: "la revisión de la cuenta que ya se vio", EN: "the counter's revision that was seen already"}},
	{Flag: "add", Help: lang.Text{
		ES: "suma a lo que hay en vez de ponerlo; repetida, suma una vez",
		EN: "add to what is there instead of setting it; repeated, it adds once"}},
	{Flag: "as", Arg: lang.Text{ES: "NOMBRE", EN: "NAME"}, Help: lang.Text{
		ES: "nombre de la importación, con el que repetida suma una vez (por omisión el del origen)",
		EN: "name of the import, under which repeated it adds once (default the source's)"}},
	{Flag: "strict", Help: lang.Text{
		ES: "se detiene en lo primero que esté mal", EN: "stop at the first that is wrong"}},
	{Flag: "dry-run", Help: lang.Text{
		ES: "lee y cuenta, sin cambiar nada", EN: "read and count, and change nothing"}},
	{Flag: "json", Help: lang.Text{
		ES: "el informe como JSON", EN: "the report as JSON"},
		Own: map[string]Own{"watch": {Help: lang.Text{
			ES: "un objeto JSON por línea", EN: "an object of JSON a line"}}}},
	{Flag: "lang", Var: "CUENTA_LANG", Arg: same("es|en"), Help: lang.Text{
		ES: "idioma (por omisión el del sistema)", EN: "language (default the system's)"}},
	{Flag: "help", Short: "h", Help: lang.Text{
		ES: "esta ayuda", EN: "this help"}},
}

// Find returns the setting of that flag, nil for none. A short form finds it too.
func Find(flag string) *Setting {
	for i := range Settings {
		if s := &Settings[i]; s.Flag == flag || s.Short != "" && s.Short == flag {
			return s
		}
	}
	return nil
}

// Usage is the flag as help shows it, such as "--data DIR".
func (s *Setting) Usage(l lang.Lang) string {
	return strings.TrimSpace("--" + s.Flag + " " + s.Arg.In(l))
}
