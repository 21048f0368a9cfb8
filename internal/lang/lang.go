// Package lang holds what a person at a console reads in two languages:
// Spanish, which the project was born in, and English. A text stands beside the
// code that shows it, in both languages at once, so that neither can be
// forgotten; this package only chooses. Words of the protocols are not texts.
package lang

import (
	"fmt"
	"strings"
)

// Lang is a language that the program speaks.
type Lang uint8

const (
	English Lang = iota
	Spanish
)

func (l Lang) String() string {
	if l == Spanish {
		return "es"
	}
	return "en"
}

// Parse reads a language as flags and variables name it.
func Parse(s string) (Lang, error) {
	switch s {
	case "es":
		return Spanish, nil
	case "en":
		return English, nil
	}
	return English, Text{ES: "se espera es o en", EN: "want es or en"}
}

// FromLocale chooses by the variables that POSIX gives for messages, the
// strongest first. Any locale that is not a Spanish one means English.
func FromLocale(getenv func(name string) string) Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := getenv(name); locale != "" {
			return ofLocale(locale)
		}
	}
	return English
}

func ofLocale(locale string) Lang {
	// A locale is language[_territory][.codeset][@modifier].
	language, _, _ := strings.Cut(locale, ".")
	language, _, _ = strings.Cut(language, "@")
	language, _, _ = strings.Cut(strings.ReplaceAll(language, "-", "_"), "_")
	if strings.EqualFold(language, "es") {
		return Spanish
	}
	return English
}

// Text is one text in both languages. As an error it reads in English, for logs;
// who shows it to a person asks for their language.
type Text struct {
	ES, EN string
}

// In returns the text in the language.
func (t Text) In(l Lang) string {
	if l == Spanish {
		return t.ES
	}
	return t.EN
}

func (t Text) Error() string { return t.EN }

// Teller shows texts to somebody, one line after the other.
type Teller func(Text) error

// Fill returns the text with its verbs filled as by fmt.Sprintf. An argument
// that is itself a Text appears in the language of its surroundings.
func (t Text) Fill(args ...any) Text {
	return Text{
		ES: fmt.Sprintf(t.ES, translate(args, Spanish)...),
		EN: fmt.Sprintf(t.EN, translate(args, English)...),
	}
}

// Count returns the text for one of something or the one for many, its verb filled with
// how many there are.
func Count(n uint64, one, many Text) Text {
	if n == 1 {
		return one.Fill(n)
	}
	return many.Fill(n)
}

func translate(args []any, l Lang) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = a
		if t, ok := a.(Text); ok {
			out[i] = t.In(l)
		}
	}
	return out
}
