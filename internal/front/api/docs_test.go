package api

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/cuenta-server/cuenta"
	cuentav1 "github.com/cuenta-server/cuenta/proto/cuenta/v1"
)

func document(t testing.TB) map[string]any {
	t.Helper()
	var d map[string]any
	decode(t, string(openAPI), &d)
	return d
}

// TestDescriptionIsComplete proves that every route is described, and that
// nothing else is.
func TestDescriptionIsComplete(t *testing.T) {
	var described []string
	ids := make(map[any]bool)
	for path, methods := range document(t)["paths"].(map[string]any) {
		for method, operation := range methods.(map[string]any) {
			if method == "parameters" {
				continue
			}
			described = append(described, strings.ToUpper(method)+" "+path)
			o := operation.(map[string]any)
			if ids[o["operationId"]] || o["summary"] == nil || o["x-es"] == nil || o["responses"] == nil {
				t.Errorf("%s %s: %v", method, path, o)
			}
			ids[o["operationId"]] = true
			all := fmt.Sprint(o["parameters"], methods.(map[string]any)["parameters"])
			for _, brace := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !strings.Contains(all, "name:"+brace[1]+" ") && !strings.Contains(all, "parameters/"+brace[1]+"]") {
					t.Errorf("%s %s: {%s} is not described", method, path, brace[1])
				}
			}
		}
	}
	var there []string
	for _, r := range routes {
		there = append(there, r.method+" "+r.path)
	}
	slices.Sort(described)
	slices.Sort(there)
	if !slices.Equal(described, there) {
		t.Errorf("described\n%v\nthere\n%v", described, there)
	}
}

// TestDescriptionIsWhole follows every reference.
func TestDescriptionIsWhole(t *testing.T) {
	root := document(t)
	if root["openapi"] != "3.1.0" {
		t.Error(root["openapi"])
	}
	used := make(map[string]bool)
	var follow func(v any)
	follow = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				follow(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
				var at any = root
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					at, _ = at.(map[string]any)[step]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, e := range v {
				follow(e)
			}
		}
	}
	follow(root)
	for kind, components := range root["components"].(map[string]any) {
		for name := range components.(map[string]any) {
			if !used["#/components/"+kind+"/"+name] {
				t.Errorf("%s/%s is not used", kind, name)
			}
		}
	}
}

// TestSchemasAreTheMessages compares the description with the .proto.
func TestSchemasAreTheMessages(t *testing.T) {
	schemas := document(t)["components"].(map[string]any)["schemas"].(map[string]any)
	for name, message := range map[string]proto.Message{
		"Add": &cuentav1.AddRequest{}, "Reset": &cuentav1.ResetRequest{}, "Set": &cuentav1.SetRequest{}, "Delete": &cuentav1.DeleteRequest{},
		"Get": &cuentav1.GetRequest{}, "Identity": &cuentav1.Identity{}, "Batch": &cuentav1.BatchRequest{}, "Operation": &cuentav1.Operation{},
		"Described": &cuentav1.DescribeResponse{}, "Changed": &cuentav1.AddResponse{}, "Answer": &cuentav1.Answer{}, "Error": &cuentav1.ErrorInfo{}, "Result": &cuentav1.Result{},
		"Results": &cuentav1.BatchResponse{}, "Outcome": &cuentav1.OutcomeResponse{}, "Counter": &cuentav1.Counter{}, "Page": &cuentav1.ListResponse{},
		"Session": &cuentav1.OpenSessionResponse{}, "Expiry": &cuentav1.Expiry{}, "Terms": &cuentav1.Terms{}, "SetLimits": &cuentav1.SetLimitsRequest{},
		"Expire": &cuentav1.ExpireRequest{}, "Rate": &cuentav1.Rate{}, "Take": &cuentav1.TakeRequest{}, "Taken": &cuentav1.TakeResponse{},
		"Ticket": &cuentav1.TicketRequest{}, "TicketNumbers": &cuentav1.TicketResponse{}, "TicketCheck": &cuentav1.CheckTicketResponse{},
		"ResetTickets": &cuentav1.ResetTicketsRequest{}, "TicketsReset": &cuentav1.ResetTicketsResponse{}, "Hold": &cuentav1.HoldRequest{},
		"HoldMade": &cuentav1.HoldResponse{}, "Settle": &cuentav1.SettleRequest{}, "Settled": &cuentav1.SettleResponse{},
		"Release": &cuentav1.ReleaseRequest{}, "HoldChanged": &cuentav1.ReleaseResponse{}, "Extend": &cuentav1.ExtendRequest{},
		"Holds": &cuentav1.ListHoldsResponse{}, "Held": &cuentav1.Held{}, "Check": &cuentav1.CheckRequest{}, "Transfer": &cuentav1.TransferRequest{},
		"Transferred": &cuentav1.TransferResponse{}, "Sum": &cuentav1.SumResponse{},
	} {
		var said, want []string
		for property := range schemas[name].(map[string]any)["properties"].(map[string]any) {
			said = append(said, property)
		}
		fields := message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			want = append(want, string(fields.Get(i).Name()))
		}
		slices.Sort(said)
		slices.Sort(want)
		if !slices.Equal(said, want) {
			t.Errorf("%s has %v, the message %v", name, said, want)
		}
	}
	var codes []any
	for c := cuenta.OK + 1; c < cuenta.NumCodes; c++ {
		codes = append(codes, c.String())
	}
	if said := schemas["Code"].(map[string]any)["enum"].([]any); !slices.Equal(said, codes) {
		t.Errorf("%v, want %v", said, codes)
	}
}

