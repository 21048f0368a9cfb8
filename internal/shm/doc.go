// Package shm holds what the server shares with other processes on the same
// machine: memory segments, the counters' cells in one of them, and rings with
// doorbells over which requests and answers travel.
//
// The cells are readable without a lock: each carries the last durable value
// and revision behind a sequence lock, and nothing that is newer. Whoever reads
// them never sees anything that a power cut could take back. Only the server maps the cells for writing.
package shm
