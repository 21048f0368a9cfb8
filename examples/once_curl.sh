#!/bin/sh
# Counts once however often it asks, with curl.
#
#     sh once_curl.sh [KEY]
#
# The server is at 127.0.0.1:1234 unless CUENTA_WEB=HOST:PORT says otherwise.
set -eu
address=${CUENTA_WEB:-127.0.0.1:1234}
counter=http://$address/v1/counters/visitas

value() {
	curl -sS --max-time 5 "$counter" | sed 's/.*"value":"\([^"]*\)".*/\1/'
}

# add sends the change until an answer comes: curl repeats by itself when the connection breaks, and
# when the server is busy. The server knows the change by its key, and counts it the first time.
add() {
	answer=$(curl -sS --max-time 5 --retry 5 --retry-all-errors \
		-X POST -H "Idempotency-Key: $2" "$counter:add?amount=$1")
	case $answer in
	*'"code"'*) echo "refused: $answer" >&2 && exit 1 ;;
	esac
}

# A key is for one change: the number of an order, or something unique.
key=${1:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}

before=$(value)
if [ -z "$before" ]; then
	echo "no server at $address; start one with \`cuenta serve\`, or set CUENTA_WEB=HOST:PORT" >&2
	exit 1
fi
echo "add 5 to visitas, Idempotency-Key: $key"
add 5 "$key"
echo "  attempt 1: the answer was lost" # so we pretend: the change was made, and we do not know
add 5 "$key"
echo "  attempt 2: $answer"
echo "visitas went from $before to $(value)"
