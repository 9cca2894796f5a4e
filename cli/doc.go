// Package cli is klab's command line: the scriptable twin of the screen.
//
// # Contract
//
//   - Exit codes: 0 done, 1 failed, 2 bad input (flags, arguments, configuration), 3 nothing to talk to.
//   - Results go to standard output, everything else to standard error. An error is one sentence that says what to do next.
//   - Whatever lists something takes -o json: one JSON value, or for streams one JSON object a line. Field names are stable.
//   - What other people chose (topic names, keys, values, headers, znodes, logs) is cleaned of escape sequences when it goes
//     to a terminal, and passes unchanged into a pipe or with --raw.
//   - A command names its cluster by --home (else $KLAB_HOME, else the platform's data directory), or by --bootstrap for any
//     cluster that speaks Kafka's protocol.
//
// One file holds one noun.
package cli
