package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/cuenta-server/cuenta"
	"github.com/cuenta-server/cuenta/internal/lang"
	"github.com/cuenta-server/cuenta/internal/rpcclient"
)

// sentences says in Spanish what each code means. In English the server's own
// sentence is shown.
var sentences = [cuenta.NumCodes]string{
	cuenta.OK:          "hecho",
	cuenta.Syntax:      "no se entiende la petición",
	cuenta.TooLarge:    "la petición pasa de su tamaño máximo",
	cuenta.Unsupported: "se entiende, pero aquí no es posible",
	cuenta.Overflow:    "la cuenta se saldría de int64",
	cuenta.Unmet:       "la condición no se cumple",
	cuenta.Busy:        "el servidor está al límite; inténtelo otra vez",
	cuenta.Full:        "el disco está lleno; los cambios esperan a que haya sitio",
	cuenta.TooMany:     "la tabla de cuentas está llena",
	cuenta.Canceled:    "se abandonó antes de hacerse",
	cuenta.Stopping:    "el servidor se está cerrando",
	cuenta.Failed:      "el diario falló; hay que arrancar el servidor de nuevo",
	cuenta.Unknown:     "el diario falló; no se sabe si el cambio se hizo",
	cuenta.Forbidden:   "quien lo pide no puede pedirlo",
	cuenta.NotFound:    "no hay ningún servicio con ese nombre",
	cuenta.Conflict:    "la identidad ya sirvió para otra operación",
	cuenta.TooOld:      "es demasiado antigua para recordarla; no se sabe qué fue de ella",
	cuenta.TooNew:      "la hora de la clave se adelanta más de un minuto",
	cuenta.NoSession:   "no existe esa sesión: nunca se concedió, o terminó",
	cuenta.Absent:      "nada se hizo con esa identidad",
	cuenta.Aborted:     "otra petición de su lote fue rechazada",
	cuenta.Limited:     "la cuenta pasaría de su límite",
	cuenta.Past:        "la hora dada ya ha pasado",
	cuenta.Throttled:   "es más de lo que deja su ritmo; inténtelo más tarde",
	cuenta.NoHold:      "no existe esa reserva: se liquidó, se liberó o acabó",
}

// details says in Spanish what the text protocol says about malformed commands.
var details = map[string]string{
	"the command is empty":                           "la orden está vacía",
	"unknown verb, send ayuda for help":              "verbo desconocido; «ayuda» dice cuáles hay",
	"the verb takes a number, as in inc.4":           "al verbo le falta el número, como en inc.4",
	"the number must be digits only, as in inc.4":    "el número solo lleva cifras, como en inc.4",
	"the number is over 9223372036854775807":         "el número pasa de 9223372036854775807",
	"res takes 0 only":                               "res solo admite 0",
	"con takes 0 only":                               "con solo admite 0",
	"exactly one space goes before an option":        "ante una opción va un espacio, y solo uno",
	"no such option, ayuda inc tells those of inc":   "no existe esa opción; «ayuda inc» dice las de inc",
	"this command does not take that option":         "esta orden no lleva esa opción",
	"bal, lim, ttl, sol, dis and ren take 0 only":    "bal, lim, ttl, sol, dis y ren solo admiten 0",
	"tic, apa and ext take 1 or more":                "tic, apa y ext admiten de 1 en adelante",
	"exp and ext take at most 9223372036 seconds":    "exp y ext admiten como mucho 9223372036 segundos",
	"per= takes 1 to 3153600000 seconds":             "per= lleva de 1 a 3153600000 segundos",
	"tipo= takes fija, deslizante or continua":       "tipo= lleva fija, deslizante o continua",
	"raf= takes 1 or more, with tipo=continua only":  "raf= lleva de 1 en adelante, y solo con tipo=continua",
	"no such rate: max= or raf= is out of range":     "no hay tal ritmo: max= o raf= se sale de su rango",
	"para= takes a name of 1 to 128 bytes":           "para= lleva un nombre de 1 a 128 bytes",
	"de= takes the id of a hold, as apa answered it": "de= lleva el número de una reserva, el que dio apa",
	"cup takes max= and per=, as in max=9 per=60":    "cup lleva max= y per=, como en max=9 per=60",
	"tic takes para=, as in tic.1 para=ana":          "tic lleva para=, como en tic.1 para=ana",
	"apa takes ttl=, as in apa.2 ttl=600":            "apa lleva ttl=, como en apa.2 ttl=600",
	"the verb takes the id of a hold, as in de=7":    "hace falta el número de la reserva, como en de=7",
	"more than the rate ever allows at once":         "es más de lo que ese ritmo deja nunca de una vez",
	"min= and max= take an int64, as in min=-5":      "min= y max= llevan un entero, como en min=-5",
	"min= is above max=":                             "min= está por encima de max=",
	"ttl= takes 1 to 9223372036 seconds":             "ttl= lleva de 1 a 9223372036 segundos",
	"if= takes none, any, later, sooner, any-sooner": "if= lleva none, any, later, sooner, any-sooner",
	"tra moves 1 or more, as in tra.5 @from @to":     "tra pasa 1 o más, como en tra.5 @de @a",
	"tra takes two counters, as in tra.5 @from @to":  "tra lleva dos cuentas, como en tra.5 @de @a",
	"tra takes two different counters":               "tra lleva dos cuentas distintas",
	"an option is given twice":                       "hay una opción repetida",
	"bad counter name":                               "nombre de cuenta no válido",
	"a key is 1 to 128 visible ASCII bytes":          "una clave tiene de 1 a 128 caracteres ASCII visibles",
	"salir stands alone, ayuda may take a verb":      "salir va sola, ayuda admite un verbo",
	"a command is at most 512 bytes":                 "una orden tiene como mucho 512 bytes",
	"the counter would pass 9223372036854775807":     "la cuenta pasaría de 9223372036854775807",
	"the counter would pass -9223372036854775808":    "la cuenta pasaría de -9223372036854775808",
	cuenta.Failed.Text():                             sentences[cuenta.Failed],
}