func TestDocsPage(t *testing.T) {
	s := start(t)
	for accept, lang := range map[string]string{"": "en", "en-US,en;q=0.5": "en", "es-AR,es;q=0.8,en;q=0.5": "es", "ES": "es", "de,es": "en"} {
		a := s.ask("GET", "/docs", "", "Accept-Language: "+accept)
		if a.status != 200 || a.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.body, `<html lang="`+lang+`">`) {
			t.Errorf("%q: %d %v %.100s", accept, a.status, a.header, a.body)
		}
	}
	a := s.ask("GET", "/docs", "")
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, tag := range []string{"style", "script"} {
		_, text, _ := strings.Cut(a.body, "<"+tag+">")
		text, _, ok := strings.Cut(text, "</"+tag+">")
		if !ok || !strings.Contains(policy, tag+"-src "+hash(text)) {
			t.Errorf("the policy does not let the %s be: %q", tag, policy)
		}
	}
	if outside := regexp.MustCompile(`(?:src|href|action)="(https?:)?//`).FindString(a.body); outside != "" || strings.Contains(a.body, "@import") {
		t.Errorf("the page needs something from elsewhere: %s", outside)
	}
	if strings.Contains(a.body, "<no value>") || regexp.MustCompile(` on\w+=`).MatchString(a.body) || strings.Contains(a.body, " style=") {
		t.Error("the page has what its policy forbids, or holes")
	}
	for _, r := range routes {
		if !strings.Contains(a.body, "<option>"+r.method+"</option>") {
			t.Errorf("the page cannot try %s", r.method)
		}
		if !strings.Contains(a.body, `<span class="method">`+r.method+`</span>`+r.path) {
			t.Errorf("%s %s is not shown", r.method, r.path)
		}
	}
	for c := cuenta.OK + 1; c < cuenta.NumCodes; c++ {
		if !strings.Contains(a.body, `<tr id="`+c.String()+`">`) {
			t.Errorf("%v is not explained", c)
		}
	}
	if got := s.ask("GET", "/openapi.json", ""); got.status != 200 || got.header.Get("Content-Type") != "application/json" || !json.Valid([]byte(got.body)) {
		t.Errorf("%d %v", got.status, got.header)
	}
	s.expectNothingDone()
}

// TestManualHasTheCodes compares the table in the manual with the one here.
func TestManualHasTheCodes(t *testing.T) {
	manual, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	definition, err := os.ReadFile("../../../proto/cuenta/v1/counters.proto")
	if err != nil {
		t.Fatal(err)
	}
	for c := cuenta.OK + 1; c < cuenta.NumCodes; c++ {
		row := fmt.Sprintf("| `%s` | %d | `%s` | %s |", c, told[c].status, told[c].code, fates[c.Fate()])
		if !strings.Contains(string(manual), row) {
			t.Errorf("docs/api.md has no row %s", row)
		}
		name := strings.ReplaceAll(strings.ToUpper(told[c].code.String()), "CANCELED", "CANCELLED") // as gRPC spells it
		line := regexp.MustCompile(`(?m)^//   .*\b` + c.String() + `\b.* ` + name + `\b`)
		if !line.Match(definition) {
			t.Errorf("counters.proto does not tell that %v is %v", c, told[c].code)
		}
	}
}
