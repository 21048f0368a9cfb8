package cli

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/wire/text"
)

const prompt = ">> "

// terminal reads lines from a person, with editing, history and completion. It
// is raw only while it reads, so that Ctrl-C ends a wait for the server.
type terminal struct {
	in, out *os.File
	editor  *term.Terminal
}

// openTerminal returns nil if nobody sits at the other end of stdin and stdout.
func (a *app) openTerminal(p partner) (*terminal, error) {
	in, inOK := a.stdin.(*os.File)
	out, outOK := a.rawStdout.(*os.File)
	if !inOK || !outOK || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, nil
	}
	editor := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{&clearOnInterrupt{r: in}, out}, prompt)
	editor.History = openHistory(a.env.Getenv)
	c := completer{words: completable(p), show: editor}
	editor.AutoCompleteCallback = c.key
	return &terminal{in: in, out: out, editor: editor}, nil
}

// greet tells a person how to find out more.
func (a *app) greet() {
	a.stdout.WriteString(lang.Text{ // an error stays with the writer, and shows at the next line
		ES: "«ayuda» dice las órdenes, «salir» o Ctrl-D termina.\n",
		EN: "`help` tells the commands, `quit` or Ctrl-D leaves.\n",
	}.In(a.lang))
	a.stdout.Flush()
}

func (t *terminal) next() (string, error) {
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return "", err
	}
	// A window of no known size keeps the editor's own assumption.
	if width, height, err := term.GetSize(int(t.out.Fd())); err == nil && width > 0 {
		if err := t.editor.SetSize(width, height); err != nil {
			return "", err
		}
	}
	line, err := t.editor.ReadLine()
	if restoreErr := term.Restore(int(t.in.Fd()), state); restoreErr != nil && err == nil {
		err = restoreErr
	}
	if err == io.EOF {
		io.WriteString(t.out, "\n") // for looks only, on the way out
	}
	return line, err
}

// clearOnInterrupt makes Ctrl-C clear the line, as in a shell: the editor takes
// it for the end of input. It turns into Ctrl-E and Ctrl-U: to the end, then
// delete to the beginning.
type clearOnInterrupt struct {
	r    io.Reader
	left []byte
}

func (c *clearOnInterrupt) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		n, err := c.r.Read(p)
		if err != nil {
			return n, err
		}
		c.left = bytes.ReplaceAll(p[:n], []byte{0x03}, []byte{0x05, 0x15})
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

// completer completes the word before the cursor when Tab is pressed.
type completer struct {
	words []candidate
	show  io.Writer // where to list the candidates when there are several
}

// candidate is something that a line may begin with, and whether a service follows it.
type candidate struct {
	text  string
	front bool
}

// fronts are the services that may be named.
var fronts = []string{cuenta.FrontUDP, cuenta.FrontTCP, cuenta.FrontProc, cuenta.FrontWeb, cuenta.FrontRPC, cuenta.FrontRESP}

func completable(p partner) []candidate {
	var all []candidate
	for command := range text.Beginnings() {
		all = append(all, candidate{text: command})
	}
	for _, w := range append(p.words(), wordHelp, wordQuit) {
		for _, name := range w.names {
			if w.front || w.prefix || w.counter {
				name += " "
			}
			all = append(all, candidate{name, w.front})
		}
	}
	return all
}

func (c completer) key(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	start := strings.LastIndexByte(line[:pos], ' ') + 1
	typed := line[start:pos]
	found := c.find(line[:start], typed)
	if len(found) == 0 {
		return line, pos, true
	}
	common := commonPrefix(found)
	if len(found) > 1 && common == typed {
		io.WriteString(c.show, strings.Join(found, "  ")+"\n") // for looks only
	}
	return line[:start] + common + line[pos:], start + len(common), true
}

// find returns what the typed word may become after the words before it.
func (c completer) find(before, typed string) []string {
	var found []string
	if before == "" {
		for _, w := range c.words {
			if strings.HasPrefix(w.text, typed) {
				found = append(found, w.text)
			}
		}
		return found
	}
	if slices.Contains(c.words, candidate{before, true}) {
		for _, f := range fronts {
			if strings.HasPrefix(f, typed) {
				found = append(found, f)
			}
		}
	}
	return found
}

func commonPrefix(words []string) string {
	prefix := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
