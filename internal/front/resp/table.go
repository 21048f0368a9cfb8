package resp

import "github.com/cuenta-server/cuenta"

// The table of commands, in groups.

func counterCommands() []*command {
	const change = writes | denyOOM | fast
	row := func(name string, arity int, f flags, last, step int, since, syntax, summary string,
		ask func(*Session, *cuenta.Batch, [][]byte)) *command {
		return &command{name: name, arity: arity, flags: f, first: 1, last: last, step: step,
			group: "string", since: since, syntax: syntax, summary: summary, ask: ask}
	}
	return []*command{
		row("incr", 2, change, 1, 1, "1.0.0", "key", "Adds one and answers the new value.", askIncr),
		row("decr", 2, change, 1, 1, "1.0.0", "key", "Subtracts one and answers the new value.", askDecr),
		row("incrby", 3, change, 1, 1, "1.0.0", "key increment", "Adds a number and answers the new value.", askIncrBy),
		row("decrby", 3, change, 1, 1, "1.0.0", "key decrement", "Subtracts a number and answers the new value.", askDecrBy),
		row("get", 2, reads|fast, 1, 1, "1.0.0", "key", "Answers the value.", one(cuenta.Get, answerValue)),
		row("set", -3, writes|denyOOM, 1, 1, "1.0.0", "key integer [NX|XX] [GET] "+
			"[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
			"Sets the value, if the condition holds, and takes the counter's end away, unless it says otherwise.", askSet),
		row("setnx", 3, change, 1, 1, "1.0.0", "key integer", "Sets the value if there is none.", askSetNX),
		row("getset", 3, change, 1, 1, "1.0.0", "key integer", "Sets the value and answers the one before.", askGetSet),
		row("getdel", 2, writes|fast, 1, 1, "6.2.0", "key", "Deletes the counter and answers its value.",
			one(cuenta.Delete, answerValue)),
		row("mget", -2, reads|fast, -1, 1, "1.0.0", "key [key ...]", "Answers several values, read at one moment.",
			each(cuenta.Get, answerValues, nil)),
		row("mset", -3, writes|denyOOM, -1, 2, "1.0.1", "key integer [key integer ...]", "Sets several values at one moment.", askMSet),
		row("strlen", 2, reads|fast, 1, 1, "2.2.0", "key", "Answers how many characters the value has in decimal.",
			one(cuenta.Get, answerLength)),
	}
}

func keyCommands() []*command {
	return []*command{
		{name: "del", arity: -2, flags: writes, first: 1, last: -1, step: 1, group: "generic", since: "1.0.0", syntax: "key [key ...]",
			summary: "Deletes counters and answers how many existed.", ask: each(cuenta.Delete, answerCount, answerAllCount)},
		{name: "unlink", arity: -2, flags: writes | fast, first: 1, last: -1, step: 1, group: "generic", since: "4.0.0", syntax: "key [key ...]",
			summary: "Deletes counters, as DEL does.", ask: each(cuenta.Delete, answerCount, answerAllCount)},
		{name: "exists", arity: -2, flags: reads | fast, first: 1, last: -1, step: 1, group: "generic", since: "1.0.0", syntax: "key [key ...]",
			summary: "Answers how many of the keys exist.", ask: each(cuenta.Get, answerCount, nil)},
		{name: "type", arity: 2, flags: reads | fast, first: 1, last: 1, step: 1, group: "generic", since: "1.0.0", syntax: "key",
			summary: "Answers string for a counter that exists, none otherwise.", ask: one(cuenta.Get, answerType)},
		{name: "scan", arity: -2, flags: reads | looks, group: "generic", since: "2.8.0",
			syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]", summary: "Lists the counters in steps.", run: runScan},
		{name: "keys", arity: 2, flags: reads | looks, group: "generic", since: "1.0.0", syntax: "pattern",
			summary: "Lists the counters whose names match, where there are not too many.", run: runKeys},
		{name: "dbsize", arity: 1, flags: reads | fast | looks, group: "server", since: "1.0.0",
			summary: "Answers how many counters exist.", run: runDBSize},
	}
}

func transactionCommands() []*command {
	const any = noScript | loading | stale | allowBusy
	return []*command{
		{name: "multi", arity: 1, flags: any | fast | noMulti, group: "transactions", since: "1.2.0",
			summary: "Begins a transaction.", control: controlMulti},
		{name: "exec", arity: 1, flags: any, group: "transactions", since: "1.2.0",
			summary: "Carries out the transaction at one moment, unless a watched counter was changed.", control: controlExec},
		{name: "discard", arity: 1, flags: any | fast, group: "transactions", since: "2.0.0",
			summary: "Drops the transaction and the watching.", control: controlDiscard},
		{name: "watch", arity: -2, flags: any | fast | noMulti, first: 1, last: -1, step: 1, group: "transactions", since: "2.2.0",
			syntax: "key [key ...]", summary: "Makes the next EXEC depend on these counters staying as they are.", control: controlWatch},
		{name: "unwatch", arity: 1, flags: any | fast, group: "transactions", since: "2.2.0",
			summary: "Forgets all watched counters.", ask: askUnwatch},
	}
}

