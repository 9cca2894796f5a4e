package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// FileError is a mistake in a configuration file. Line and Column count from 1; 0 means unknown.
type FileError struct {
	Path         string
	Line, Column int
	Err          error
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.Path, e.Line, e.Column, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// ReadTOML reads a broker's configuration from TOML. A key is a Kafka name, quoted, dotted or spread over tables:
// "zookeeper.connect" = "…", zookeeper.connect = "…" and [zookeeper] connect = "…" are the same. Values are strings,
// integers, floats, booleans or arrays of those (a Kafka list).
//
// Unknown keys and values that Kafka would refuse are errors: all of them, joined, each a [*FileError].
func ReadTOML(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read configuration: %w", err)
	}
	return ParseTOML(filepath.Base(path), string(data))
}

// ParseTOML is [ReadTOML] for a text; name stands for the file in errors.
func ParseTOML(name, text string) (map[string]string, error) {
	r := tomlReader{path: name, lines: strings.Split(text, "\n"), props: make(map[string]string)}
	var top map[string]toml.Primitive
	meta, err := toml.Decode(text, &top)
	if err != nil {
		return nil, r.syntaxError(err)
	}
	r.meta = meta
	r.table("", top)
	if len(r.errs) > 0 {
		slices.SortStableFunc(r.errs, func(a, b *FileError) int { return a.Line - b.Line })
		joined := make([]error, len(r.errs))
		for i, e := range r.errs {
			joined[i] = e
		}
		return nil, errors.Join(joined...)
	}
	return r.props, nil
}

type tomlReader struct {
	path  string
	lines []string
	meta  toml.MetaData
	props map[string]string
	errs  []*FileError
}

func (r *tomlReader) syntaxError(err error) error {
	p, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return &FileError{Path: r.path, Err: err}
	}
	return &FileError{Path: r.path, Line: p.Position.Line, Column: p.Position.Col, Err: errors.New(p.Message)}
}

func (r *tomlReader) table(prefix string, members map[string]toml.Primitive) {
	for _, part := range slices.Sorted(maps.Keys(members)) {
		name := part
		if prefix != "" {
			name = prefix + "." + part
		}
		r.member(name, part, members[part])
	}
}

func (r *tomlReader) member(name, part string, p toml.Primitive) {
	var inner map[string]toml.Primitive
	if r.meta.PrimitiveDecode(p, &inner) == nil && inner != nil {
		r.table(name, inner)
		return
	}
	setting := &tomlSetting{name: name}
	err := r.meta.PrimitiveDecode(p, setting)
	if err == nil {
		if _, twice := r.props[name]; !twice {
			r.props[name] = setting.text
			return
		}
		err = fmt.Errorf("%s is set twice", name)
	}
	r.errs = append(r.errs, r.locate(err, setting.err, part))
}

// locate gives the error the place of the value that caused it, and for an unknown key the place of the key. cause is the
// setting's own error; nil when the decoder failed by itself.
func (r *tomlReader) locate(err, cause error, part string) *FileError {
	e := &FileError{Path: r.path, Err: err}
	if p, ok := errors.AsType[toml.ParseError](err); ok {
		e.Line, e.Column, e.Err = p.Position.Line, p.Position.Col, errors.New(p.Message)
	}
	if cause == nil {
		return e
	}
	e.Err = cause
	if _, unknown := errors.AsType[*UnknownKeyError](cause); unknown && e.Line > 0 {
		if i := strings.Index(r.lines[e.Line-1], part); i >= 0 {
			e.Column = i + 1
		}
	}
	return e
}

// tomlSetting takes one TOML value and checks it against the table.
type tomlSetting struct {
	name, text string
	err        error
}

func (s *tomlSetting) UnmarshalTOML(data any) error {
	s.err = s.take(data)
	return s.err
}

func (s *tomlSetting) take(data any) error {
	k := BrokerTable().lookupPrefixed(s.name)
	if k == nil {
		return &UnknownKeyError{Key: s.name, Nearest: BrokerTable().Nearest(s.name)}
	}
	text, err := tomlText(data)
	if err != nil {
		return &ValueError{Key: s.name, Value: fmt.Sprint(data), Reason: err.Error()}
	}
	s.text = text
	_, err = k.parse(text)
	return err
}

func tomlText(data any) (string, error) {
	switch v := data.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			text, err := tomlText(v[i])
			if err != nil {
				return "", err
			}
			parts[i] = text
		}
		return strings.Join(parts, ","), nil
	default:
		return "", errors.New("must be a string, a number, a boolean or an array of those")
	}
}

// Override applies "key=value" to props, as --override does. Names and values are checked as in TOML.
func Override(props map[string]string, setting string) error {
	name, text, ok := strings.Cut(setting, "=")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	if !ok || name == "" {
		return fmt.Errorf("cannot override with %q: write key=value", setting)
	}
	k := BrokerTable().lookupPrefixed(name)
	if k == nil {
		return &UnknownKeyError{Key: name, Nearest: BrokerTable().Nearest(name)}
	}
	if _, err := k.parse(text); err != nil {
		return err
	}
	props[name] = text
	return nil
}
