package lang

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestSystem(t *testing.T) {
	within := Text{ES: "vacío", EN: "empty"}
	for _, c := range []struct {
		err  error
		want Text
	}{
		{syscall.EACCES, Text{ES: "permiso denegado", EN: syscall.EACCES.Error()}},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOTDIR}, Text{ES: "no es un directorio", EN: syscall.ENOTDIR.Error()}},
		{
			fmt.Errorf("front: %w", &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}),
			Text{ES: "la dirección está en uso", EN: syscall.EADDRINUSE.Error()},
		},
		{syscall.Errno(12345), Text{ES: "error 12345 del sistema", EN: syscall.Errno(12345).Error()}},
		{
			&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}},
			Text{ES: "no se conoce ese host", EN: "no such host"},
		},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, Text{ES: "se agotó el tiempo de espera", EN: os.ErrDeadlineExceeded.Error()}},
		{&fs.PathError{Op: "read", Path: "x", Err: fs.ErrClosed}, Text{ES: fs.ErrClosed.Error(), EN: fs.ErrClosed.Error()}},
		{errors.New("odd"), Text{ES: "odd", EN: "odd"}},
		{fmt.Errorf("reading: %w", within), within},
	} {
		if got := System(c.err); got != c.want {
			t.Errorf("%v is told as %+v, want %+v", c.err, got, c.want)
		}
	}
}

func TestNoWordOfTheSystemIsMissing(t *testing.T) {
	for number, text := range said {
		if got := System(number); text == "" || got.ES != text || got.EN == "" {
			t.Errorf("%d is told as %+v", number, got)
		}
	}
}
