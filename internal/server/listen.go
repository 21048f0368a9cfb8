package server

import (
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/inspect"
	"github.com/cuenta-server/cuenta/internal/lang"
)

func listenTCP(front, address string) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, listenError(front, "tcp", address, err)
	}
	return l.(*net.TCPListener), nil
}

func listenUDP(front, address string) (*net.UDPConn, error) {
	p, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, listenError(front, "udp", address, err)
	}
	return p.(*net.UDPConn), nil
}

// listenError says what an operator needs to know of an address that cannot be
// had: which, for which front, why, what to do.
func listenError(front, network, address string, err error) error {
	host, service, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(service) // 0, which is never busy, where it is no number
	if errors.Is(err, syscall.EADDRINUSE) && port != 0 {
		text := lang.Text{
			ES: "el puerto %d (%s) del servicio %s está ocupado: lo tiene %s; termínelo, o elija otra dirección con --%s",
			EN: "port %d (%s) of the front %s is busy: %s holds it; end that, or choose another address with --%s",
		}.Fill(port, network, front, holderOf(network, port), front)
		return &told{text, &cuenta.Error{Code: cuenta.Busy, Text: text.EN}}
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return explainFront(front, err) // no address is to blame
	}
	text := lang.Text{
		ES: "el servicio %s no puede escuchar en %s %s: %s; elija otra dirección con --%s",
		EN: "the front %s cannot listen on %s %s: %s; choose another address with --%s",
	}.Fill(front, network, address, lang.System(err), front)
	unknown, noHost := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.EACCES) && 0 < port && port < firstOpenPort:
		text = lang.Text{
			ES: "el puerto %d (%s) del servicio %s no le está permitido a este usuario, por ser menor que %d; elija otra dirección con --%s, " +
				"o dele permiso al programa: «sudo setcap cap_net_bind_service=+ep $(command -v cuenta)»",
			EN: "port %d (%s) of the front %s is not permitted to this user, as it is below %d; choose another address with --%s, " +
				"or permit it to the program: `sudo setcap cap_net_bind_service=+ep $(command -v cuenta)`",
		}.Fill(port, network, front, firstOpenPort, front)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		text = lang.Text{
			ES: "la dirección %s del servicio %s no es de esta máquina; con --%s elija una que lo sea, o :%s, que significa todas",
			EN: "the address %s of the front %s is not this machine's; choose one that is with --%s, or :%s, which means all of them",
		}.Fill(address, front, front, service)
	case noHost && unknown.IsNotFound:
		text = lang.Text{
			ES: "no se conoce el host %q de la dirección %s del servicio %s; compruebe el nombre, o elija otra dirección con --%s",
			EN: "the host %q of the address %s of the front %s is not known; check the name, or choose another address with --%s",
		}.Fill(host, address, front, front)
	case noHost:
		text = lang.Text{
			ES: "no se pudo averiguar dónde está el host %q de la dirección %s del servicio %s; compruebe el DNS, o dé un número con --%s",
			EN: "the host %q of the address %s of the front %s could not be looked up; check the DNS, or give a number with --%s",
		}.Fill(host, address, front, front)
	}
	return &told{text, err}
}

// firstOpenPort is the lowest port that anybody may listen on, unless the machine was
// told otherwise.
const firstOpenPort = 1024

// holderOf says who holds a busy port, as far as that can be known.
func holderOf(network string, port int) lang.Text {
	pid, name, known := inspect.PortHolder(network, port)
	switch {
	case !known:
		return lang.Text{ES: "otro proceso", EN: "another process"}
	case name == "":
		return lang.Text{ES: "el proceso de pid %d", EN: "process with pid %d"}.Fill(pid)
	}
	return lang.Text{ES: "el proceso %s (pid %d)", EN: "process %s (pid %d)"}.Fill(name, pid)
}

// listenUnix binds a front's socket for its owner alone. A socket file that nobody
// listens on was left by a server that was killed, and is replaced.
func listenUnix(front, path string) (*net.UnixListener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, lang.Text{
				ES: "%s existe y no es un socket; llévelo a otro sitio, o elija otra ruta con --%s",
				EN: "%s exists and is not a socket; move it away, or choose another path with --%s",
			}.Fill(path, front)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			return nil, errors.Join(lang.Text{
				ES: "otro servidor escucha en el socket %s; termínelo, o elija otra ruta con --%s",
				EN: "another server listens on the socket %s; end it, or choose another path with --%s",
			}.Fill(path, front), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, socketError(front, path, err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, socketError(front, path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(socketError(front, path, err), l.Close())
	}
	return l, nil
}

func socketError(front, path string, err error) error {
	return &told{lang.Text{
		ES: "el servicio %s no puede escuchar en el socket %s: %s; elija otra ruta con --%s",
		EN: "the front %s cannot listen on the socket %s: %s; choose another path with --%s",
	}.Fill(front, path, lang.System(err), front), err}
}
