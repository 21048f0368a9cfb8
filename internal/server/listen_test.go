package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/shm"
)

func TestBusyPort(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	_, tcpErr := listenTCP("web", tcp.Addr().String())
	_, udpErr := listenUDP("udp", udp.LocalAddr().String())
	for _, c := range []struct {
		err            error
		network, front string
		address        net.Addr
	}{
		{tcpErr, "tcp", "web", tcp.Addr()},
		{udpErr, "udp", "udp", udp.LocalAddr()},
	} {
		holder := holderOf(c.network, portNumber(t, c.address))
		expectTold(t, c.err,
			fmt.Sprintf("el puerto %s (%s) del servicio %s está ocupado: lo tiene %s; termínelo, o elija otra dirección con --%s",
				portOf(c.address.String()), c.network, c.front, holder.ES, c.front),
			fmt.Sprintf("port %s (%s) of the front %s is busy: %s holds it; end that, or choose another address with --%s",
				portOf(c.address.String()), c.network, c.front, holder.EN, c.front))
		if e, ok := errors.AsType[*cuenta.Error](c.err); !ok || e.Code != cuenta.Busy || e.Text != c.err.Error() {
			t.Errorf("%v has the code of %v", c.err, e)
		}
	}
}

func portNumber(t *testing.T, a net.Addr) int {
	t.Helper()
	var port int
	if _, err := fmt.Sscan(portOf(a.String()), &port); err != nil {
		t.Fatal(err)
	}
	return port
}

func TestAddressesThatCannotBeHad(t *testing.T) {
	bind := func(number syscall.Errno) error {
		return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", number)}
	}
	lookup := func(e *net.DNSError) error { return &net.OpError{Op: "listen", Err: e} }
	for _, c := range []struct {
		address          string
		err              error
		spanish, english string
	}{
		{
			"127.0.0.1:80", bind(syscall.EACCES),
			"el puerto 80 (tcp) del servicio web no le está permitido a este usuario, por ser menor que 1024; elija otra dirección con --web, o ",
			"port 80 (tcp) of the front web is not permitted to this user, as it is below 1024; choose another address with --web, or ",
		},
		{
			"127.0.0.1:8080", bind(syscall.EACCES), // for another reason
			"el servicio web no puede escuchar en tcp 127.0.0.1:8080: permiso denegado; elija otra dirección con --web",
			"the front web cannot listen on tcp 127.0.0.1:8080: permission denied; choose another address with --web",
		},
		{
			"127.0.0.1:0", bind(syscall.EADDRINUSE), // no port is left
			"el servicio web no puede escuchar en tcp 127.0.0.1:0: la dirección está en uso;",
			"the front web cannot listen on tcp 127.0.0.1:0: address already in use;",
		},
		{
			"192.0.2.1:8080", bind(syscall.EADDRNOTAVAIL),
			"la dirección 192.0.2.1:8080 del servicio web no es de esta máquina; con --web elija una que lo sea, o :8080, que significa todas",
			"the address 192.0.2.1:8080 of the front web is not this machine's; choose one that is with --web, or :8080, which means all of them",
		},
		{
			"far:8080", lookup(&net.DNSError{Name: "far", Err: "no such host", IsNotFound: true}),
			`no se conoce el host "far" de la dirección far:8080 del servicio web; compruebe el nombre, o elija otra dirección con --web`,
			`the host "far" of the address far:8080 of the front web is not known; check the name, or choose another address with --web`,
		},
		{
			"far:8080", lookup(&net.DNSError{Name: "far", Err: "i/o timeout", IsTimeout: true}),
			`no se pudo averiguar dónde está el host "far" de la dirección far:8080 del servicio web; compruebe el DNS, o dé un número con --web`,
			`the host "far" of the address far:8080 of the front web could not be looked up; check the DNS, or give a number with --web`,
		},
		{
			"127.0.0.1:8080", &net.OpError{Op: "listen", Err: os.NewSyscallError("socket", syscall.EMFILE)},
			"el servicio web no puede arrancar: el proceso tiene demasiados ficheros abiertos; véanse los límites del proceso",
			"the front web cannot start: too many open files; see the limits of the process",
		},
	} {
		err := listenError("web", "tcp", c.address, c.err)
		expectTold(t, err, c.spanish, c.english)
		if !errors.Is(err, c.err) {
			t.Errorf("%v does not say why", err)
		}
	}
}

func TestPathsThatCannotBeListenedOn(t *testing.T) {
	dir := testConfig(t).Data
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inUse := filepath.Join(dir, "sock")
	l, err := net.Listen("unix", inUse)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	missing := filepath.Join(dir, "none", "sock")
	for _, c := range []struct{ path, spanish, english string }{
		{file, file + " existe y no es un socket; llévelo a otro sitio, o elija otra ruta con --shm",
			file + " exists and is not a socket; move it away, or choose another path with --shm"},
		{inUse, "otro servidor escucha en el socket " + inUse + "; termínelo, o elija otra ruta con --shm",
			"another server listens on the socket " + inUse + "; end it, or choose another path with --shm"},
		{missing, "el servicio shm no puede escuchar en el socket " + missing + ": no existe el fichero o el directorio; elija otra ruta con --shm",
			"the front shm cannot listen on the socket " + missing + ": no such file or directory; choose another path with --shm"},
	} {
		_, err := listenUnix("shm", c.path)
		expectTold(t, err, c.spanish, c.english)
	}
	c := testConfig(t)
	c.Addresses = missing
	_, err = New(c)
	expectTold(t, err, "no se puede escribir el fichero de direcciones "+missing+": no existe el fichero o el directorio; elija otro con --addresses",
		"the addresses file "+missing+" cannot be written: no such file or directory; choose another with --addresses")
}

func TestFrontsAndEngineThatCannotStart(t *testing.T) {
	expectTold(t, explainFront("proc", fmt.Errorf("proc: %w", shm.ErrUnsupported)),
		"el servicio proc necesita Linux; en otros sistemas se arranca sin él, con --proc off", "the front proc needs Linux; on other systems start without it, with --proc off")
	expectTold(t, explainFront("proc", fmt.Errorf("proc: %w", syscall.ENOMEM)),
		"el servicio proc no puede arrancar: no queda memoria; véanse", "the front proc cannot start: "+syscall.ENOMEM.Error()+"; see")
	known := lang.Text{ES: "conocido", EN: "known"}
	if err := explainFront("proc", known); err != known {
		t.Errorf("%v became %v", known, err)
	}
	noMemory := fmt.Errorf("sizing shared memory: %w", syscall.ENOMEM)
	err := explainEngine(noMemory, t.TempDir())
	expectTold(t, err, "el servidor no puede arrancar: no queda memoria; véanse", "the server cannot start: "+noMemory.Error()+"; see")
	if strings.Contains(textOf(t, err).ES, "shared") {
		t.Errorf("half of it is English: %s", textOf(t, err).ES)
	}
}
