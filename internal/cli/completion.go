package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/cuenta-server/cuenta/internal/config"
	"github.com/cuenta-server/cuenta/internal/lang"
)

// completion prints a script that completes commands, flags and the names of
// services and fronts. To be evaluated by the shell's start-up file.
func (a *app) completion() error {
	var script string
	switch shell := a.operands[0]; shell {
	case "bash":
		script = bashCompletion()
	case "zsh":
		// zsh runs completions written for bash.
		script = "autoload -U +X bashcompinit && bashcompinit\n" + bashCompletion()
	case "fish":
		script = fishCompletion(a.lang)
	default:
		return usageError{lang.Text{ES: "%q no es bash, zsh ni fish", EN: "%q is not bash, zsh or fish"}.Fill(shell)}
	}
	_, err := io.WriteString(a.stdout, script)
	return err
}

// choices are the values that the first operand of a command may have, if they are few.
func (c *command) choices() []string {
	switch {
	case c.operands == operandFront:
		return fronts
	case c.names[0] == "demo", strings.Contains(c.operands.EN, "|"):
		first, _, _ := strings.Cut(c.operands.EN, " ")
		return strings.Split(first, "|")
	}
	return nil
}

// flagList returns the flags that the command takes, with their dashes.
func (c *command) flagList() []string {
	var flags []string
	for i := range config.Settings {
		if flag := config.Settings[i].Flag; c.takes(flag) {
			flags = append(flags, "--"+flag)
		}
	}
	return flags
}

func bashCompletion() string {
	var b strings.Builder
	var names []string
	for _, c := range commands() {
		names = append(names, c.names...)
	}
	fmt.Fprintf(&b, `_cuenta() {
	local word="${COMP_WORDS[COMP_CWORD]}" words=""
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W "%s" -- "$word"))
		return
	fi
	case "${COMP_WORDS[1]}" in
`, strings.Join(names, " "))
	for _, c := range commands() {
		fmt.Fprintf(&b, "\t%s) words=%q ;;\n", strings.Join(c.names, "|"), strings.Join(append(c.flagList(), c.choices()...), " "))
	}
	b.WriteString("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o default -F _cuenta cuenta\n")
	return b.String()
}

func fishCompletion(l lang.Lang) string {
	var b strings.Builder
	for _, c := range commands() {
		for _, name := range c.names {
			fmt.Fprintf(&b, "complete -c cuenta -n __fish_use_subcommand -a %s -d '%s'\n", name, c.summary.In(l))
		}
		seen := "'__fish_seen_subcommand_from " + strings.Join(c.names, " ") + "'"
		for i := range config.Settings {
			if s := config.Settings[i].Of(c.names[0]); c.takes(s.Flag) {
				fmt.Fprintf(&b, "complete -c cuenta -n %s -l %s -d '%s'\n", seen, s.Flag, strings.ReplaceAll(s.Help.In(l), "'", `\'`))
			}
		}
		if choices := c.choices(); choices != nil {
			fmt.Fprintf(&b, "complete -c cuenta -n %s -f -a '%s'\n", seen, strings.Join(choices, " "))
		}
	}
	return b.String()
}
