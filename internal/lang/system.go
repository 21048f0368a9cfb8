package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// said is what a system says, by the error that it says it with. In English it has
// words of its own.
var said = map[syscall.Errno]string{
	syscall.EACCES:        "permiso denegado",
	syscall.EPERM:         "operación no permitida",
	syscall.ENOENT:        "no existe el fichero o el directorio",
	syscall.EEXIST:        "ya existe",
	syscall.ENOTDIR:       "no es un directorio",
	syscall.EISDIR:        "es un directorio",
	syscall.ENOTEMPTY:     "el directorio no está vacío",
	syscall.ENAMETOOLONG:  "el nombre es demasiado largo",
	syscall.ELOOP:         "hay demasiados enlaces simbólicos",
	syscall.EINVAL:        "argumento no válido",
	syscall.EMFILE:        "el proceso tiene demasiados ficheros abiertos",
	syscall.ENFILE:        "el sistema tiene demasiados ficheros abiertos",
	syscall.ENOMEM:        "no queda memoria",
	syscall.ENOBUFS:       "no queda sitio en los búferes del sistema",
	syscall.ENOSPC:        "no queda sitio en el disco",
	syscall.EDQUOT:        "se agotó la cuota de disco",
	syscall.EFBIG:         "el fichero es demasiado grande",
	syscall.EROFS:         "el sistema de ficheros es de solo lectura",
	syscall.EIO:           "error de entrada y salida",
	syscall.EBUSY:         "está ocupado",
	syscall.ENOSYS:        "el sistema no sabe hacerlo",
	syscall.EADDRINUSE:    "la dirección está en uso",
	syscall.EADDRNOTAVAIL: "la dirección no es de esta máquina",
	syscall.EAFNOSUPPORT:  "la máquina no tiene direcciones de esa clase",
	syscall.ECONNREFUSED:  "conexión rechazada",
	syscall.ECONNRESET:    "el otro lado cortó la conexión",
	syscall.EPIPE:         "el otro lado cerró la conexión",
	syscall.ETIMEDOUT:     "se agotó el tiempo de espera",
	syscall.ENETUNREACH:   "no hay camino a esa red",
	syscall.EHOSTUNREACH:  "no hay camino a ese host",
}

// System tells in both languages what err is about: a text that it holds, or else what
// the system said. Of that no more is left than its own words: which file or address
// it was about belongs into the sentence around them. An error that is neither reads
// the same in both languages.
func System(err error) Text {
	if t, ok := errors.AsType[Text](err); ok {
		return t
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return Text{ES: inSpanish(number), EN: number.Error()}
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return Text{ES: "no se conoce ese host", EN: "no such host"}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	} else if op, ok := errors.AsType[*fs.PathError](err); ok {
		err = op.Err
	}
	t := Text{ES: err.Error(), EN: err.Error()}
	if late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && late.Timeout() {
		t.ES = said[syscall.ETIMEDOUT]
	}
	return t
}

func inSpanish(number syscall.Errno) string {
	switch text, known := said[number]; {
	case known:
		return text
	case errors.Is(number, fs.ErrPermission): // on a system with numbers of its own
		return said[syscall.EACCES]
	case errors.Is(number, fs.ErrNotExist):
		return said[syscall.ENOENT]
	case errors.Is(number, fs.ErrExist):
		return said[syscall.EEXIST]
	}
	return fmt.Sprintf("error %d del sistema", int(number))
}
