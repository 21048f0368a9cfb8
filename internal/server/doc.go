// Package server is the one composition root: it makes an engine and the fronts
// out of the configuration, runs them, starts and stops single fronts while the
// rest go on, and drains everything at the end. Nothing else knows all the parts.
package server