func connectionCommands() []*command {
	const any = noScript | loading | stale | fast | noAuth | allowBusy
	return []*command{
		{name: "ping", arity: -1, flags: fast, group: "connection", since: "1.0.0", syntax: "[message]",
			summary: "Answers PONG, or the message.", run: runPing},
		{name: "echo", arity: 2, flags: loading | stale | fast, group: "connection", since: "1.0.0", syntax: "message",
			summary: "Answers the message.", run: runEcho},
		{name: "quit", arity: -1, flags: any, group: "connection", since: "1.0.0",
			summary: "Closes the connection.", control: controlQuit},
		{name: "reset", arity: 1, flags: any, group: "connection", since: "6.2.0",
			summary: "Makes the connection as new.", control: controlReset, run: runReset},
		{name: "select", arity: 2, flags: loading | stale | fast, group: "connection", since: "1.0.0", syntax: "index",
			summary: "Accepts the one database that there is, 0.", run: runSelect},
		{name: "auth", arity: -2, flags: any, group: "connection", since: "1.0.0", syntax: "[username] password",
			summary: "Answers as a server without a password.", run: runAuth},
		{name: "hello", arity: -1, flags: any, group: "connection", since: "6.0.0",
			syntax:  "[protover [AUTH username password] [SETNAME clientname]]",
			summary: "Agrees on the version of the protocol and tells what the server is.", run: runHello},
		{name: "client", arity: -2, group: "connection", since: "2.4.0", summary: "A container of commands on connections.", subs: clientCommands()},
	}
}

func clientCommands() []*command {
	const any = noScript | loading | stale
	return []*command{
		{name: "id", arity: 2, flags: any, since: "5.0.0", summary: "Answers the connection's number.", run: runClientID},
		{name: "getname", arity: 2, flags: any, since: "2.6.9", summary: "Answers the connection's name.", run: runClientGetName},
		{name: "setname", arity: 3, flags: any, since: "2.6.9", syntax: "name", summary: "Names the connection.", run: runClientSetName},
		{name: "setinfo", arity: 4, flags: any, since: "7.2.0", syntax: "LIB-NAME name|LIB-VER version",
			summary: "Notes the client's library.", run: runClientSetInfo},
		{name: "info", arity: 2, flags: any | looks, since: "6.2.0", summary: "Describes the connection.", run: runClientInfo},
		{name: "list", arity: -2, flags: any | admin | looks, since: "2.4.0", syntax: "[TYPE type] [ID id [id ...]]",
			summary: "Describes all connections.", run: runClientList},
		{name: "no-evict", arity: 3, flags: any | admin, since: "7.0.0", syntax: "ON|OFF",
			summary: "Accepted; no connection is closed for its memory.", run: runClientSwitch},
		{name: "no-touch", arity: 3, flags: any, since: "7.2.0", syntax: "ON|OFF",
			summary: "Accepted; no counter is forgotten for not being used.", run: runClientSwitch},
		{name: "help", arity: 2, flags: loading | stale, since: "5.0.0", summary: "Lists the subcommands.", run: runHelp},
	}
}

func serverCommands() []*command {
	return []*command{
		{name: "command", arity: -1, flags: loading | stale | looks, group: "server", since: "2.8.13",
			summary: "Describes all commands.", run: runCommand, subs: []*command{
				{name: "count", arity: 2, flags: loading | stale, since: "2.8.13", summary: "Answers how many commands there are.", run: runCommandCount},
				{name: "docs", arity: -2, flags: loading | stale | looks, since: "7.0.0", syntax: "[command-name ...]",
					summary: "Documents commands.", run: runCommandDocs},
				{name: "info", arity: -2, flags: loading | stale | looks, since: "2.8.13", syntax: "[command-name ...]",
					summary: "Describes commands.", run: runCommandInfo},
				{name: "list", arity: -2, flags: loading | stale | looks, since: "7.0.0", syntax: "[FILTERBY MODULE name|ACLCAT category|PATTERN pattern]",
					summary: "Lists the names of commands.", run: runCommandList},
				{name: "getkeys", arity: -4, flags: loading | stale, since: "2.8.13", syntax: "command [arg ...]",
					summary: "Answers which arguments of a command are keys.", run: runCommandGetKeys},
				{name: "help", arity: 2, flags: loading | stale, since: "5.0.0", summary: "Lists the subcommands.", run: runHelp},
			}},
		{name: "config", arity: -2, group: "server", since: "2.0.0", summary: "A container of commands on settings.", subs: []*command{
			{name: "get", arity: -3, flags: admin | noScript | loading | stale | looks, since: "2.0.0", syntax: "pattern [pattern ...]",
				summary: "Answers the settings whose names match.", run: runConfigGet},
			{name: "help", arity: 2, flags: loading | stale, since: "5.0.0", summary: "Lists the subcommands.", run: runHelp},
		}},
		{name: "info", arity: -1, flags: loading | stale | looks, group: "server", since: "1.0.0", syntax: "[section ...]",
			summary: "Reports on the server.", run: runInfo},
		{name: "time", arity: 1, flags: loading | stale | fast, group: "server", since: "2.6.0",
			summary: "Answers the time as seconds and microseconds.", run: runTime},
	}
}
