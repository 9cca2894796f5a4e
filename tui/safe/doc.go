// Package safe holds the only type that foreign text may be drawn from.
//
// Record keys, values and headers, topic, group and client names and the error text of a broker are
// bytes that somebody else chose. A terminal obeys some of them: an escape sequence sets the clipboard, a
// carriage return overwrites the start of the row, an unterminated string sequence swallows the rest of
// the screen, a bidirectional override shows one name and means another.
//
// [Clean] turns any bytes into a [Text] in which nothing acts and nothing hides: what cannot be printed
// is shown as a sign or an escape that a person can read back. Rendering functions accept only Text, so
// a raw string cannot reach the terminal by mistake; a constant of the program's own source is made a
// Text by [Const].
package safe
