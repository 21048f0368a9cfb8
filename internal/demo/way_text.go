package demo

import (
	"bufio"
	"context"
	"net"
	"strconv"
	"strings"
	"time"
)

// maxAnswer is the longest answer that a client takes in, in bytes.
const maxAnswer = 1 << 10

// lines is the text protocol over TCP: the fronts tcp and proc.
type lines struct{ link }

func newLines(address string) way { return &lines{link{network: "tcp", address: address}} }

func (w *lines) attempt(ctx context.Context, op *operation) (int64, error) {
	return w.exchange(ctx, append(command(op), '\n'), readLine)
}

// command is the operation in the text protocol.
func command(op *operation) []byte {
	text := "inc.1 @" + op.counter
	if op.once {
		text += " id=" + op.key
	}
	return []byte(text)
}

func readLine(in *bufio.Reader) (int64, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return parseLine(line)
}

// parseLine reads an answer of the text protocol.
func parseLine(line string) (int64, error) {
	line = strings.TrimRight(line, "\r\n")
	if said, refused := strings.CutPrefix(line, "error "); refused {
		code, text, _ := strings.Cut(said, " ")
		return 0, refusedBy(code, text)
	}
	return parseValue(line)
}

func parseValue(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errStrange
	}
	return n, nil
}

// datagrams is the text protocol over UDP. An answer does not say what it answers,
// and one may come late or twice. But what a client has counted only ever grows: an
// answer to an earlier operation of this client is no larger than the last one that
// it accepted, and the answer to this one is.
type datagrams struct {
	address string
	conn    net.Conn
	last    int64
}

func newDatagrams(address string) way { return &datagrams{address: address} }

func (w *datagrams) attempt(ctx context.Context, op *operation) (int64, error) {
	if w.conn == nil {
		conn, err := net.Dial("udp", w.address)
		if err != nil {
			return 0, err
		}
		w.conn = conn
	}
	deadline, _ := ctx.Deadline() // every attempt has one
	if err := w.conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	defer context.AfterFunc(ctx, func() {
		// It ends the read; it can only fail where the socket is closed already.
		_ = w.conn.SetDeadline(time.Unix(1, 0))
	})()
	if _, err := w.conn.Write(command(op)); err != nil {
		return 0, err
	}
	var answer [maxAnswer]byte
	for {
		n, err := w.conn.Read(answer[:])
		if err != nil {
			return 0, err
		}
		value, err := parseLine(string(answer[:n]))
		if err == nil && value <= w.last {
			continue // late
		}
		if err == nil {
			w.last = value
		}
		return value, err
	}
}

func (w *datagrams) close() {
	if w.conn != nil {
		w.conn.Close() // nothing more is to be heard from it
	}
}
