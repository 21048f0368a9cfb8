package udp

import (
	"encoding/binary"
	"math"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// TestKernelDropsAreCounted: a stalled service, a small buffer and a flood. Every
// datagram was either done or counted as dropped.
func TestKernelDropsAreCounted(t *testing.T) {
	service, traffic := fronttest.NewService(), new(cuenta.Traffic)
	_, address := start(t, Config{Service: service, Traffic: traffic, ReadBuffer: 4096}, "udp4", "127.0.0.1:0")
	c := dial(t, address)
	if got := c.ask("con.0"); got != "0" { // so the socket is set up
		t.Fatal(got)
	}
	lift := service.Stall()
	c.send("inc.1")
	service.AwaitBlocked(1)
	const flood = 2000
	for range flood - 1 {
		c.send("inc.1")
	}
	lift()
	// The kernel tells of drops with the next datagram that it did not drop, so
	// one more is needed; it may be dropped itself while the buffer is full.
	last := dial(t, address)
	probes := int64(0)
	for answered := false; !answered; {
		last.send("con.0 @otra")
		probes++
		_, err := last.next(patience / 100)
		answered = err == nil
	}
	done, _ := service.Value(cuenta.DefaultCounter)
	read := traffic.Requests.Load() - 1 // the one before the flood
	dropped := traffic.Dropped.Load()
	if dropped == 0 || read+dropped != flood+probes {
		t.Errorf("%d read and %d dropped, %d were sent", read, dropped, flood+probes)
	}
	if done > read || done < read-probes {
		t.Errorf("%d counted, %d read", done, read)
	}
}

func TestDropsWrap(t *testing.T) {
	var d drops
	total := int64(0)
	for i, c := range []struct {
		now  uint32
		want int64
	}{{0, 0}, {5, 5}, {5, 0}, {math.MaxUint32 - 1, math.MaxUint32 - 6}, {math.MaxUint32, 1}, {3, 4}, {3, 0}} {
		if got := d.since(message(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, c.now)); got != c.want {
			t.Errorf("step %d: got %d, want %d", i, got, c.want)
		}
		total += c.want
	}
	if got := d.since(nil); got != 0 {
		t.Errorf("a datagram that tells nothing: got %d", got)
	}
	other := message(unix.SOL_SOCKET, unix.SO_TIMESTAMP, 77)
	if got := d.since(append(other, message(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 10)...)); got != 7 {
		t.Errorf("behind another message: got %d, want 7", got)
	}
	whole := message(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 99)
	for n := range len(whole) - 4 { // its padding need not be there
		if got := d.since(whole[:n]); got != 0 {
			t.Errorf("cut to %d bytes: got %d", n, got)
		}
	}
}

// message is a control message that carries a u32.
func message(level, kind int32, v uint32) []byte {
	m := make([]byte, unix.CmsgSpace(4))
	size := uint64(unix.CmsgLen(4))
	if unix.SizeofCmsghdr == 16 {
		binary.NativeEndian.PutUint64(m, size)
	} else {
		binary.NativeEndian.PutUint32(m, uint32(size))
	}
	at := unix.SizeofCmsghdr
	binary.NativeEndian.PutUint32(m[at-8:], uint32(level))
	binary.NativeEndian.PutUint32(m[at-4:], uint32(kind))
	binary.NativeEndian.PutUint32(m[at:], v)
	return m
}

func TestBufferIsGranted(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := granted(conn)
	New(Config{ReadBuffer: before / 4}).enlarge(conn)
	if after := granted(conn); after <= 0 || after >= before {
		t.Errorf("asked for a quarter of %d, got %d", before, after)
	}
}
