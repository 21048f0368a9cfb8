package text

import "iter"

// verb is a row of the table below; 0 is none.
type verb uint8

const (
	inc verb = iota + 1
	dec
	con
	res
	ing
	ret
	bal
	val
	tra
	ren
	lim // from here on, every verb has terms
	exp
	ttl
	cup
	tic
	apa
	liq
	sol
	ext
	dis
	lastVerb = dis
	numVerbs = int(lastVerb)
)

// option is a bit in the set of options that a verb takes.
type option uint16

const (
	counterOption option = 1 << iota
	keyOption
	minOption
	maxOption
	satOption
	ttlOption
	ifOption
	totalOption
	perOption
	kindOption
	burstOption
	identOption
	holdOption
	downOption

	every  = counterOption | keyOption
	limits = minOption | maxOption
	within = every | limits | satOption | ttlOption
)

// row is what there is to say of a verb.
type row struct {
	options option  // that it takes
	needs   option  // of these, those that it cannot do without
	lacks   Verdict // what a command without one of those is
	unless0 Verdict // what a number other than 0 is; Command where it is one
	if0     Verdict // what 0 is
	kind    Verdict // what it is otherwise: how it is answered
	help    string
}

// verbs says what each verb takes. An inc, dec, ing and ret of 0 reads, and takes
// what con takes.
var verbs = [1 + numVerbs]row{
	inc: {options: within, help: "inc.N suma/adds [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	dec: {options: within, help: "dec.N resta/less [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	con: {options: every, unless0: badConAmount, help: "con.0 lee/reads [@cuenta]\n"},
	res: {options: within, unless0: badResAmount, help: "res.0 a/to 0 [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	ing: {options: within, help: "ing.N ingresa/pays in: inc.N\n"},
	ret: {options: within, help: "ret.N retira/pays out, no bajo/not below min=N (0): dec.N\n"},
	bal: {options: every, unless0: badZeroAmount, help: "bal.0 lee/reads [@cuenta]\n"},
	val: {options: every, kind: Valid, help: "val.N 1 si tic dio/if tic gave N, 0 no [@cuenta]\n"},
	tra: {options: every | minOption, if0: badMoves, kind: Transfer, help: "tra.N @de/from @a/to [min=N] [id=K]: mueve/moves N\n"},
	ren: {options: every, unless0: badZeroAmount, kind: Renumber, help: "ren.0 [@cuenta] [id=K] tic otra vez/again desde/from 1\n"},
	lim: {options: every | limits | totalOption, unless0: badZeroAmount, help: "lim.0 limites/limits [@cuenta] [min=N] [max=N] [total] [id=K]\n"},
	exp: {options: every | ifOption, help: "exp.S fin en/ends in S s, exp.0 no fin/end; if=any.. [id=K]\n"},
	ttl: {options: every, unless0: badZeroAmount, kind: Remains, help: "ttl.0 segundos/seconds left, -1 no fin/end, -2 no cuenta\n"},
	cup: {options: every | maxOption | perOption | kindOption | burstOption, needs: maxOption | perOption, lacks: badNoRate,
		help: "cup.N max=N per=S [tipo=fija|deslizante|continua] [raf=N]\n"},
	tic: {options: every | identOption, needs: identOption, lacks: badNoIdent, if0: badZero, help: "tic.N para=IDENT [@cuenta]: N numeros/numbers, el ultimo/last\n"},
	apa: {options: every | ttlOption | downOption, needs: ttlOption, lacks: badNoTTL, if0: badZero, kind: Reserves, help: "apa.N ttl=S [baja] [@cuenta] [id=K] aparta/holds N: su/its ID\n"},
	liq: {options: every | holdOption | satOption | downOption, needs: holdOption, lacks: badNoHold, help: "liq.N de=ID [@cuenta] [sat] [baja] [id=K] usa/uses N, fin/end\n"},
	sol: {options: every | holdOption, needs: holdOption, lacks: badNoHold, unless0: badZeroAmount, help: "sol.0 de=ID [@cuenta] [id=K] suelta/releases ID\n"},
	ext: {options: every | holdOption, needs: holdOption, lacks: badNoHold, if0: badZero, help: "ext.S de=ID [@cuenta] [id=K] ID: fin en/ends in S s\n"},
	dis: {options: every | downOption, unless0: badZeroAmount, kind: Leaves, help: "dis.0 [@cuenta] disponible/available hasta/to max; baja: min\n"},
}

// Beginnings returns what commands begin with: each verb with its point, and its number
// where that can only be 0.
func Beginnings() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, row := range verbs[1:] {
			beginning := row.help[:len("inc.")]
			if row.unless0 != Command {
				beginning += "0"
			}
			if !yield(beginning) {
				return
			}
		}
	}
}

// verbOf returns the verb of that name, 0 if it is none.
func verbOf(name []byte) verb {
	switch string(name) {
	case "inc":
		return inc
	case "dec":
		return dec
	case "con":
		return con
	case "res":
		return res
	case "ing":
		return ing
	case "ret":
		return ret
	case "bal":
		return bal
	case "val":
		return val
	case "tra":
		return tra
	case "ren":
		return ren
	case "lim":
		return lim
	case "exp":
		return exp
	case "ttl":
		return ttl
	case "cup":
		return cup
	case "tic":
		return tic
	case "apa":
		return apa
	case "liq":
		return liq
	case "sol":
		return sol
	case "ext":
		return ext
	case "dis":
		return dis
	}
	return 0
}
