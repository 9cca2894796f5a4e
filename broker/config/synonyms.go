package config

import (
	"slices"
	"time"
)

// Synonym is one of the settings that could give a configuration its value, the first being the one that does.
type Synonym struct {
	Name   string
	Value  string
	Source Source
}

// timeKeys are the families of keys that set one time in several units, the finest first (kafka-formats F).
var timeKeys = [...][]string{
	{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
	{"log.roll.ms", "log.roll.hours"},
	{"log.roll.jitter.ms", "log.roll.jitter.hours"},
	{"log.flush.interval.ms", "log.flush.scheduler.interval.ms"},
}

// family are the names that could give name its value, in order of precedence. A listener's own setting falls back to that of
// all listeners.
func family(name string) []string {
	if k := BrokerTable().lookupPrefixed(name); k != nil && k.Name != name {
		return []string{name, k.Name}
	}
	for _, keys := range timeKeys {
		for _, k := range keys {
			// The flush scheduler's own interval is only ever a fallback for the other.
			if k == name && k != "log.flush.scheduler.interval.ms" {
				return keys
			}
		}
	}
	return []string{name}
}

// Synonyms lists every setting of a broker key in order of precedence (KIP-226). As in Kafka the list starts at the key
// itself: what another unit of the same time would have given is left out.
func (c *Config) Synonyms(name string) []Synonym {
	v := c.now.Load()
	names := family(name)
	var all []Synonym
	add := func(n, text string, src Source) {
		if len(all) > 0 || n == name {
			all = append(all, Synonym{Name: n, Value: text, Source: src})
		}
	}
	for src := DynamicBroker; src <= StaticBroker; src++ {
		for _, n := range names {
			if text, ok := v.layers[src][n]; ok {
				add(n, text, src)
			}
		}
	}
	for _, n := range names {
		if k := BrokerTable().Lookup(n); k != nil && !k.def.null {
			add(n, k.def.text, Default)
		}
	}
	return all
}

// RetentionMs is the broker's retention time in ms, -1 for unlimited, from the finest unit that is set.
func (c *Config) RetentionMs() int64 {
	n := c.finest(timeKeys[0], []time.Duration{time.Millisecond, time.Minute, time.Hour})
	return max(n, -1) // any negative number of minutes or hours is unlimited too
}

// RollMs is the age in ms at which a segment rolls.
func (c *Config) RollMs() int64 {
	return c.finest(timeKeys[1], []time.Duration{time.Millisecond, time.Hour})
}

// RollJitterMs is the most that is taken from RollMs at random, per segment.
func (c *Config) RollJitterMs() int64 {
	return c.finest(timeKeys[2], []time.Duration{time.Millisecond, time.Hour})
}

// FlushMs is the time in ms after which appended data is flushed to disk.
func (c *Config) FlushMs() int64 {
	return c.finest(timeKeys[3], []time.Duration{time.Millisecond, time.Millisecond})
}

// finest returns the first of the names that is not null, in ms.
func (c *Config) finest(names []string, units []time.Duration) int64 {
	name := c.givenBy(names)
	return c.Int64(name) * units[slices.Index(names, name)].Milliseconds()
}

// givenBy is the first of the names that is not null, else the last.
func (c *Config) givenBy(names []string) string {
	for _, name := range names {
		if !c.IsNull(name) {
			return name
		}
	}
	return names[len(names)-1]
}
