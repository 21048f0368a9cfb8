# Names for what one does here; each is one command. `go build ./... && go test ./...` works without.
.PHONY: build test race lint vuln bench bench-peers bench-peers-scale bench-growth bench-identities bench-beyond fuzz every cover sim torture load soak cross ci

build:
	go build -o cuenta ./cmd/cuenta

# Installs what the tests need beyond Go, then runs them all, the long forms too.
test:
	./scripts/needs test
	CUENTA_TEST_PEERS=1 CUENTA_TEST_KILLS=200 go test -timeout 15m ./...

race:
	go test -race -timeout 20m ./...

lint:
	./scripts/lint

# Asks the public database of vulnerabilities, so it needs the network.
vuln:
	go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

# The figures of the documents; several minutes. Compare runs with benchstat.
bench:
	go test -run '^$$' -bench . -benchtime 2s ./internal/ledger ./internal/engine ./internal/shm ./internal/wire/...
	go test -run '^$$' -bench Fronts -benchtime 3s -count 3 ./test/system
	go test -run '^$$' -bench TenMillion -benchtime 1x ./test/system

# Beside Redis, PostgreSQL and etcd, and how cost grows: each writes its section of docs/benchmarks.md. QUICK=-quick
# for a short run. They start servers on free ports of loopback, and stop them.
bench-peers:
	./scripts/needs bench
	go run ./test/peers $(QUICK) peers

# Memory and restart with ten million counters; needs about 4 GB of memory and as much disk.
bench-peers-scale:
	./scripts/needs bench
	go run ./test/peers $(QUICK) scale

bench-growth:
	go run ./test/peers $(QUICK) growth

bench-identities:
	go run ./test/peers $(QUICK) identities

# Limits, transfers, holds, rates, tickets and ends beside plain increments, watchers, and a million ends at once.
bench-beyond:
	go run ./test/peers $(QUICK) beyond

# Every fuzz target for a while, or those of some packages: make fuzz TIME=1h PKG=./internal/journal
TIME ?= 30s
PKG ?= ./...
fuzz:
	./scripts/fuzz $(TIME) $(PKG)

# The long forms of tests that take samples otherwise: every bit, every power cut, two hundred seeds.
every:
	CUENTA_TEST_LONG=1 go test -count 1 -timeout 30m ./internal/journal ./internal/engine ./internal/ledger ./internal/identity

# How much of ledger, identities, journal and engine their tests reach, and what they do not.
cover:
	./scripts/cover

# Simulated worlds: make sim N=100000 for many of them, from seed FROM on; make sim SEED=n tells one.
N ?= 2000
FROM ?= 0
FAULT ?= 0
sim:
	@go run ./internal/sim/run $(if $(SEED),-seed $(SEED),-n $(N) -from $(FROM)) -fault $(FAULT)

# The real server killed, paused, cut off and left without room; everything it says is judged exactly:
# make torture KILLS=1000 SEED=7. What is wrong is kept, with the command to look at it.
KILLS ?= 1000
torture:
	go run ./test/torture $(if $(SEED),-seed $(SEED)) -kills $(KILLS) kills

# Good clients beside thousands of connections that are idle, slow or never read: make load CONNECTIONS=10000
CONNECTIONS ?= 10000
load:
	go run ./test/torture $(if $(SEED),-seed $(SEED)) -connections $(CONNECTIONS) load

# Memory, descriptors and goroutines over time: make soak MINUTES=60 (at least 5)
MINUTES ?= 60
soak:
	go run ./test/torture $(if $(SEED),-seed $(SEED)) -minutes $(MINUTES) soak

cross:
	GOOS=darwin go build ./... && GOOS=windows go build ./...

ci:
	.ci/run
