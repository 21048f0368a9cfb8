// Command torture has a real server suffer, and judges everything that it said
// meanwhile. It starts every server itself, on free ports of loopback, and removes
// what they leave behind unless something is wrong.
//
//	go run ./test/torture [flags] kills       kills, pauses, cuts, lost datagrams, a full disk; an exact check
//	go run ./test/torture [flags] load        good clients beside thousands that are idle, slow or never read
//	go run ./test/torture [flags] soak        memory, descriptors and goroutines over time
//	go run ./test/torture check FILE          judges a history that was kept
//
// The kills come in rounds, each with a server of its own and from a seed of its own.
// In a round many clients count on few counters, over every way in: with keys, with
// numbers of sessions, and bare. Between them and the server stand proxies (package
// badnet), which cut connections and lose, delay and double datagrams. The server is killed and
// started again on the same data; while nobody can reach it, everything that it
// holds is read. Every request, answer and state goes into one history, which must
// be possible to the last value and revision: see internal/history.
//
// What happens comes from the seed; when it happens, and so what exactly is hit, is
// up to the machine. So a seed repeats a round's plan and not its history, and the
// history is kept.
//
// Files in reading order: main.go, campaign.go (the rounds), round.go (one of
// them), torment.go, flood.go (what is done to the server), judge.go (what is held against
// it); arena.go, steward.go and link.go (processes, and the small file system that
// they may have); asker.go, draw.go, dice.go,
// names.go (who counts), a file way_….go for each way in, patient.go for the public
// client package; tally.go (what was covered); load.go, crowd.go and soak.go,
// gauge.go for the other two runs.
package main
