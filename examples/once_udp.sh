#!/bin/sh
# Counts once however often it asks, over UDP, with netcat (Debian's netcat-openbsd).
#
#     sh once_udp.sh [KEY]
#
# The server is at 127.0.0.1:2002 unless CUENTA_UDP=HOST:PORT says otherwise.
set -eu
address=${CUENTA_UDP:-127.0.0.1:2002}

# ask sends a datagram until one comes in answer, for which it waits a second each time.
ask() {
	for _ in 1 2 3 4 5; do
		answer=$(printf '%s' "$1" | nc -u -w1 -W1 "${address%:*}" "${address##*:}") || true
		case $answer in
		"" | "error busy"*) ;;
		error*) echo "refused: $answer" >&2 && return 1 ;;
		*) echo "$answer" && return ;;
		esac
	done
	echo "no server at $address; start one with \`cuenta serve\`, or set CUENTA_UDP=HOST:PORT" >&2
	return 1
}

# A key is for one change: the number of an order, or something unique. The server knows the change by
# its key, and counts it the first time.
key=${1:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
change="inc.5 @visitas id=$key"

before=$(ask "con.0 @visitas")
echo "$change"
answer=$(ask "$change")
echo "  attempt 1: the answer was lost" # so we pretend: the change was made, and we do not know
answer=$(ask "$change")
echo "  attempt 2: $answer"
after=$(ask "con.0 @visitas")
echo "visitas went from $before to $after"
