package cli

import "github.com/cuenta-server/cuenta/internal/lang"

var (
	operandSource = lang.Text{ES: "ORIGEN", EN: "SOURCE"}

	importFlags = append([]string{"format", "prefix", "add", "as", "strict", "dry-run"}, askFlags...)
	exportFlags = append([]string{"format"}, askFlags...)
)

// movingCommands bring counters in and out, one by one or all there is.
func movingCommands() []command {
	return []command{
		{names: []string{"import", "importar"}, operands: operandSource, min: 1, max: 1, flags: importFlags, run: (*app).importCounters,
			summary: lang.Text{ES: "trae cuentas de un Redis o de un fichero", EN: "bring in counters from a Redis or a file"},
			detail: lang.Text{
				ES: `ORIGEN es redis://[[USUARIO]:CLAVE@]HOST[:PUERTO][/BASE], un fichero o - para la entrada.
Un fichero es CSV (nombre,valor), JSON por líneas ({"name":"visitas","value":13}) o .env.
El JSON puede llevar además floor y ceiling (límites), total y expires_at (fin), y la
cuenta los recibe.
Cada cuenta queda con el valor que trae; con --add se suma, y la misma orden repetida
suma una sola vez mientras el servidor recuerde las claves (--key-age). Entra por el
servicio resp. El estado de salida es 1 si alguna línea estaba mal.`,
				EN: "SOURCE is redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], a file, or - for standard input.\n" +
					"A file is CSV (name,value), JSON lines ({\"name\":\"visitas\",\"value\":13}) or a .env.\n" +
					"JSON may have floor and ceiling (limits), total and expires_at (its end) besides, and\n" +
					"the counter gets them.\n" +
					"Every counter gets the value that it has there; with --add that is added, and the\n" +
					"same command repeated adds once as long as the server remembers keys (--key-age). It\n" +
					"goes in by the front resp. The exit status is 1 if any line was wrong."}},
		{names: []string{"export", "exportar"}, operands: operandPrefix, max: 1, flags: exportFlags, run: (*app).exportCounters,
			summary: lang.Text{ES: "saca las cuentas como CSV o JSON por líneas", EN: "write the counters as CSV or JSON lines"},
			detail: lang.Text{
				ES: `Cada línea es lo que estaba en disco de su cuenta al leerla; entre una y otra se sigue
contando. Lo que escribe lo lee «cuenta import -». CSV lleva los valores; con --format
jsonl van también límites, totales y fin, y de las reservas cuánto suman.`,
				EN: "Each line is what was on disk of its counter when it was read; between one and the\n" +
					"next counting goes on. `cuenta import -` reads what it writes. CSV carries values; with\n" +
					"--format jsonl there are also limits, totals and ends, and of holds their sums."}},
		{names: []string{"backup", "respaldar"}, operands: lang.Text{ES: "DIR", EN: "DIR"}, min: 1, max: 1, flags: []string{"data"}, run: (*app).backup,
			summary: lang.Text{ES: "copia el directorio de datos con el servidor en marcha", EN: "copy the data directory while the server runs"},
			detail: lang.Text{
				ES: `La copia tiene todo cambio confirmado antes de empezarla, y se verifica. DIR no debe
existir, o estar vacío. Mientras no esté completa tiene un fichero UNFINISHED, y nadie la abre.`,
				EN: "The copy has every change that was acknowledged before it was begun, and is verified.\n" +
					"DIR must not exist, or be empty. Until it is complete it has a file UNFINISHED, and\n" +
					"nobody opens it."}},
		{names: []string{"restore", "restaurar"}, operands: lang.Text{ES: "COPIA DATOS", EN: "BACKUP DATA"}, min: 2, max: 2, run: (*app).restore,
			summary: lang.Text{ES: "hace un directorio de datos de una copia", EN: "make a data directory of a backup"},
			detail: lang.Text{
				ES: `DATOS no debe existir, o estar vacío; «cuenta serve --data DATOS» sigue con él. Las claves
se conservan: lo que se hizo antes de la copia no se repite. Las sesiones no, y sus
clientes piden otra.`,
				EN: "DATA must not exist, or be empty; `cuenta serve --data DATA` goes on with it. Keys are\n" +
					"kept: what was done before the backup is not done again. Sessions are not, and their\n" +
					"clients ask for new ones."}},
	}
}
