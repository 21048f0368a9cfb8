package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

// ask is a request to one of the routes.
type ask struct {
	ctx    context.Context
	parts  []string // what stands in the braces of the route's path
	query  url.Values
	header http.Header
	body   []byte
}

// reply is its answer: a message, or text of another kind.
type reply struct {
	message  proto.Message
	replayed bool
	stream   func(http.ResponseWriter, *http.Request) // writes the whole answer, over time
	text     []byte
	header   map[string]string // besides text
}

// rest answers a request to one of the routes.
func (a *API) rest(w http.ResponseWriter, r *http.Request) {
	answer, refused := a.restAnswer(r)
	if refused != nil {
		writeProblem(w, refused)
		return
	}
	if answer.stream != nil {
		answer.stream(w, r)
		return
	}
	body, kind := answer.text, jsonText
	if answer.message != nil {
		var err error
		if body, err = encodeJSON(restForm, answer.message); err != nil {
			writeProblem(w, refuse(cuenta.Failed, "the answer cannot be written: %v", err))
			return
		}
		body = append(body, '\n')
	}
	if answer.replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	write(w, http.StatusOK, kind, answer.header, body)
}

// restForm is the JSON of the routes. Unlike Connect's it has the names of the
// .proto, as the parameters of the routes do.
var restForm = protojson.MarshalOptions{EmitDefaultValues: true, UseProtoNames: true}

const jsonText = "application/json"

// write writes a whole answer.
func write(w http.ResponseWriter, status int, kind string, more map[string]string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	for name, value := range more {
		h.Set(name, value)
	}
	w.WriteHeader(status)
	// An error means that the client is gone. (net/http itself leaves the body
	// away where the method is HEAD.)
	_, _ = w.Write(body)
}

func (a *API) restAnswer(r *http.Request) (reply, *refusal) {
	route, parts, refused := find(r)
	if refused != nil {
		return reply{}, refused
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reply{}, refuse(cuenta.Syntax, "the query cannot be read")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return reply{}, unread(err)
	}
	if body, refused = unpack(r.Header, body); refused != nil {
		return reply{}, refused
	}
	if refused := checkKind(r.Header, body); refused != nil {
		return reply{}, refused
	}
	return route.answer(a, &ask{r.Context(), parts, query, r.Header, body})
}

// checkKind refuses bodies that are not JSON. A page in a browser can send no
// JSON to a server that is not its own without asking it first; what it can send
// is refused even without a body.
func checkKind(h http.Header, body []byte) *refusal {
	given := h.Get("Content-Type")
	if given == "" && len(body) == 0 {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(given)
	charset, named := parameters["charset"]
	if err == nil && kind == jsonText && (!named || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	refused := refuse(cuenta.Unsupported, "the body must be JSON, with Content-Type: application/json (curl --json '{…}', or -X POST for none)")
	refused.status = http.StatusUnsupportedMediaType
	return refused
}

// read decodes the body into m, and refuses parameters other than those named. A
// body that is empty, or white space, leaves m as it is.
func (q *ask) read(m proto.Message, parameters ...string) *refusal {
	for name, values := range q.query {
		if len(values) > 1 {
			return refuse(cuenta.Syntax, "the parameter %.40q is given twice", name)
		}
		known := false
		for _, p := range parameters {
			known = known || p == name
		}
		if !known {
			return refuse(cuenta.Syntax, "the parameter %.40q is not known here", name)
		}
	}
	if len(strings.TrimSpace(string(q.body))) == 0 {
		return nil
	}
	if err := decodeJSON(q.body, m); err != nil {
		return refuse(cuenta.Syntax, "the body: %v", err)
	}
	return nil
}

// number reads a parameter. ok says that it is there.
func (q *ask) number(name string) (n int64, ok bool, refused *refusal) {
	if !q.query.Has(name) {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(q.query.Get(name), 10, 64)
	if err != nil {
		return 0, false, refuse(cuenta.Syntax, "%s must be an integer of 64 bits", name)
	}
	return n, true, nil
}

// counter returns the name in the path, unless the body has another.
func (q *ask) counter(inBody string) (string, *refusal) {
	name := q.parts[0]
	if !cuenta.ValidName([]byte(name)) {
		return "", refuse(cuenta.Syntax, "a counter's name has 1 to %d bytes of UTF-8 without spaces and control characters", cuenta.MaxName)
	}
	if inBody != "" && inBody != name {
		return "", refuse(cuenta.Syntax, "the body names another counter than the path")
	}
	return name, nil
}

// asRefusal is for the errors of calls, all of which are refusals.
func asRefusal(err error) *refusal {
	if err == nil {
		return nil
	}
	refused, ok := err.(*refusal)
	if !ok {
		panic("api: an error that is no refusal: " + err.Error())
	}
	return refused
}

// answered is the end of every route that answers a message.
func answered(m proto.Message, err error) (reply, *refusal) {
	if refused := asRefusal(err); refused != nil {
		return reply{}, refused
	}
	marked, ok := m.(interface{ GetReplayed() bool })
	return reply{message: m, replayed: ok && marked.GetReplayed()}, nil
}

func (a *API) list(q *ask) (reply, *refusal) {
	m := &cuentav1.ListRequest{}
	if refused := q.read(m, "prefix", "page_size", "page_token"); refused != nil {
		return reply{}, refused
	}
	size, refused := q.pageSize()
	if refused != nil {
		return reply{}, refused
	}
	m = &cuentav1.ListRequest{
		Prefix:    q.query.Get("prefix"),
		PageSize:  size,
		PageToken: q.query.Get("page_token"),
	}
	return answered(a.calls.List(q.ctx, m))
}

// pageSize reads the parameter page_size.
func (q *ask) pageSize() (int32, *refusal) {
	size, _, refused := q.number("page_size")
	return int32(max(-1, min(size, maxPage))), refused
}

func (a *API) info(q *ask) (reply, *refusal) {
	if refused := q.read(&cuentav1.InfoRequest{}); refused != nil {
		return reply{}, refused
	}
	report, err := a.calls.operator.Info(q.ctx, true)
	if err != nil {
		return reply{}, refusedError(err)
	}
	return reply{text: report}, nil
}
