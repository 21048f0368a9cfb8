// Package docs tests what the documents say against the code: that their links
// lead somewhere, that both READMEs say the same, that flags, error codes and
// answers are those of the program, and that what they name exists.
package docs
