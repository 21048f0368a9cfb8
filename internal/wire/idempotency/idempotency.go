// Package idempotency reads the HTTP header Idempotency-Key, as the IETF draft
// draft-ietf-httpapi-idempotency-key-header has it, and as clients send it that are
// older than the draft. It does no input or output.
package idempotency

import (
	"errors"
	"strings"

	"github.com/cuenta-server/cuenta"
)

// Header is the name of the header, in the form of net/http.
const Header = "Idempotency-Key"

// What is wrong with a header.
var (
	ErrSeveral = errors.New("more than one " + Header)
	ErrString  = errors.New("the " + Header + " begins with a quote and is no structured-field string")
	ErrKey     = errors.New("an " + Header + " has 1 to 128 visible ASCII bytes")
)

// Parse returns the key of the header's values, empty if there are none. The draft has
// a String of RFC 9651, which stands in quotes; a key that stands bare is accepted too.
// No parameters are defined, so none are accepted.
func Parse(values []string) (key string, err error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", ErrSeveral
	}
	key = strings.Trim(values[0], " \t")
	if inner, quoted := strings.CutPrefix(key, `"`); quoted {
		var ok bool
		if key, ok = unquote(inner); !ok {
			return "", ErrString
		}
	}
	if !cuenta.ValidKey([]byte(key)) {
		return "", ErrKey
	}
	return key, nil
}

// unquote reads a String behind its first quote: a backslash stands before quotes and
// backslashes and nowhere else, and the last byte is the quote that ends it.
func unquote(s string) (string, bool) {
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), i == len(s)-1
		case '\\':
			if i++; i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", false
			}
		}
		text.WriteByte(s[i])
	}
	return "", false
}
