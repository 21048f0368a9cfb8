package ringclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/shm"
	"github.com/cuenta-server/cuenta/internal/wire/ring"
)

// Dial connects to the server that listens on the Unix socket at path. ctx is
// about the connecting alone.
func Dial(ctx context.Context, path string) (*Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	c, err := greet(ctx, conn.(*net.UnixConn))
	if err != nil {
		conn.Close() // the first error tells more
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("connecting to %s: %w", path, err)
	}
	return c, nil
}

// greet exchanges the greetings and takes over what comes with the server's.
func greet(ctx context.Context, conn *net.UnixConn) (*Client, error) {
	interrupted := context.AfterFunc(ctx, func() {
		_ = conn.SetDeadline(time.Unix(1, 0)) // fails if it is closed, which will do
	})
	defer interrupted()
	// Who is refused may find the connection closed already; the reason is in
	// what the server has said.
	_, writeErr := conn.Write(ring.AppendGreeting(nil))
	word, files, err := hear(conn)
	if err != nil {
		return nil, errors.Join(err, writeErr)
	}
	w, err := ring.ParseWelcome(word)
	if err == nil && w.Code != cuenta.OK {
		err = w.Code.Err()
	}
	expected := 1
	if w.Cells {
		expected++
	}
	if err == nil && len(files) != expected {
		err = fmt.Errorf("the server sent %d descriptors, want %d", len(files), expected)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	if !interrupted() {
		closeAll(files)
		return nil, ctx.Err()
	}
	return newClient(conn, w, files)
}

// hear reads the server's greeting and the descriptors with it.
func hear(conn *net.UnixConn) (word []byte, files []*os.File, err error) {
	word = make([]byte, ring.WelcomeSize)
	rights := make([]byte, unix.CmsgSpace(4*4))
	n, rightsSize, _, _, err := conn.ReadMsgUnix(word, rights)
	if err != nil {
		return nil, nil, fmt.Errorf("waiting for the server's greeting: %w", err)
	}
	if files, err = openRights(rights[:rightsSize]); err == nil {
		_, err = io.ReadFull(conn, word[n:])
	}
	if err != nil {
		closeAll(files)
		return nil, nil, err
	}
	return word, files, nil
}

func openRights(rights []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("reading the server's descriptors: %w", err)
	}
	for i := range messages {
		descriptors, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("reading the server's descriptors: %w", err)
		}
		for _, fd := range descriptors {
			files = append(files, os.NewFile(uintptr(fd), "shared memory"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // nothing was written to it
	}
}

// newClient takes over the connection and the files, the latter also when it
// fails.
func newClient(conn *net.UnixConn, w ring.Welcome, files []*os.File) (_ *Client, err error) {
	c := &Client{
		conn:  conn,
		limit: int(w.InFlight), room: int(w.InFlight),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if c.link, err = shm.OpenLink(files[0]); err != nil {
		closeAll(files[1:])
		return nil, err
	}
	if err = c.openCells(files[1:]); err == nil {
		err = c.openRings()
	}
	if err != nil {
		c.release()
		return nil, err
	}
	go c.receive()
	return c, nil
}

// openCells maps the cells, if the server has given them.
func (c *Client) openCells(files []*os.File) error {
	if len(files) == 0 {
		return nil
	}
	info, err := files[0].Stat()
	if err == nil {
		c.cells, err = shm.Map(files[0], int(info.Size()), true)
	}
	if err != nil {
		closeAll(files)
		return fmt.Errorf("opening the cells: %w", err)
	}
	c.places = shm.NewPlaces(shm.NewCells(c.cells))
	return nil
}

func (c *Client) openRings() (err error) {
	if c.requests, err = shm.NewProducer(c.link.RequestRing()); err != nil {
		return err
	}
	if c.answers, err = shm.NewConsumer(c.link.AnswerRing()); err != nil {
		return err
	}
	c.ready = c.answers.Ready
	c.bell, err = shm.NewSocketBell(c.conn, c.link.WorkerAsleep(), c.link.ServerAsleep())
	return err
}
