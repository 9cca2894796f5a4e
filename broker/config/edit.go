package config

import (
	"slices"
	"strings"
)

// EditKind says what an [Edit] does, numbered as IncrementalAlterConfigs does (KIP-339).
type EditKind int8

const (
	Set      EditKind = 0
	Delete   EditKind = 1
	Append   EditKind = 2 // to a list
	Subtract EditKind = 3 // from a list
)

func (k EditKind) verb() string {
	if k == Append {
		return "append"
	}
	return "subtract"
}

// Edit is one change of one key.
type Edit struct {
	Kind  EditKind
	Name  string
	Value string
}

// Edited applies edits to the overrides now, which stay as they are. What is appended to or subtracted from a list that is not
// set is the key's default. The error is worded as Kafka's INVALID_CONFIG answer.
func (t *Table) Edited(now map[string]string, edits []Edit) (map[string]string, error) {
	next := make(map[string]string, len(now)+len(edits))
	for name, text := range now {
		next[name] = text
	}
	for _, e := range edits {
		switch e.Kind {
		case Set:
			next[e.Name] = e.Value
		case Delete:
			delete(next, e.Name)
		default:
			list, err := t.editedList(next, e)
			if err != nil {
				return nil, err
			}
			next[e.Name] = strings.Join(list, ",")
		}
	}
	return next, nil
}

func (t *Table) editedList(now map[string]string, e Edit) ([]string, error) {
	k := t.Lookup(e.Name)
	if k == nil {
		return nil, &UnknownKeyError{Key: e.Name, Nearest: t.Nearest(e.Name)}
	}
	if k.Type != List {
		return nil, kafkaSays("Config value %s is not allowed for config key: %s", e.Kind.verb(), e.Name)
	}
	text, ok := now[e.Name]
	if !ok {
		text, _ = k.Default()
	}
	list := splitList(text)
	for _, item := range splitList(e.Value) {
		at := slices.Index(list, item)
		switch {
		case e.Kind == Append && at < 0:
			list = append(list, item)
		case e.Kind == Subtract && at >= 0:
			list = slices.Delete(list, at, at+1)
		}
	}
	return list, nil
}
