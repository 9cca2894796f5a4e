// Package checklist is what every client program is asked to do, written once for the clients of Go: each program
// implements Client with its library and calls Main.
//
// A program is run as `PROGRAM BOOTSTRAP [PATTERN]`. It prints one line a check, `ok NAME`, `FAIL NAME: reason` or
// `n/a NAME: reason` (the library cannot do it), and exits 1 if any failed. The programs of other languages keep to the
// same checks, names and lines. Topics and groups get a random prefix, so that programs can share a cluster; a program
// leaves its topics behind.
package checklist
