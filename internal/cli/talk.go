package cli

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

// partner is whom a conversation is with: a console's server or a client's front.
type partner interface {
	// say runs one line and writes its answer.
	say(line string, w io.Writer) error

	// words are the commands of the partner's own, for help and completion.
	words() []word
}

// word is a command of consoles that the text protocol does not have.
type word struct {
	names   []string // each means the same; Spanish first
	front   bool     // takes the name of a front
	prefix  bool     // may take the beginning of counter names
	counter bool     // may take the name of a counter
	help    lang.Text
	run     func(w io.Writer, operand string) error
}

var (
	wordHelp = word{names: []string{"ayuda", "help"}, help: lang.Text{ES: "esta ayuda", EN: "this help"}}
	wordQuit = word{names: []string{"salir", "quit", "exit"}, help: lang.Text{ES: "termina", EN: "leave"}}
)

// errLeave says that the person wants to leave.
var errLeave = errors.New("leave")

// lines is where the lines of a conversation come from; io.EOF ends it.
type lines interface{ next() (string, error) }

// talk holds a conversation until its lines end. On a terminal a line that fails
// is the person's business; in a pipe it makes the exit status 1, and the others
// run all the same.
func (a *app) talk(p partner) error {
	terminal, err := a.openTerminal(p)
	if err != nil {
		return err
	}
	if terminal != nil {
		a.greet()
		return a.converse(p, terminal, true)
	}
	return a.converse(p, &piped{bufio.NewReader(a.stdin)}, false)
}

func (a *app) converse(p partner, from lines, interactive bool) error {
	failed := false
	for number := 1; ; number++ {
		line, err := from.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		err = a.say(p, line)
		if flushErr := a.stdout.Flush(); flushErr != nil {
			return flushErr
		}
		if errors.Is(err, errLeave) {
			break
		}
		if err == nil {
			continue
		}
		failed = failed || !interactive
		a.complainOfLine(err, number, interactive)
		if isLost(err) {
			return errReported
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// say runs one line. Help and leaving are the same everywhere and never reach the server.
func (a *app) say(p partner, line string) error {
	fields := strings.Fields(line)
	w := findWord(append(p.words(), wordHelp, wordQuit), fields[0])
	switch {
	case w == nil:
		return p.say(line, a.stdout)
	case len(fields) == 2 && w.names[0] == wordHelp.names[0] && helpOf(fields[1]) != "":
		_, err := a.stdout.WriteString(helpOf(fields[1]))
		return err
	case len(fields) == 2 && w.names[0] == wordHelp.names[0]:
		return refuse(cuenta.Syntax, lang.Text{ES: "%q no es un verbo; «ayuda» dice cuáles hay", EN: "%q is no verb, `help` tells which there are"}.Fill(fields[1]))
	case len(fields) > 2 || len(fields) == 2 && !w.front && !w.prefix && !w.counter:
		return refuse(cuenta.Syntax, lang.Text{ES: "sobra %q", EN: "%q is too much"}.Fill(fields[len(fields)-1]))
	case len(fields) == 1 && w.front:
		return refuse(cuenta.Syntax, lang.Text{ES: "falta el nombre del servicio", EN: "the name of the service is missing"})
	case w.names[0] == wordHelp.names[0]:
		return writeTalkHelp(a.stdout, p, a.lang)
	case w.names[0] == wordQuit.names[0]:
		return errLeave
	}
	operand := ""
	if len(fields) == 2 {
		operand = fields[1]
	}
	return w.run(a.stdout, operand)
}

// refuse is a refusal of our own, in the form of the server's.
func refuse(code cuenta.Code, why lang.Text) lang.Text {
	return lang.Text{ES: "error %s: %s", EN: "error %s: %s"}.Fill(code.String(), why)
}

func findWord(words []word, name string) *word {
	for i := range words {
		for _, n := range words[i].names {
			if n == name {
				return &words[i]
			}
		}
	}
	return nil
}

func (a *app) complainOfLine(err error, number int, interactive bool) {
	why := explain(err, a.lang)
	if interactive {
		a.stdout.WriteString(why + "\n") // what goes wrong here goes wrong at the next line too
		a.stdout.Flush()
		return
	}
	a.complain("%s\n", lang.Text{ES: "línea %d: %s", EN: "line %d: %s"}.Fill(number, why).In(a.lang))
}

// piped reads lines that no person types. Of one that is too long for any command
// only so much is kept that it still is.
type piped struct{ r *bufio.Reader }

func (p *piped) next() (string, error) {
	const keep = text.MaxLine + 2 // one byte too many, and a CR
	var line []byte
	for {
		part, err := p.r.ReadSlice('\n')
		part = bytes.TrimSuffix(part, []byte{'\n'})
		line = append(line, part[:min(len(part), keep-len(line))]...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && len(line) > 0 {
			err = nil // the last line of a file need not have an end
		}
		return string(bytes.TrimSuffix(line, []byte{'\r'})), err
	}
}
