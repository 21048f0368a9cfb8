package examples

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lossy stands before the server and loses the answers to the first changes
// that come through it: the server has made them, and the client does not know.
type lossy struct {
	address string
	left    atomic.Int32 // how many answers are still to be lost
}

// changes are what the examples' changes are known by, whatever their protocol.
var changes = [][]byte{[]byte("CUENTA.ONCE"), []byte(":add"), []byte("inc.")}

func isChange(data []byte) bool {
	for _, mark := range changes {
		if bytes.Contains(data, mark) {
			return true
		}
	}
	return false
}

// lose reports whether the next answer is to be lost.
func (l *lossy) lose() bool { return l.left.Add(-1) >= 0 }

// newLossyTCP passes connections on. Instead of an answer that is lost the client
// sees its connection end.
func newLossyTCP(t *testing.T, server string, losses int32) *lossy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &lossy{address: listener.Addr().String()}
	l.left.Store(losses)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			all.Go(func() { l.pass(t, client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		all.Wait() // the example has ended, and its connections with it
	})
	return l
}

func (l *lossy) pass(t *testing.T, client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return
	}
	var doomed atomic.Bool // the answer to what was passed on last is to be lost
	var there sync.WaitGroup
	there.Go(func() {
		defer server.Close() // ends the copying below
		buf := make([]byte, 64<<10)
		for {
			n, err := client.Read(buf)
			if isChange(buf[:n]) && l.lose() {
				doomed.Store(true)
			}
			if _, writeErr := server.Write(buf[:n]); err != nil || writeErr != nil {
				return
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil || doomed.Load() {
			break
		}
		if _, err := client.Write(buf[:n]); err != nil {
			break
		}
	}
	client.Close() // ends the copying above
	there.Wait()
}

// newLossyUDP passes datagrams on.
func newLossyUDP(t *testing.T, server string, losses int32) *lossy {
	t.Helper()
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &lossy{address: front.LocalAddr().String()}
	l.left.Store(losses)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1024)
		for {
			n, client, err := front.ReadFrom(buf)
			if err != nil {
				return // closed below
			}
			answer, err := exchange(server, buf[:n])
			if err != nil {
				t.Error(err)
				return
			}
			if isChange(buf[:n]) && l.lose() {
				continue
			}
			if _, err := front.WriteTo(answer, client); err != nil {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		front.Close()
		<-done
	})
	return l
}

// exchange sends the server one datagram and waits for its answer.
func exchange(server string, command []byte) ([]byte, error) {
	conn, err := net.Dial("udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(command); err != nil {
		return nil, err
	}
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	return answer[:n], err
}
