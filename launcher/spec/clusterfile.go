package spec

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"klab/broker/config"
)

// clusterFile is a cluster file as it was written, its types checked.
type clusterFile struct {
	Name, Home string
	Brokers    []string
	ZooKeeper  map[string]string // zoo.cfg's keys; or "connect" alone for an ensemble elsewhere

	label, text string
}

// at gives reason the place where a key is set, if it is in the file. A key of ZooKeeper's may stand below [zookeeper].
func (f clusterFile) at(key string, reason error) error {
	n := 0
	for line := range strings.Lines(f.text) {
		n++
		before, _, set := strings.Cut(line, "=")
		name := strings.Trim(strings.TrimSpace(before), `"'[]`)
		if name == "zookeeper."+key || name == key || set && strings.HasPrefix(name, key+".") {
			return &config.FileError{Path: f.label, Line: n, Column: strings.Index(line, key) + 1, Err: reason}
		}
	}
	return &config.FileError{Path: f.label, Err: reason}
}

// clusterKeys is all that a cluster file can have.
var clusterKeys = []string{"name", "home", "brokers", "zookeeper"}

func readClusterFile(src Source) (clusterFile, error) {
	text, err := src.Read(src.File)
	if err != nil {
		return clusterFile{}, mistake("cannot read the cluster file: %w", err)
	}
	return parseClusterFile(src.File, string(text))
}

func parseClusterFile(label, text string) (clusterFile, error) {
	r := clusterReader{label: label, file: clusterFile{ZooKeeper: map[string]string{}, label: label, text: text}}
	var top map[string]toml.Primitive
	meta, err := toml.Decode(text, &top)
	if err != nil {
		return clusterFile{}, r.located(err)
	}
	for _, key := range slices.Sorted(maps.Keys(top)) {
		if !slices.Contains(clusterKeys, key) {
			return clusterFile{}, r.unknown(key, meta, top[key])
		}
		if err := meta.PrimitiveDecode(top[key], &clusterSetting{reader: &r, key: key}); err != nil {
			return clusterFile{}, r.located(err)
		}
	}
	return r.file, r.complete()
}

// clusterReader collects the settings of one cluster file.
type clusterReader struct {
	label string
	file  clusterFile
}

// located gives a TOML error its place in the file.
func (r *clusterReader) located(err error) error {
	at, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return mistake("%s: %w", r.label, err)
	}
	return &Error{Err: &config.FileError{
		Path: r.label, Line: at.Position.Line, Column: max(at.Position.Col, 1), Err: errors.New(at.Message),
	}}
}

// unknown is the error for a key that a cluster file does not have.
func (r *clusterReader) unknown(key string, meta toml.MetaData, value toml.Primitive) error {
	full := key
	var table map[string]toml.Primitive
	for ; meta.PrimitiveDecode(value, &table) == nil && len(table) > 0; table = nil {
		first := slices.Min(slices.Collect(maps.Keys(table)))
		full, value = full+"."+first, table[first]
	}
	reason := fmt.Errorf("unknown key %s%s", key, didYouMean(key, clusterKeys))
	if config.BrokerTable().Lookup(full) != nil {
		reason = fmt.Errorf("%s is a key of a broker: put it into the brokers' files, or use --override %s=…", full, full)
	}
	return &Error{Err: r.file.at(key, reason)}
}

func (r *clusterReader) complete() error {
	f := &r.file
	if f.Name == "" {
		return mistake(`%s: name is missing; call the cluster something, such as name = "pseudo"`, r.label)
	}
	if f.Home == "" {
		f.Home = f.Name
	}
	if len(f.Brokers) == 0 {
		return mistake(`%s: brokers is missing; name the brokers' files, such as brokers = ["server-1.toml"]`, r.label)
	}
	return nil
}

// clusterSetting takes the value of one top-level key; the TOML decoder adds the place to what UnmarshalTOML returns.
type clusterSetting struct {
	reader *clusterReader
	key    string
}

func (s *clusterSetting) UnmarshalTOML(value any) error {
	f := &s.reader.file
	switch s.key {
	case "name":
		return s.name(value)
	case "home":
		return s.home(value)
	case "brokers":
		return s.list(value, &f.Brokers)
	case "zookeeper":
		table, ok := value.(map[string]any)
		if !ok {
			return errors.New("zookeeper must be a table: [zookeeper] and zoo.cfg's keys below it")
		}
		return flatten("", table, f.ZooKeeper)
	}
	return nil
}

func (s *clusterSetting) name(value any) error {
	name, ok := value.(string)
	fits := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
	}
	if !ok || name == "" || len(name) > 64 || strings.IndexFunc(name, func(c rune) bool { return !fits(c) }) >= 0 {
		return fmt.Errorf("name must be 1 to 64 letters, digits, - or _, not %s", quote(value))
	}
	s.reader.file.Name = name
	return nil
}

func (s *clusterSetting) home(value any) error {
	home, ok := value.(string)
	if !ok || !filepath.IsLocal(filepath.FromSlash(home)) || filepath.Clean(home) == "." {
		return fmt.Errorf(`home must be a directory below klab's home, such as "pseudo", not %s; to put everything elsewhere, use --home`, quote(value))
	}
	s.reader.file.Home = filepath.ToSlash(filepath.Clean(home))
	return nil
}

func (s *clusterSetting) list(value any, into *[]string) error {
	items, ok := value.([]any)
	for _, item := range items {
		text, isText := item.(string)
		ok = ok && isText && text != ""
		*into = append(*into, text)
	}
	if !ok || len(items) == 0 {
		return fmt.Errorf("%s must be a list of file names, not %s", s.key, quote(value))
	}
	return nil
}

// flatten writes a table's values into props, the names of inner tables joined by dots.
func flatten(prefix string, table map[string]any, props map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if inner, ok := table[key].(map[string]any); ok {
			if err := flatten(prefix+key+".", inner, props); err != nil {
				return err
			}
			continue
		}
		text, ok := scalarText(table[key])
		if !ok {
			return fmt.Errorf("zookeeper.%s%s must be a string, a number or a boolean, not %s", prefix, key, quote(table[key]))
		}
		props[prefix+key] = text
	}
	return nil
}

func scalarText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	}
	return "", false
}

func quote(value any) string {
	if text, ok := value.(string); ok {
		return strconv.Quote(text)
	}
	return fmt.Sprint(value)
}

// parseZooKeeperTOML reads zoo.cfg's keys from TOML; they may also stand below [zookeeper], as in a cluster file.
func parseZooKeeperTOML(label, text string) (map[string]string, error) {
	r := clusterReader{label: label, file: clusterFile{text: text}}
	var top map[string]any
	if _, err := toml.Decode(text, &top); err != nil {
		return nil, r.located(err)
	}
	if table, ok := top["zookeeper"].(map[string]any); ok && len(top) == 1 {
		top = table
	}
	props := map[string]string{}
	if err := flatten("", top, props); err != nil {
		return nil, r.located(err)
	}
	return props, nil
}
