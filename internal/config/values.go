package config

import (
	"strings"

	"github.com/cuenta-server/cuenta/internal/lang"
)

// Values are the settings that were given, each with its source.
type Values struct {
	flags map[string]string
	env   *Environment
}

// Parse splits a command line into flags and operands, in any order; both -flag
// and --flag are understood, with the value in the next argument or after "=",
// and "--" ends the flags. It reads on after an error, which is the first one, so
// that the language asked for is known when the error is shown.
func Parse(args []string, env *Environment) (v Values, operands []string, err error) {
	v = Values{flags: map[string]string{}, env: env}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return v, append(operands, args...), err
		}
		if len(arg) < 2 || arg[0] != '-' {
			operands = append(operands, arg)
			continue
		}
		rest, wrong := v.flag(arg, args)
		args = rest
		if err == nil {
			err = wrong
		}
	}
	return v, operands, err
}

// flag takes one flag, and its value from the following arguments if it is there.
// It returns the arguments that are left.
func (v Values) flag(arg string, following []string) ([]string, error) {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	s := Find(name)
	switch {
	case s == nil:
		return following, lang.Text{ES: "opción desconocida %s", EN: "unknown flag %s"}.Fill(arg)
	case s.Switch() && hasValue:
		return following, lang.Text{ES: "--%s no lleva valor", EN: "--%s takes no value"}.Fill(s.Flag)
	case s.Switch():
		value = "true"
	case !hasValue && len(following) == 0:
		return following, lang.Text{ES: "a --%s le falta el valor %s", EN: "--%s lacks its value %s"}.Fill(s.Flag, s.Arg)
	case !hasValue:
		value, following = following[0], following[1:]
	}
	v.flags[s.Flag] = value
	return following, nil
}

// Flags returns the flags of the table that the command line gave, in the order of the table.
func (v Values) Flags() []string {
	var given []string
	for i := range Settings {
		if _, ok := v.flags[Settings[i].Flag]; ok {
			given = append(given, Settings[i].Flag)
		}
	}
	return given
}

// On reports whether a switch was given.
func (v Values) On(flag string) bool { return v.flags[flag] != "" }

// Lang returns the language to speak. With an error too it is one to show the error in.
func (v Values) Lang() (lang.Lang, error) {
	system := lang.FromLocale(v.env.Getenv)
	if value, _ := v.lookup("lang"); value == "" {
		return system, nil
	}
	r := reader{values: v}
	l := read(&r, "lang", lang.Parse)
	if r.err != nil {
		return system, r.err
	}
	return l, nil
}

// lookup finds the value of a setting and its source, by the order of strength.
func (v Values) lookup(flag string) (value, source string) {
	if value, ok := v.flags[flag]; ok {
		return value, "--" + flag
	}
	s := Find(flag)
	if s.Var != "" {
		if value, source, ok := v.env.lookup(s.Var); ok {
			return value, source
		}
	}
	return s.Default, "--" + flag
}

// reader reads settings one after the other and keeps the first error.
type reader struct {
	values Values
	err    error
}

func read[T any](r *reader, flag string, parse func(string) (T, error)) T {
	value, source := r.values.lookup(flag)
	t, err := parse(value)
	if err != nil && r.err == nil {
		r.err = lang.Text{ES: "%s: %q: %v", EN: "%s: %q: %v"}.Fill(source, value, err)
	}
	return t
}
