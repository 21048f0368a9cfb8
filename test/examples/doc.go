// Package examples runs the examples of the folder of that name against the
// real server, as their readers do.
package examples
