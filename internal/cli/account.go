package cli

import "github.com/cuenta-server/cuenta/internal/lang"

// maxOperands is how many operands a change has at most: a number, a counter and
// every option.
const maxOperands = 6

var (
	detailPaid = lang.Text{
		ES: detailTerms.ES + `
Un importe de 0 lee.`,
		EN: detailTerms.EN + "\nAn amount of 0 reads."}

	detailPaidOut = lang.Text{
		ES: `No se retira lo que no hay: la cuenta no baja de 0, o de min=N.

` + detailPaid.ES,
		EN: "What is not there is not paid out: the counter goes no lower than 0, or min=N.\n\n" + detailPaid.EN}

	detailLimit = lang.Text{
		ES: `Ningún cambio, venga por donde venga, saca a la cuenta de sus límites. El que no se da se
quita. Se rechazan si el valor está fuera. Con total, lo que se suma a las cuentas por debajo
(CUENTA/…) se suma también a esta, si sus límites lo dejan; los que haya ya no cuentan.

` + detailChange.ES,
		EN: "No change, whatever way it comes, takes the counter beyond its limits. One that is not\n" +
			"given is taken away. They are refused if the value is outside. With total, what is added to\n" +
			"those below it (COUNTER/...) is added to this one as well, if its limits allow it; what\n" +
			"they hold before does not count.\n\n" + detailChange.EN}

	detailExpire = lang.Text{
		ES: `La cuenta se borra S segundos después; con 0 no se borra. Solo si no tiene fin (if=none),
si lo tiene (if=any), o si el nuevo es posterior (if=later) o anterior (if=sooner), y con
if=any-sooner si además tiene uno.

` + detailChange.ES,
		EN: "The counter is deleted S seconds later; with 0 it is not. Only if it has no end\n" +
			"(if=none), if it has one (if=any), or if the new one is later (if=later) or sooner\n" +
			"(if=sooner), with if=any-sooner if it has one besides.\n\n" + detailChange.EN}

	detailTransfer = lang.Text{
		ES: `Se hace del todo o nada. La primera cuenta no baja de 0, o de min=N; muestra lo que le
queda.

` + detailChange.ES,
		EN: "All of it is done or nothing. The first counter goes no lower than 0, or min=N; what it\n" +
			"is left with is printed.\n\n" + detailChange.EN}
)

// accountCommands are about what a counter may hold and how long, and about those
// that are accounts.
func accountCommands() []command {
	return []command{
		{names: []string{"ingresar"}, operands: operandAmount, min: 1, max: maxOperands, flags: changeFlags, run: (*app).ingresar,
			summary: lang.Text{ES: "ingresa N y muestra el saldo", EN: "pay N in and print the balance"}, detail: detailPaid},
		{names: []string{"retirar"}, operands: operandAmount, min: 1, max: maxOperands, flags: changeFlags, run: (*app).retirar,
			summary: lang.Text{ES: "retira N, si lo hay, y muestra el saldo", EN: "pay N out, if it is there, and print the balance"}, detail: detailPaidOut},
		{names: []string{"balance"}, operands: operandCounter, max: 1, flags: askFlags, run: (*app).balance,
			summary: lang.Text{ES: "muestra el saldo", EN: "print the balance"}},
		{names: []string{"transfer", "transferir"}, operands: lang.Text{ES: "N DE A [min=N]", EN: "N FROM TO [min=N]"}, min: 3, max: 4,
			flags: changeFlags, run: (*app).transfer,
			summary: lang.Text{ES: "pasa N de una cuenta a otra", EN: "move N from one counter to another"}, detail: detailTransfer},
		{names: []string{"limit", "limitar"}, operands: lang.Text{ES: "CUENTA [min=N] [max=N] [total]", EN: "COUNTER [min=N] [max=N] [total]"}, min: 1, max: 4,
			flags: changeFlags, run: (*app).limit,
			summary: lang.Text{ES: "pone o quita los límites de una cuenta", EN: "set or take away the limits of a counter"}, detail: detailLimit},
		{names: []string{"expire", "expirar"}, operands: lang.Text{ES: "S CUENTA [if=CUÁNDO]", EN: "S COUNTER [if=WHEN]"},
			min: 2, max: 3, flags: changeFlags, run: (*app).expire,
			summary: lang.Text{ES: "pone o quita el fin de una cuenta", EN: "set or take away the end of a counter"}, detail: detailExpire},
		{names: []string{"describe", "describir"}, operands: operandCounter, max: 1, flags: askFlags, run: (*app).describe,
			summary: lang.Text{ES: "valor, límites, fin y reservas de una cuenta", EN: "value, limits, end and holds of a counter"}},
	}
}
