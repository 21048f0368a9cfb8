// Package cli is the program as a person or a script meets it: one command line
// in, words and an exit status out. It holds the commands that ask a running
// server, the consoles and the clients; the server itself is handed in.
//
// The files in reading order: cli.go (from arguments to a command), commands.go
// (the table), serve.go, ask.go (one-shot commands), talk.go (the loop of consoles and
// clients), console.go and client.go (whom they talk to), terminal.go (line
// editing). Everything shown to a person exists in Spanish and English; error
// codes and the phrases of the original system are literal in both.
package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Program is the parts of the program that stand behind this package.
type Program struct {
	// Serve runs the server until ctx ends, which asks it to drain.
	Serve func(ctx context.Context, c config.Serve, stdout, stderr io.Writer) error

	// Check verifies the data directory and tells what it found.
	Check func(dir string, tell lang.Teller) error

	// Backup copies the data directory of a server, which may run, and Restore makes a
	// data directory of such a copy. Both tell report how many bytes of how many are
	// written, and tell what the copy is.
	Backup, Restore func(ctx context.Context, from, to string, report func(done, total int64), tell lang.Teller) error

	// Demo demonstrates what identities are for until it is done or ctx ends. It
	// fails if it has not shown that.
	Demo func(ctx context.Context, c config.Demo, stdout, stderr io.Writer) error
}

// app is one run of the program.
type app struct {
	program  Program
	command  *command
	values   config.Values
	operands []string
	env      *config.Environment
	lang     lang.Lang

	stdin     io.Reader
	stdout    *bufio.Writer
	rawStdout io.Writer // under stdout
	stderr    io.Writer
}

// usageError is a command line that cannot be obeyed.
type usageError struct{ lang.Text }

// errReported says that the command failed and has said why.
var errReported = errors.New("failed")

// Main runs the command line args, the program's name not included, and returns
// the exit status: 0 done, 1 failed, 2 wrong usage. The variables come in the form
// of os.Environ; the file .env is looked for in the working directory.
func (p Program) Main(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	env, envErr := config.Load(environ, ".env")
	values, operands, err := config.Parse(args, env)
	language, langErr := values.Lang()
	a := &app{
		program: p, values: values, operands: operands, env: env, lang: language,
		stdin: stdin, stdout: bufio.NewWriter(stdout), rawStdout: stdout, stderr: stderr,
	}
	if err != nil {
		err = usageError{textOf(err)}
	} else {
		err = a.run(errors.Join(envErr, langErr))
	}
	if flushErr := a.stdout.Flush(); flushErr != nil && err == nil {
		err = flushErr
	}
	return a.status(err)
}

// run finds the command and runs it. Bad surroundings do not keep anybody from
// reading help.
func (a *app) run(surroundings error) error {
	if len(a.operands) == 0 {
		if a.values.On("help") {
			return a.help()
		}
		return usageError{lang.Text{ES: "falta la orden", EN: "the command is missing"}}
	}
	name := a.operands[0]
	a.operands = a.operands[1:]
	a.command = findCommand(name)
	switch {
	case a.command == nil:
		return usageError{lang.Text{ES: "orden desconocida %q", EN: "unknown command %q"}.Fill(name)}
	case a.values.On("help"):
		a.operands = []string{name}
		return a.help()
	case a.command.offline:
		surroundings = nil
	}
	if surroundings != nil {
		return usageError{textOf(surroundings)}
	}
	if err := a.checkUsage(); err != nil {
		return err
	}
	return a.command.run(a)
}

// checkUsage compares what was given with what the command takes.
func (a *app) checkUsage() error {
	for _, flag := range a.values.Flags() {
		if !a.command.takes(flag) {
			return usageError{lang.Text{ES: "no lleva la opción --%s", EN: "it takes no flag --%s"}.Fill(flag)}
		}
	}
	switch n := len(a.operands); {
	case n < a.command.min:
		return usageError{lang.Text{ES: "falta algo: se espera «%s»", EN: "something is missing: want `%s`"}.
			Fill(a.command.usage())}
	case n > a.command.max:
		return usageError{lang.Text{ES: "sobra %q", EN: "%q is too much"}.Fill(a.operands[a.command.max])}
	}
	return nil
}

// status tells the person what went wrong, in one line, and returns the exit status.
func (a *app) status(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		a.complain("%s; %s\n", usage.In(a.lang), a.howToGetHelp())
		return exitUsage
	}
	a.complain("%s\n", explain(err, a.lang))
	return exitFailed
}

// complain writes to stderr. When that fails too there is nobody left to tell.
func (a *app) complain(format string, args ...any) {
	name := "cuenta"
	if a.command != nil {
		name += " " + a.command.names[0]
	}
	fmt.Fprintf(a.stderr, name+": "+format, args...)
}

func (a *app) howToGetHelp() string {
	help := "cuenta help"
	if a.command != nil {
		help += " " + a.command.names[0]
	}
	return lang.Text{ES: "véase «%s»", EN: "see `%s`"}.Fill(help).In(a.lang)
}

// textOf gives an error that may speak both languages, or one, in both.
func textOf(err error) lang.Text {
	if t, ok := errors.AsType[lang.Text](err); ok {
		return t
	}
	return lang.Text{ES: err.Error(), EN: err.Error()}
}
