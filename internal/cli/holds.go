package cli

import "github.com/cuenta-server/cuenta/internal/lang"

var (
	detailTake = lang.Text{
		ES: `El ritmo se da cada vez: max=N en cada S segundos (per=S). tipo=fija (si no se da) cuenta
desde el comienzo de cada S segundos; deslizante, los últimos S; continua deja pasar uno cada
S/N segundos, y raf=N de una vez. Muestra cuánto queda; N=0 pregunta y no toma nada. Si es
demasiado el estado de salida es 1, y se dice cuándo probar de nuevo. La cuenta recuerda lo
tomado, se borra sola cuando ya da igual, y no sirve para nada más.

` + detailChange.ES,
		EN: `The rate is told each time: max=N in each S seconds (per=S). tipo=fija (the default) counts
from the beginning of each S seconds; deslizante the last S of them; continua lets one pass
every S/N seconds, and raf=N at once. What is left is printed; N=0 asks and takes nothing. If
it is too much the exit status is 1, and when to try again is told. The counter remembers
what was taken, ends by itself as soon as that makes no difference, and is of no other use.

` + detailChange.EN}

	detailTicket = lang.Text{
		ES: `Los números de una cuenta van seguidos desde 1, y cada quien conserva los suyos: si los
vuelve a pedir, salen los mismos. Con N da N números; muestra el último.`,
		EN: `The numbers of a counter have no gaps, from 1 on, and everybody keeps theirs: who asks
again gets the same. With N there are N numbers; the last one is printed.`}

	detailRenumber = lang.Text{
		ES: `La cuenta vuelve a 0 y nadie tiene ya número, las dos cosas o ninguna: el próximo es el 1.

` + detailChange.ES,
		EN: `The counter is 0 again and nobody has a number any more, both or neither: the next is 1.

` + detailChange.EN}

	detailHold = lang.Text{
		ES: `Aparta N de lo que queda hasta el máximo de la cuenta, por S segundos, y muestra el número
de la reserva, con el que se liquida, se suelta o se extiende. El valor no cambia. Con baja,
aparta N de lo que hay por encima del mínimo.

` + detailChange.ES,
		EN: `Holds N back of what is left up to the counter's maximum, for S seconds, and prints the
id of the hold, with which to settle, release or extend it. The value stays as it is.
With baja (down), N of what there is above the minimum is held back.

` + detailChange.EN}

	detailSettle = lang.Text{
		ES: `Termina la reserva y suma lo que se usó de ella, que puede ser menos, o más si cabe; con
sat, lo que quepa. Con baja lo resta, que es lo propio de una reserva hecha con baja. Muestra
el valor.

` + detailChange.ES,
		EN: `Ends the hold and adds what was used of it: less than it was, or more if it fits; with
sat, what fits. With baja it is subtracted, as is due for a hold made with baja. The value
is printed.

` + detailChange.EN}
)

// holdCommands are about rates, tickets and holds.
func holdCommands() []command {
	return []command{
		{names: []string{"take", "tomar"}, operands: lang.Text{ES: "N CUENTA max=N per=S [tipo=T] [raf=N]", EN: "N COUNTER max=N per=S [tipo=T] [raf=N]"},
			min: 4, max: 6, flags: changeFlags, run: (*app).take,
			summary: lang.Text{ES: "toma N de lo que deja un ritmo", EN: "take N of what a rate allows"}, detail: detailTake},
		{names: []string{"ticket", "boleto"}, operands: lang.Text{ES: "CUENTA [N] --para IDENT", EN: "COUNTER [N] --for IDENT"}, min: 1, max: 2,
			flags: append([]string{"for", "para"}, changeFlags...), run: (*app).ticket,
			summary: lang.Text{ES: "da a alguien su número, siempre el mismo", EN: "give somebody their number, always the same"}, detail: detailTicket},
		{names: []string{"renumber", "renumerar"}, operands: lang.Text{ES: "CUENTA", EN: "COUNTER"}, min: 1, max: 1,
			flags: changeFlags, run: (*app).renumber,
			summary: lang.Text{ES: "empieza de nuevo los números de una cuenta", EN: "begin the numbers of a counter anew"}, detail: detailRenumber},
		{names: []string{"hold", "apartar"}, operands: lang.Text{ES: "N CUENTA ttl=S [baja]", EN: "N COUNTER ttl=S [baja]"}, min: 3, max: 4,
			flags: changeFlags, run: (*app).hold,
			summary: lang.Text{ES: "aparta N hasta que se liquide, se suelte o acabe", EN: "hold N back until it is settled, released or over"}, detail: detailHold},
		{names: []string{"settle", "liquidar"}, operands: lang.Text{ES: "N CUENTA de=ID [sat] [baja]", EN: "N COUNTER de=ID [sat] [baja]"}, min: 3, max: 5,
			flags: changeFlags, run: (*app).settle,
			summary: lang.Text{ES: "termina una reserva y suma lo usado", EN: "end a hold and add what was used"}, detail: detailSettle},
		{names: []string{"release", "soltar"}, operands: lang.Text{ES: "CUENTA de=ID", EN: "COUNTER de=ID"}, min: 2, max: 2,
			flags: changeFlags, run: (*app).release,
			summary: lang.Text{ES: "termina una reserva sin usarla", EN: "end a hold unused"}, detail: detailChange},
		{names: []string{"extend", "extender"}, operands: lang.Text{ES: "S CUENTA de=ID", EN: "S COUNTER de=ID"}, min: 3, max: 3,
			flags: changeFlags, run: (*app).extend,
			summary: lang.Text{ES: "hace que una reserva acabe en S segundos", EN: "have a hold end in S seconds"}, detail: detailChange},
	}
}

func (a *app) take() error     { return a.count("cup") }
func (a *app) hold() error     { return a.count("apa") }
func (a *app) settle() error   { return a.count("liq") }
func (a *app) extend() error   { return a.count("ext") }
func (a *app) release() error  { return a.ask("sol.0", a.operands, 1) }
func (a *app) renumber() error { return a.ask("ren.0", a.operands, 1) }

func (a *app) ticket() error {
	ident, once := a.values.Ident()
	switch {
	case !once:
		return usageError{lang.Text{ES: "--for y --para dicen cosas distintas", EN: "--for and --para say different things"}}
	case ident == "":
		return usageError{lang.Text{ES: "falta para quién: --para IDENT", EN: "whom it is for is missing: --for IDENT"}}
	}
	number := "1"
	if len(a.operands) == 2 {
		number = a.operands[1]
	}
	a.operands = []string{number, a.operands[0], "para=" + ident}
	return a.count("tic")
}
