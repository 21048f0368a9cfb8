package system

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// fronts that count over the network.
var counting = []string{"udp", "tcp", "proc", "web", "rpc"}

// client sends one command of the text protocol and returns the number that is
// the answer, whatever the front. An error means that the answer is not known.
type client interface {
	do(command string) (int64, error)
	close()
}

// refused is an answer that says no: nothing was changed.
type refused string

func (r refused) Error() string { return string(r) }

func (s *server) client(front string) client {
	s.t.Helper()
	c, err := dial(front, s.fronts[front])
	if err != nil {
		s.t.Fatalf("connecting to %s: %v", front, err)
	}
	return c
}

func dial(front, address string) (client, error) {
	switch front {
	case "udp":
		return dialUDP(address)
	case "tcp", "proc":
		return dialText(address)
	case "web":
		return &webClient{address: address, http: &http.Client{Timeout: patience, Transport: &http.Transport{}}}, nil
	case "rpc":
		return dialRPC(address)
	case "socket":
		return dialSocket(address)
	}
	return nil, fmt.Errorf("no client for %q", front)
}

func parseAnswer(line string) (int64, error) {
	line = strings.TrimRight(line, "\r\n")
	if strings.HasPrefix(line, "error ") {
		return 0, refused(line)
	}
	return strconv.ParseInt(line, 10, 64)
}

type textClient struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dialText(address string) (client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return &textClient{conn, bufio.NewReader(conn)}, nil
}

func (c *textClient) do(command string) (int64, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(c.conn, command+"\n"); err != nil {
		return 0, err
	}
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return parseAnswer(line)
}

func (c *textClient) close() { c.conn.Close() }

// udpClient waits for one answer per datagram. On loopback none is lost while
// the server lives; when it dies, a refused port tells so.
type udpClient struct{ conn net.Conn }

func dialUDP(address string) (client, error) {
	conn, err := net.Dial("udp", address)
	return udpClient{conn}, err
}

func (c udpClient) do(command string) (int64, error) {
	if _, err := io.WriteString(c.conn, command); err != nil {
		return 0, err
	}
	// Short: after a kill, nobody answers a datagram that had been received.
	if err := c.conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, err
	}
	buf := make([]byte, 512)
	n, err := c.conn.Read(buf)
	if err != nil {
		return 0, err
	}
	return parseAnswer(string(buf[:n]))
}

func (c udpClient) close() { c.conn.Close() }

type webClient struct {
	address string
	http    *http.Client
}

func (c *webClient) do(command string) (int64, error) {
	resp, err := c.http.Get("http://" + c.address + "/cambiar?counter=" + url.QueryEscape(command))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	number, ok := strings.CutPrefix(string(body), "Valor del Contador, ")
	if !ok {
		return 0, refused(fmt.Sprintf("%d %s", resp.StatusCode, body))
	}
	return strconv.ParseInt(number, 10, 64)
}

func (c *webClient) close() { c.http.CloseIdleConnections() }

// rpcClient is net/rpc's own client, as any Go program has it.
type rpcClient struct{ *rpc.Client }

func dialRPC(address string) (client, error) {
	c, err := rpc.DialHTTP("tcp", address)
	return rpcClient{c}, err
}

func (c rpcClient) do(command string) (int64, error) {
	request, err := rpcRequest(command)
	if err != nil {
		return 0, err
	}
	var reply cuenta.RPCReply
	err = c.Call("Cuenta.Apply", request, &reply)
	var server rpc.ServerError
	if errors.As(err, &server) {
		return 0, refused(err.Error())
	}
	return reply.Value, err
}

func (c rpcClient) close() { c.Close() }

func rpcRequest(command string) (cuenta.RPCRequest, error) {
	verb, counter, _ := strings.Cut(command, " @")
	verb, number, _ := strings.Cut(verb, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return cuenta.RPCRequest{}, err
	}
	r := cuenta.RPCRequest{Op: "add", Counter: counter, N: n}
	switch {
	case verb == "res":
		r.Op = "reset"
	case n == 0:
		r.Op = "get"
	case verb == "dec":
		r.N = -n
	}
	return r, nil
}

// socketClient is the local console's client.
type socketClient struct{ *rpcclient.Client }

func dialSocket(path string) (client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := rpcclient.Dial(ctx, "unix", path)
	return socketClient{c}, err
}

func (c socketClient) do(command string) (int64, error) {
	request, err := rpcRequest(command)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	reply, err := c.Do(ctx, request)
	return reply.Value, err
}

func (c socketClient) close() { c.Close() }

// must fails the test unless the command is answered with want.
func must(t testing.TB, c client, command string, want int64) {
	t.Helper()
	got, err := c.do(command)
	if err != nil || got != want {
		t.Fatalf("%s: %d, %v; want %d", command, got, err, want)
	}
}
