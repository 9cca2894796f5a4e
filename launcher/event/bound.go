package event

import (
	"fmt"
	"unicode/utf8"
)

// What clients put into a fact can be as long as they like: a group's member gives a reason, a session ends with thousands of
// znodes. The bounds leave an event that is told in full below MaxBytes, also where every byte is written as six.
const (
	// MaxBytes bounds every event as JSON.
	MaxBytes = 224 << 10
	// MaxText is how long one text of a bounded event may be, in bytes.
	MaxText = 1 << 10

	maxList  = 24 << 10 // of the texts of one list together, with itemCost for each
	itemCost = 3        // quotes and a comma
)

// Bounded is e with what is too long in it cut: a text says how many bytes are missing, a list how many items. It is e's own: what
// it is made from can change. Whatever keeps events or sends them bounds them first.
func (e Event) Bounded() Event {
	e.Source, e.Kind = Cut(e.Source, MaxText), Cut(e.Kind, MaxText)
	e.Topic, e.By = Cut(e.Topic, MaxText), Cut(e.By, MaxText)
	if e.Fields == nil {
		return e
	}
	fields := make(map[string]any, len(e.Fields))
	for name, value := range e.Fields {
		fields[name] = bounded(value)
	}
	e.Fields = fields
	return e
}

func bounded(value any) any {
	switch v := value.(type) {
	case string:
		return Cut(v, MaxText)
	case []string:
		return cutList(v)
	case []any: // as JSON gave it back
		if list, ok := texts(v); ok {
			return cutList(list)
		}
	}
	return value
}

func texts(items []any) ([]string, bool) {
	list := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, false
		}
		list[i] = text
	}
	return list, true
}

// cutList keeps the first items of a list that is too long, and says in a last one how many there are more.
func cutList(list []string) []string {
	kept := make([]string, 0, min(len(list), maxList/itemCost))
	size, fits := 0, 0 // fits: how many leave room for the last word
	for _, text := range list {
		text = Cut(text, MaxText)
		if size += len(text) + itemCost; size > maxList {
			return append(kept[:fits], fmt.Sprintf("… %d more", len(list)-fits))
		}
		kept = append(kept, text)
		if size <= maxList-markRoom {
			fits = len(kept)
		}
	}
	return kept
}

// markRoom is what the mark of a cut takes at most.
const markRoom = 40

// Cut is text, or if that is longer than limit its beginning, which then says how many bytes are missing. The whole is no longer
// than limit, so that it is never cut again.
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	keep := max(limit-markRoom, 0)
	for keep > 0 && !utf8.RuneStart(text[keep]) {
		keep--
	}
	return fmt.Sprintf("%s… (%d bytes more)", text[:keep], len(text)-keep)
}
