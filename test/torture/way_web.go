//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// cambiar is /cambiar of the front web. It speaks HTTP over its own connection, as
// net/http's client repeats requests by itself and does not tell.
type cambiar struct{ connection }

func newCambiar(e *entrances) way { return &cambiar{connection{address: e.address[cuenta.FrontWeb]}} }

func (w *cambiar) exchange(ctx context.Context, b *bundle) ([]answer, error) {
	r := b.requests[0]
	key := ""
	if len(r.Identity.Key) > 0 {
		key = fmt.Sprintf("Idempotency-Key: %q\r\n", r.Identity.Key)
		r.Identity = cuenta.Identity{}
	}
	request := fmt.Sprintf("GET /cambiar?counter=%s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
		url.QueryEscape(string(command(nil, &r))), w.address, key)
	var a answer
	err := w.during(ctx, func() error {
		if _, err := io.WriteString(w.conn, request); err != nil {
			return err
		}
		body, err := w.body()
		if err != nil {
			return err
		}
		if body == truncated {
			return errors.New(body)
		}
		if n, counted := strings.CutPrefix(body, "Valor del Contador, "); counted {
			body = n
		}
		a, err = readLine(body + "\n")
		return err
	})
	if err != nil {
		return nil, err
	}
	return []answer{a}, nil
}

// truncated is what the server's HTTP says of a request that was cut in the middle:
// it may arrive long after the cut.
const truncated = "400 Bad Request"

func (w *cambiar) body() (string, error) {
	response, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() // it was read to its end, or the connection is given up
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
