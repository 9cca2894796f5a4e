package config

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Type is a configuration's type, numbered as DescribeConfigs reports it (KIP-569).
type Type int8

const (
	unknownType Type = iota
	Boolean
	String
	Int
	Short
	Long
	Double
	List
	Class
	Password
)

var typeNames = [...]string{"unknown", "boolean", "string", "int", "short", "long", "double", "list", "class", "password"}

func (t Type) String() string { return typeNames[t] }

// Dynamic says who may change a key while the broker runs (KIP-226).
type Dynamic byte

const (
	Static      Dynamic = '-' // only by a restart
	PerBroker   Dynamic = 'B' // in /config/brokers/<id> only
	ClusterWide Dynamic = 'C' // also in /config/brokers/<default>
)

// Key is one configuration that Kafka defines.
type Key struct {
	Name    string
	Type    Type
	Dynamic Dynamic
	// Unused marks a key that is accepted and described, and that this broker does nothing with: it belongs to the JVM, to
	// KRaft, or to a plug-in written in Java.
	Unused bool
	// Internal keys are accepted, and described only where they are set.
	Internal bool
	// Synonym is, for a topic key, the broker key that gives it its value when the topic has none; else empty.
	Synonym string

	def   value
	valid valid
}

// Default returns the key's default and false if that is null.
func (k *Key) Default() (string, bool) { return k.def.text, !k.def.null }

// Sensitive values are never shown: passwords, and what nobody knows the type of ([Other]).
func (k *Key) Sensitive() bool { return k.Type == Password || k.Type == unknownType }

// Sensitive reports whether the values of that name are secret, also with a listener's prefix.
func (t *Table) Sensitive(name string) bool {
	k := t.lookupPrefixed(name)
	return k != nil && k.Sensitive()
}

// Other is what is known of a name that the broker table does not have: a quota, a listener's own setting, or nothing. Kafka
// calls all of them read-only.
func Other(name string) *Key {
	k := &Key{Name: name, Dynamic: Static}
	if base := BrokerTable().lookupPrefixed(name); base != nil {
		k.Type = base.Type
	} else if IsQuota(name) {
		k.Type = Long
	}
	return k
}

// Table is a set of keys, in the order of their names.
type Table struct {
	keys   []Key
	byName map[string]*Key
}

// Lookup returns the key of that name, or nil.
func (t *Table) Lookup(name string) *Key { return t.byName[name] }

// Keys returns all keys in the order of their names. The slice is shared: read only.
func (t *Table) Keys() []Key { return t.keys }

//go:embed broker.tsv
var brokerTSV string

//go:embed topic.tsv
var topicTSV string

// BrokerTable returns the broker keys (Kafka 3.9's KafkaConfig), TopicTable the topic keys (its LogConfig).
var (
	BrokerTable = sync.OnceValue(func() *Table { return parseTable(brokerTSV, parseBrokerRow) })
	TopicTable  = sync.OnceValue(func() *Table { return parseTable(topicTSV, parseTopicRow) })
)

func parseTable(tsv string, parse func(cols []string) Key) *Table {
	n := strings.Count(tsv, "\n")
	t := &Table{keys: make([]Key, 0, n), byName: make(map[string]*Key, n)}
	for line := range strings.Lines(tsv) {
		t.keys = append(t.keys, parse(strings.Split(strings.TrimSuffix(line, "\n"), "\t")))
	}
	for i := range t.keys {
		t.byName[t.keys[i].Name] = &t.keys[i]
	}
	return t
}

// parseBrokerRow reads: name, type, default, valid, dynamic, flags.
func parseBrokerRow(cols []string) Key {
	k := parseKey(cols)
	k.Dynamic = Dynamic(cols[4][0])
	k.Unused = strings.Contains(cols[5], "unused")
	k.Internal = strings.Contains(cols[5], "internal")
	return k
}

// parseTopicRow reads: name, type, default, valid, broker synonym.
func parseTopicRow(cols []string) Key {
	k := parseKey(cols)
	k.Dynamic = ClusterWide
	if cols[4] != "-" {
		k.Synonym = cols[4]
	}
	return k
}

// parseKey reads the columns both tables share. A row that does not parse is a broken build, so it panics.
func parseKey(cols []string) Key {
	typ := slices.Index(typeNames[:], cols[1])
	if typ <= 0 {
		panic("config table: " + cols[0] + " has the unknown type " + cols[1])
	}
	k := Key{Name: cols[0], Type: Type(typ), valid: parseValid(cols[3])}
	k.valid.name = k.Name
	switch cols[2] {
	case "-":
		k.def = value{null: true}
	case `""`:
		k.def = value{}
	default:
		v, reason := parseValue(k.Type, cols[2])
		if reason != "" {
			panic("config table: the default of " + k.Name + ": " + reason)
		}
		k.def = v
	}
	return k
}

// valid is what a value must satisfy beyond its type.
type valid struct {
	ranged     bool
	hasMax     bool
	min, max   float64
	also       string // a further literal that is allowed outside the range
	oneOf      []string
	release    bool // a Kafka release or metadata version
	name       string
	replicaSet bool // "*" or partition:broker pairs (KIP-73)
}

func parseValid(s string) valid {
	switch s {
	case "":
		return valid{}
	case "release":
		return valid{release: true}
	case "replicas":
		return valid{replicaSet: true}
	}
	low, high, ranged := strings.Cut(s, "..")
	if !ranged {
		return valid{oneOf: strings.Split(s, ",")}
	}
	v := valid{ranged: true}
	high, v.also, _ = strings.Cut(high, "|")
	v.min, _ = strconv.ParseFloat(low, 64)
	if high != "" {
		v.hasMax = true
		v.max, _ = strconv.ParseFloat(high, 64)
	}
	return v
}
