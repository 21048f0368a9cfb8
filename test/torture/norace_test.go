//go:build !race

package main

const raceEnabled = false // whether the tests, and so the server, watch for data races
