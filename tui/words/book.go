// Package words holds every word of the program's screens, one table a language.
//
// A test holds the tables complete, and their placeholders equal. Terms that engineers say in English stay
// English in Chinese (broker, ISR, offset, topic in commands).
package words

import (
	"fmt"

	"klab/cluster"
	"klab/tui/safe"
)

// Book is the words of one language, cleaned and measured once.
type Book struct {
	Lang  cluster.Lang
	raw   *[count]string
	texts [count]safe.Text
}

// Open returns the words of a language; of English for one that has no table.
func Open(lang cluster.Lang) *Book {
	b := &Book{Lang: cluster.English, raw: &english}
	if lang == cluster.Chinese {
		b = &Book{Lang: lang, raw: &chinese}
	}
	for id, s := range b.raw {
		b.texts[id] = safe.Clean(s)
	}
	return b
}

// Text returns a phrase without placeholders.
func (b *Book) Text(id ID) safe.Text { return b.texts[id] }

// Format fills a phrase's placeholders, which are those of package fmt. The result is cleaned as a whole, so
// that arguments may be foreign text.
func (b *Book) Format(id ID, args ...any) safe.Text {
	return safe.Clean(fmt.Sprintf(b.raw[id], args...))
}
