package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// cambiar is /cambiar of the front web. It speaks HTTP over its own connection, as
// net/http's client repeats requests by itself and does not tell.
type cambiar struct{ link }

func newCambiar(address string) way { return &cambiar{link{network: "tcp", address: address}} }

func (w *cambiar) attempt(ctx context.Context, op *operation) (int64, error) {
	request := fmt.Sprintf("GET /cambiar?counter=inc.1%%20@%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", op.counter, w.address, keyHeader(op))
	return w.exchange(ctx, []byte(request), readCambiar)
}

// keyHeader is the line of the header that carries the identity.
func keyHeader(op *operation) string {
	if !op.once {
		return ""
	}
	return fmt.Sprintf("Idempotency-Key: %q\r\n", op.key)
}

func readCambiar(in *bufio.Reader) (int64, error) {
	_, body, err := readResponse(in)
	if err != nil {
		return 0, err
	}
	if value, counted := strings.CutPrefix(body, "Valor del Contador, "); counted {
		return parseValue(value)
	}
	if strings.HasPrefix(body, "error ") {
		return parseLine(body)
	}
	return 0, &refusal{said: body}
}

func readResponse(in *bufio.Reader) (status int, body string, err error) {
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() // it was read to its end, or the connection is given up
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// rest is the API by plain HTTP.
type rest struct{ link }

func newREST(address string) way { return &rest{link{network: "tcp", address: address}} }

func (w *rest) attempt(ctx context.Context, op *operation) (int64, error) {
	const body = `{"amount":"1"}`
	request := fmt.Sprintf("POST /v1/counters/%s:add HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s",
		op.counter, w.address, len(body), keyHeader(op), body)
	return w.exchange(ctx, []byte(request), readREST)
}

func readREST(in *bufio.Reader) (int64, error) {
	status, body, err := readResponse(in)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Value        *int64 `json:"value,string"`
		Code, Detail string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return 0, errStrange
	}
	switch {
	case status != http.StatusOK:
		return 0, refusedBy(answer.Code, answer.Detail)
	case answer.Value == nil:
		return 0, errStrange
	}
	return *answer.Value, nil
}

// servesAPI reports whether the API is there.
func servesAPI(ctx context.Context, address string) bool {
	w := rest{link{network: "tcp", address: address}}
	defer w.close()
	request := fmt.Sprintf("GET /v1/counters/api HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	_, err := w.exchange(ctx, []byte(request), readREST)
	return err == nil
}
