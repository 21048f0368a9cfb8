package system

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStartThatFailsIsToldInSpanish takes every sentence that a start can end with and
// that a person can bring about, whole: not a word of it may be left in English.
func TestStartThatFailsIsToldInSpanish(t *testing.T) {
	dir := shortDir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := portOf(t, l.Addr().String())
	for name, content := range map[string]string{
		"fichero": "x", "mal/.env": "CUENTA_TCP=x\n", "roto/.env": "CUENTA_TCP\n", "otro/.env/x": "",
		"datos/log-0000000000000001": strings.Repeat("x", 5000),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const usage = "; véase «cuenta help serve»"
	for _, c := range []struct {
		in    string // the directory to start in
		flags []string
		exit  int
		said  string // … stands for what differs from machine to machine
	}{
		{"", []string{"--tcp", port}, 1, "el puerto " + port + " (tcp) del servicio tcp está ocupado: lo tiene … proceso…; termínelo, o elija otra dirección con --tcp"},
		{"", []string{"--udp", "192.0.2.1:5"}, 1, "la dirección 192.0.2.1:5 del servicio udp no es de esta máquina; con --udp elija una que lo sea, o :5, que significa todas"},
		{"", []string{"--socket", "fichero"}, 1, "fichero existe y no es un socket; llévelo a otro sitio, o elija otra ruta con --socket"},
		{"", []string{"--shm", "nada/sock"}, 1, "el servicio shm no puede escuchar en el socket nada/sock: no existe el fichero o el directorio; elija otra ruta con --shm"},
		{"", []string{"--addresses", "nada/a"}, 1, "no se puede escribir el fichero de direcciones nada/a: no existe el fichero o el directorio; elija otro con --addresses"},
		{"", []string{"--data", "fichero", "--socket", "s"}, 1, "no se puede usar el directorio de datos fichero: fichero: no es un directorio; compruebe que es un directorio y que su disco funciona"},
		{"", []string{"--data", "datos"}, 1, "datos/log-0000000000000001 está dañado en la posición 0: la cabecera no empieza por CUENTALG; " +
			"no se cambió nada: guarde una copia del directorio y recupere el fichero de una copia de seguridad"},
		{"", []string{"--tcp", "x"}, 2, `--tcp: "x": se espera HOST:PORT, PORT u off` + usage},
		{"", []string{"--tcp", "70000"}, 2, `--tcp: "70000": se espera HOST:PORT, PORT u off` + usage},
		{"", []string{"--workers", "0"}, 2, `--workers: "0": se espera connection o un número de 1 a 256` + usage},
		{"", []string{"--id-memory", "1"}, 2, `--id-memory: "1": se espera un tamaño como 512MiB o 4GiB, de 1MiB a 16TiB` + usage},
		{"", []string{"--key-age", "1"}, 2, `--key-age: "1": se espera un tiempo como 12h o 7d, de 1m a 366d` + usage},
		{"", []string{"--log-level", "x"}, 2, `--log-level: "x": se espera debug, info, warn o error` + usage},
		{"", []string{"--data", ""}, 2, `--data: "": se espera una ruta` + usage},
		{"", []string{"--json"}, 2, "no lleva la opción --json" + usage},
		{"", []string{"x"}, 2, `sobra "x"` + usage},
		{"mal", nil, 2, `.env:1: CUENTA_TCP: "x": se espera HOST:PORT, PORT u off` + usage},
		{"roto", nil, 2, ".env:1: línea mal formada; se espera NOMBRE=valor" + usage},
		{"otro", nil, 2, "no se puede leer .env: es un directorio" + usage},
	} {
		args := []string{"serve", "--lang", "es"}
		for _, front := range []string{"udp", "tcp", "proc", "web", "rpc", "resp", "shm"} {
			if c.in == "" {
				args = append(args, "--"+front, "off")
			}
		}
		cmd := exec.Command(executable, append(args, c.flags...)...)
		cmd.Dir = filepath.Join(dir, c.in)
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
		var said output
		cmd.Stderr = &said
		if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != c.exit {
			t.Errorf("%v: %v, want exit code %d", c.flags, err, c.exit)
		}
		lines := strings.Split(strings.TrimSuffix(said.String(), "\n"), "\n")
		if got, want := lines[len(lines)-1], "cuenta serve: "+c.said; !fits(got, want) {
			t.Errorf("%v:\n got %s\nwant %s", c.flags, got, want)
		}
	}
}

// fits reports whether a text is the wanted one, in which … stands for anything.
func fits(text, want string) bool {
	parts := strings.Split(want, "…")
	for i, part := range parts {
		at := strings.Index(text, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return text == ""
}

// TestPortThatIsNotPermitted asks for a port of the system's as a user who may not have it.
func TestPortThatIsNotPermitted(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:1"); err == nil {
		l.Close()
		t.Skip("this user may have any port")
	}
	cmd := exec.Command(executable, "serve", "--lang", "es", "--udp=off", "--tcp=1", "--proc=off", "--web=off", "--rpc=off", "--resp=off", "--shm=off")
	cmd.Dir = shortDir(t)
	said, err := cmd.CombinedOutput()
	want := "el puerto 1 (tcp) del servicio tcp no le está permitido a este usuario, por ser menor que 1024; elija otra dirección con --tcp, o dele permiso al programa: "
	if err == nil || !strings.Contains(string(said), want) {
		t.Errorf("%v: %s", err, said)
	}
}
