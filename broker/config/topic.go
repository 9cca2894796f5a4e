package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// TopicConfig is a topic's configuration: its overrides over the broker's values at the moment it was resolved.
type TopicConfig struct {
	broker    *Config
	overrides map[string]string
	values    map[string]value // the overrides, parsed
}

// Topic resolves overrides that a person asks for. Unknown names and bad values are errors, reported together.
func (c *Config) Topic(overrides map[string]string) (TopicConfig, error) {
	t, errs := c.topic(overrides)
	if low, high := t.Int64("min.compaction.lag.ms"), t.Int64("max.compaction.lag.ms"); low > high {
		errs = append(errs, kafkaSays("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high))
	}
	if t.Bool("remote.storage.enable") {
		errs = append(errs, kafkaSays("%s", "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."))
	}
	if t.Bool("remote.log.copy.disable") || t.Bool("remote.log.delete.on.disable") {
		errs = append(errs, kafkaSays("%s", "It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under Zookeeper's mode."))
	}
	return t, errors.Join(errs...)
}

// StoredTopic resolves overrides read from ZooKeeper: what this broker does not know or cannot use is left out, as Kafka
// does, and told by the error. The result is always usable.
func (c *Config) StoredTopic(overrides map[string]string) (TopicConfig, error) {
	t, errs := c.topic(overrides)
	return t, errors.Join(errs...)
}

func (c *Config) topic(overrides map[string]string) (t TopicConfig, errs []error) {
	t = TopicConfig{broker: c, overrides: make(map[string]string), values: make(map[string]value)}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		k := TopicTable().Lookup(name)
		if k == nil {
			errs = append(errs, &UnknownKeyError{Key: name, Nearest: TopicTable().Nearest(name)})
			continue
		}
		v, err := k.parse(overrides[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.overrides[name], t.values[name] = overrides[name], v
	}
	return t, errs
}

// get resolves one key: override, broker synonym, default.
func (t TopicConfig) get(name string) value {
	k := TopicTable().Lookup(name)
	if k == nil {
		panic("config: no topic configuration is named " + name)
	}
	if v, ok := t.values[name]; ok {
		return v
	}
	switch name {
	case "retention.ms":
		return longValue(t.broker.RetentionMs())
	case "segment.ms":
		return longValue(t.broker.RollMs())
	case "segment.jitter.ms":
		return longValue(t.broker.RollJitterMs())
	case "flush.ms":
		return longValue(t.broker.FlushMs())
	}
	if k.Synonym != "" {
		return t.broker.get(k.Synonym)
	}
	return k.def
}

func longValue(n int64) value {
	return value{num: n, real: float64(n), text: fmt.Sprint(n)}
}

// Text returns a key's value as Kafka shows it, and false if it is null.
func (t TopicConfig) Text(name string) (string, bool) {
	v := t.get(name)
	return v.text, !v.null
}

// Int64 returns an int or long.
func (t TopicConfig) Int64(name string) int64 { return t.get(name).num }

// Int returns an int.
func (t TopicConfig) Int(name string) int { return int(t.get(name).num) }

// Float64 returns a double.
func (t TopicConfig) Float64(name string) float64 { return t.get(name).real }

// Bool returns a boolean.
func (t TopicConfig) Bool(name string) bool { return t.get(name).yes }

// String returns a string.
func (t TopicConfig) String(name string) string { return t.get(name).text }

// List returns a list; the slice is shared: read only.
func (t TopicConfig) List(name string) []string { return t.get(name).list }

// Duration returns a key that counts milliseconds.
func (t TopicConfig) Duration(name string) time.Duration { return milliseconds(t.Int64(name)) }

// Synonyms lists every setting of a topic key in order of precedence: the topic's own, then the broker key's.
func (t TopicConfig) Synonyms(name string) []Synonym {
	var all []Synonym
	if v, ok := t.values[name]; ok {
		all = append(all, Synonym{Name: name, Value: v.text, Source: DynamicTopic})
	}
	if k := TopicTable().Lookup(name); k.Synonym != "" {
		all = append(all, t.broker.Synonyms(k.Synonym)...)
	}
	return all
}

// KafkaMessage is what Kafka answers for an error of [Config.Topic]: the first that it would find, unknown names before
// values. bad reports whether that is about a value.
func KafkaMessage(err error) (text string, bad bool) {
	if u, ok := errors.AsType[*UnknownKeyError](err); ok {
		return "Unknown topic config name: " + u.Key, false
	}
	if v, ok := errors.AsType[*ValueError](err); ok {
		return v.KafkaMessage(), true
	}
	text, _, _ = strings.Cut(err.Error(), "\n")
	return text, false
}
