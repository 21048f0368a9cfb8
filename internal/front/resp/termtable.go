package resp

// The rows of the table that are about terms: ends, limits, rates, tickets, holds.

func expiryCommands() []*command {
	row := func(name string, arity int, f flags, since, syntax, summary string, ask asker) *command {
		return &command{name: name, arity: arity, flags: f | fast, first: 1, last: 1, step: 1,
			group: "generic", since: since, syntax: syntax, summary: summary, ask: ask}
	}
	value := func(name string, arity int, f flags, since, syntax, summary string, ask asker) *command {
		c := row(name, arity, f, since, syntax, summary, ask)
		c.group = "string"
		return c
	}
	const conditions = " [NX|XX|GT|LT]"
	ex, px, exat, pxat := timeUnits[0], timeUnits[1], timeUnits[2], timeUnits[3]
	setex := value("setex", 4, writes|denyOOM, "2.0.0", "key seconds integer", "Sets the value and when the counter ends.",
		settingUntil("setex", &timeUnits[0]))
	psetex := value("psetex", 4, writes|denyOOM, "2.6.0", "key milliseconds integer", "Sets the value and when the counter ends.",
		settingUntil("psetex", &timeUnits[1]))
	setex.flags &^= fast
	psetex.flags &^= fast
	return []*command{
		row("expire", -3, writes, "1.0.0", "key seconds"+conditions, "Has the counter end after a time.", expiring("expire", ex)),
		row("pexpire", -3, writes, "2.6.0", "key milliseconds"+conditions, "Has the counter end after a time.", expiring("pexpire", px)),
		row("expireat", -3, writes, "1.2.0", "key unix-time-seconds"+conditions, "Has the counter end at a time.", expiring("expireat", exat)),
		row("pexpireat", -3, writes, "2.6.0", "key unix-time-milliseconds"+conditions, "Has the counter end at a time.",
			expiring("pexpireat", pxat)),
		row("ttl", 2, reads, "1.0.0", "key", "Answers in how many seconds the counter ends: -1 for never, -2 if there is none.",
			describing(answerTime(ex))),
		row("pttl", 2, reads, "2.6.0", "key", "Answers in how many milliseconds the counter ends.", describing(answerTime(px))),
		row("expiretime", 2, reads, "7.0.0", "key", "Answers when the counter ends, in seconds since 1970.", describing(answerTime(exat))),
		row("pexpiretime", 2, reads, "7.0.0", "key", "Answers when the counter ends, in milliseconds since 1970.",
			describing(answerTime(pxat))),
		row("persist", 2, writes, "2.2.0", "key", "Takes the counter's end away.", askPersist),
		value("getex", -2, writes, "6.2.0", "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST]",
			"Answers the value and changes when the counter ends.", askGetEx),
		setex, psetex,
		value("increx", -2, writes|denyOOM, "8.8.0", "key [BYINT increment] [LBOUND lowerbound] [UBOUND upperbound] [SATURATE] "+
			"[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|PERSIST] [ENX] [IDMP producer number]",
			"Adds a number within bounds, sets when the counter ends, and answers the value and what was added.", askIncrEx),
	}
}

func termCommands() []*command {
	row := func(name string, arity int, f flags, last int, syntax, summary string, ask asker) *command {
		return &command{name: name, arity: arity, flags: f | fast, first: 1, last: last, step: 1,
			group: "cuenta", since: "0.1.0", syntax: syntax, summary: summary, ask: ask}
	}
	const change = writes | denyOOM
	return []*command{
		row("cuenta.limit", -2, change, 1, "key [FLOOR n] [CEILING n] [TOTAL]",
			"Gives the counter these limits, and takes away those not said. TOTAL makes it the total of all below it.", askLimit),
		row("cuenta.describe", 2, reads, 1, "key",
			"Answers a map: value, revision, floor, ceiling, total, held, held-down, available, available-down, expires, ttl; null if there is none.",
			describing(answerDescription)),
		row("cuenta.transfer", -4, change, 2, "from to amount [FLOOR n]",
			"Moves an amount, all or nothing, and answers what the first counter has left: at least 0, or FLOOR.", askTransfer),
		row("cuenta.take", -7, change, 1, "key n FIXED|SLIDING|STEADY limit PER ms [BURST b]",
			"Takes from what a rate allows and answers allowed (1 or 0), remaining, retry-after and reset in milliseconds.", askTake),
		row("cuenta.ticket", -3, change, 1, "key ident [COUNT n]",
			"Gives the ident the next numbers, or those that it has, and answers the first, the last, and whether they are new.", askTicket),
		row("cuenta.hold", 5, change, 1, "key n EX seconds|PX milliseconds",
			"Holds a part of the limit back for a time and answers the hold's id and what is still available.", askHold),
		row("cuenta.settle", -4, change, 1, "key id n [CLAMP]",
			"Ends a hold, adds what was used of it, and answers the value and what was added.", askSettle),
		row("cuenta.release", 3, writes, 1, "key id", "Ends a hold and answers what is available.", askRelease),
		row("cuenta.extend", 5, writes, 1, "key id EX seconds|PX milliseconds",
			"Has a hold end after a time from now and answers what is available.", askExtend),
		row("cuenta.holds", -2, reads, 1, "key [AFTER id] [COUNT n]",
			"Lists holds, 1000 at most, each as id, amount, and its end in milliseconds since 1970.", askHolds),
	}
}
