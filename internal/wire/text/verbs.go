package text

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
	tra
	lim
	exp
	ttl
	lastVerb = ttl
	numVerbs = int(lastVerb)
)

// option is a bit in the set of options that a verb takes.
type option uint8

const (
	counterOption option = 1 << iota
	keyOption
	minOption
	maxOption
	satOption
	ttlOption
	ifOption

	every  = counterOption | keyOption
	limits = minOption | maxOption
	within = every | limits | satOption | ttlOption
)

// verbs says what each verb takes. An inc, dec, ing and ret of 0 reads, and takes
// what con takes.
var verbs = [1 + numVerbs]struct {
	options option
	unless0 Verdict // what a number other than 0 is; Command where it is one
	help    string
}{
	inc: {within, Command, "inc.N suma/adds [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	dec: {within, Command, "dec.N resta/less [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	con: {every, badConAmount, "con.0 lee/reads [@cuenta]\n"},
	res: {within, badResAmount, "res.0 a/to 0 [@cuenta] [min=N] [max=N] [sat] [ttl=S] [id=K]\n"},
	ing: {within, Command, "ing.N ingresa/pays in: inc.N\n"},
	ret: {within, Command, "ret.N retira/pays out, no bajo/not below min=N (0): dec.N\n"},
	bal: {every, badZeroAmount, "bal.0 lee/reads [@cuenta]\n"},
	tra: {every | minOption, Command, "tra.N @de/from @a/to [min=N] [id=K]: mueve/moves N\n"},
	lim: {every | limits, badZeroAmount, "lim.0 limites/limits [@cuenta] [min=N] [max=N] [id=K]\n"},
	exp: {every | ifOption, Command, "exp.S fin en/ends in S s, exp.0 no fin/end; if=any.. [id=K]\n"},
	ttl: {every, badZeroAmount, "ttl.0 segundos/seconds left, -1 no fin/end, -2 no cuenta\n"},
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
	case "tra":
		return tra
	case "lim":
		return lim
	case "exp":
		return exp
	case "ttl":
		return ttl
	}
	return 0
}