// errLost says that a connection ended, or fell silent, before the answer came.
var errLost = lang.Text{ES: "se perdió la conexión con el servidor", EN: "the connection to the server was lost"}

// isLost reports whether nothing more can be asked over the connection.
func isLost(err error) bool { return errors.Is(err, errLost) || errors.Is(err, rpcclient.ErrLost) }

// explain tells a failure to a person.
func explain(err error, l lang.Lang) string {
	text := cause(err)
	if unknown, ok := errors.AsType[unknownFate](err); ok {
		text = lang.Text{
			ES: "%s; no se sabe si el cambio se hizo; %s lo repite sin contar dos veces",
			EN: "%s; whether the change was made is unknown; %s repeats it without counting twice",
		}.Fill(text, unknown.again)
	}
	return text.In(l)
}

func cause(err error) lang.Text {
	_, told := errors.AsType[lang.Text](err)
	if refusal, ok := errors.AsType[*cuenta.Error](err); ok && !told {
		return explainRefusal(refusal)
	}
	if none, ok := errors.AsType[*rpcclient.NoServerError](err); ok {
		return noServer(none.Address, none.Err)
	}
	if other, ok := errors.AsType[*rpcclient.OtherServerError](err); ok {
		return lang.Text{
			ES: "lo que escucha en %s no es un servidor de cuentas (%s)",
			EN: "what listens at %s is not a counter server (%s)",
		}.Fill(other.Address, other.Said)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return lang.Text{ES: "el servidor no respondió a tiempo", EN: "the server did not answer in time"}
	case errors.Is(err, rpcclient.ErrLost):
		return errLost
	}
	return textOf(err)
}

func noServer(address string, err error) lang.Text {
	return lang.Text{
		ES: "no hay servidor en %s (%v); «cuenta serve» lo arranca",
		EN: "no server at %s (%v); `cuenta serve` starts one",
	}.Fill(address, lang.System(err))
}

// explainRefusal shows the code, which is never translated, and a sentence.
func explainRefusal(e *cuenta.Error) lang.Text {
	return lang.Text{ES: "error %s: %s", EN: "error %s: %s"}.Fill(e.Code.String(), detailOf(e))
}

// detailOf returns the sentence of a refusal.
func detailOf(e *cuenta.Error) lang.Text {
	spanish, known := details[e.Text]
	if !known {
		spanish, known = inSpanish(e.Text)
	}
	wait, throttled := strings.CutPrefix(e.Text, "too much for now, try again in ")
	switch {
	case known:
	case throttled:
		return lang.Text{ES: "de momento es demasiado; inténtelo de nuevo dentro de %s", EN: "too much for now, try again in %s"}.Fill(soon(wait))
	case e.Code < cuenta.NumCodes:
		spanish = sentences[e.Code]
		if e.Text != e.Code.Text() {
			spanish += " (" + e.Text + ")"
		}
	}
	return lang.Text{ES: spanish, EN: e.Text}
}

// soon is a time to wait as people tell it: rounded up to tenths of a second, from a
// minute on to seconds.
func soon(wait string) string {
	d, err := time.ParseDuration(wait)
	if err != nil {
		return wait
	}
	unit := time.Second / 10
	if d >= time.Minute {
		unit = time.Second
	}
	return (d + unit - 1).Truncate(unit).String()
}

// parseAnswer reads an answer of the text protocol: a value, or a refusal as an error.
func parseAnswer(line string) (string, error) {
	if rest, ok := strings.CutPrefix(line, "error "); ok {
		code, text, _ := strings.Cut(rest, " ")
		if refusal, ok := cuenta.ParseError(code + ": " + text); ok {
			return "", refusal
		}
	} else if isNumber(line) {
		return line, nil
	}
	return "", lang.Text{ES: "respuesta ilegible %q", EN: "unreadable answer %q"}.Fill(line)
}

func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}
