//go:build race

package main

const raceEnabled = true // whether the tests, and so the server, watch for data races
