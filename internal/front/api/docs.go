package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for what the page is made of
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

//go:embed openapi.json
var openAPI []byte

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

//go:embed docs.js
var docsJS string

// page is the page that shows the description, in both languages at once: which
// of them is seen is decided by the reader, and without a script.
type page struct {
	spanish, english []byte // the same page, opened in either language
	policy           string
}

// shown is what the page shows.
type shown struct {
	Lang       string
	Title      string
	English    string
	Spanish    string
	Operations []operation
	Codes      []code
	CSS        template.CSS
	JS         template.JS
}

type operation struct {
	Method, Path     string
	English, Spanish string
	Parameters       []parameter
	Body             bool
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Ref         string `json:"$ref"`
}

type code struct {
	Name, Text, Fate, RPC string
	Status                int
}

// description is what the page needs of the OpenAPI document.
type description struct {
	Info struct {
		Title       string `json:"title"`
		Description string `json:"description"`
		Spanish     string `json:"x-es"`
	} `json:"info"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]parameter `json:"parameters"`
	} `json:"components"`
}

type described struct {
	Summary     string          `json:"summary"`
	Spanish     string          `json:"x-es"`
	Parameters  []parameter     `json:"parameters"`
	RequestBody json.RawMessage `json:"requestBody"`
}

// newPage makes the page. It panics if the document and the page, which are part
// of the program, do not fit the routes.
func newPage() page {
	var d description
	must(json.Unmarshal(openAPI, &d))
	s := shown{Title: d.Info.Title, English: d.Info.Description, Spanish: d.Info.Spanish,
		CSS: template.CSS(docsCSS), JS: template.JS(docsJS)}
	for i := range routes {
		s.Operations = append(s.Operations, d.operation(&routes[i]))
	}
	for c := cuenta.OK + 1; c < cuenta.NumCodes; c++ {
		s.Codes = append(s.Codes, code{c.String(), c.Text(), fates[c.Fate()], told[c].code.String(), told[c].status})
	}
	layout := template.Must(template.New("docs").Parse(docsHTML))
	render := func(lang string) []byte {
		s.Lang = lang
		var out bytes.Buffer
		must(layout.Execute(&out, s))
		return out.Bytes()
	}
	return page{
		spanish: render("es"),
		english: render("en"),
		policy: "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'; " +
			"style-src " + hash(docsCSS) + "; script-src " + hash(docsJS),
	}
}

func (d *description) operation(r *route) operation {
	at := d.Paths[r.path]
	var o described
	must(json.Unmarshal(at[strings.ToLower(r.method)], &o))
	if shared := at["parameters"]; shared != nil {
		var more []parameter
		must(json.Unmarshal(shared, &more))
		o.Parameters = append(more, o.Parameters...)
	}
	for i, p := range o.Parameters {
		if p.Ref != "" {
			o.Parameters[i] = d.Components.Parameters[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		}
	}
	return operation{r.method, r.path, o.Summary, o.Spanish, o.Parameters, o.RequestBody != nil}
}

func must(err error) {
	if err != nil {
		panic("api: the page of the description cannot be made: " + err.Error())
	}
}

// hash is how a policy names the one script, or style, that it lets be.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func (a *API) docs(q *ask) (reply, *refusal) {
	if refused := q.read(&cuentav1.InfoRequest{}); refused != nil {
		return reply{}, refused
	}
	text := a.page.english
	if prefersSpanish(q.header) {
		text = a.page.spanish
	}
	return reply{text: text, header: map[string]string{
		"Content-Type":            "text/html; charset=utf-8",
		"Content-Security-Policy": a.page.policy,
		"Referrer-Policy":         "same-origin",
		"Vary":                    "Accept-Language",
	}}, nil
}

// prefersSpanish reports whether Spanish comes first, as browsers sort languages.
func prefersSpanish(h http.Header) bool {
	first, _, _ := strings.Cut(h.Get("Accept-Language"), ",")
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(first)), "es")
}

func (a *API) description(q *ask) (reply, *refusal) {
	if refused := q.read(&cuentav1.InfoRequest{}); refused != nil {
		return reply{}, refused
	}
	return reply{text: openAPI}, nil
}
