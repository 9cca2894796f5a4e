package config

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Source says where a value comes from, numbered as DescribeConfigs reports it (KIP-226).
type Source int8

const (
	DynamicTopic         Source = 1
	DynamicBroker        Source = 2 // /config/brokers/<id>
	DynamicDefaultBroker Source = 3 // /config/brokers/<default>
	StaticBroker         Source = 4 // the properties the broker was started with
	Default              Source = 5
)

var sourceNames = [...]string{"unknown", "topic", "broker", "cluster", "static", "default"}

func (s Source) String() string { return sourceNames[s] }

// Config is the configuration of one broker. Safe for concurrent use.
//
// The typed readers panic for a name that is not in the table or has another type: that is a mistake in the program.
type Config struct {
	now     atomic.Pointer[view]
	mu      sync.Mutex // one writer of now at a time
	unknown []string
	bound   []Endpoint // the listeners that it was loaded with
}

// view is one immutable state of the configuration.
type view struct {
	layers [StaticBroker + 1]map[string]string // indexed by Source; only the three of a broker are used
	values map[string]value                    // the effective value of every name that some layer sets and whose type is known
}

// Load reads Kafka's property names. A value of the wrong type or range and a combination that Kafka refuses are errors;
// all of them are reported together. Unknown keys have no effect and are listed by [Config.Unknown]; like Kafka's, they are kept
// for who describes the configuration.
func Load(props map[string]string) (*Config, error) {
	c := new(Config)
	static := make(map[string]string, len(props))
	for name, text := range props {
		static[name] = text
		if BrokerTable().lookupPrefixed(name) == nil {
			c.unknown = append(c.unknown, name)
		}
	}
	slices.Sort(c.unknown)
	sameID(static)
	v := &view{}
	v.layers[StaticBroker] = static
	if err := errors.Join(v.resolve()...); err != nil {
		return nil, err
	}
	c.now.Store(v)
	if err := c.checkRules(); err != nil {
		return nil, err
	}
	c.bound, _ = c.Listeners() // checkRules has read them
	return c, nil
}

// sameID gives broker.id and node.id, KRaft's name for it, the value that one of them has.
func sameID(static map[string]string) {
	broker, node := static["broker.id"], static["node.id"]
	switch {
	case broker == "" && node != "":
		static["broker.id"] = node
	case node == "" && broker != "":
		static["node.id"] = broker
	}
}

// LoadStrict is [Load] with unknown keys as errors that name the nearest known key.
func LoadStrict(props map[string]string) (*Config, error) {
	c, err := Load(props)
	if err != nil || len(c.unknown) == 0 {
		return c, err
	}
	errs := make([]error, len(c.unknown))
	for i, name := range c.unknown {
		errs[i] = &UnknownKeyError{Key: name, Nearest: BrokerTable().Nearest(name)}
	}
	return nil, errors.Join(errs...)
}

// Unknown returns the keys given to [Load] that nothing here knows, sorted.
func (c *Config) Unknown() []string { return c.unknown }

// lookupPrefixed also finds listener.name.<listener>.<key>, and a SASL mechanism before the key (KIP-103, KIP-402).
func (t *Table) lookupPrefixed(name string) *Key {
	if k := t.Lookup(name); k != nil {
		return k
	}
	rest, ok := strings.CutPrefix(name, "listener.name.")
	for ok {
		if _, rest, ok = strings.Cut(rest, "."); ok {
			if k := t.Lookup(rest); k != nil {
				return k
			}
		}
	}
	return nil
}

// resolve computes the effective values, the most specific layer winning.
func (v *view) resolve() (errs []error) {
	v.values = make(map[string]value)
	for src := StaticBroker; src >= DynamicBroker; src-- {
		for _, name := range slices.Sorted(maps.Keys(v.layers[src])) {
			k := BrokerTable().lookupPrefixed(name)
			if k == nil { // a quota, or nobody knows what
				continue
			}
			parsed, err := k.parse(v.layers[src][name])
			if err != nil {
				errs = append(errs, err)
				continue
			}
			v.values[name] = parsed
		}
	}
	return errs
}

// SetDynamic replaces a dynamic layer (src is [DynamicBroker] or [DynamicDefaultBroker]) by what ZooKeeper holds and
// returns the names whose effective value changed, sorted. What cannot be dynamic or is not valid is left out and told by the
// error, as Kafka keeps running on a bad /config/brokers node; what makes a configuration that Kafka would not run with is not
// taken at all.
func (c *Config) SetDynamic(src Source, props map[string]string) (changed []string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	layer, errs := dynamicLayer(src, props)
	errs = append(errs, c.dropUnusableListeners(src, layer)...)
	next := c.with(src, layer)
	if err := next.checkRules(); err != nil {
		return nil, errors.Join(append(errs, fmt.Errorf("the dynamic configuration stays as it was: %w", err))...)
	}
	old, now := c.now.Load(), next.now.Load()
	c.now.Store(now)
	return now.differing(old, src), errors.Join(errs...)
}

// with is the configuration that another dynamic layer would make.
func (c *Config) with(src Source, layer map[string]string) *Config {
	v := &view{layers: c.now.Load().layers}
	v.layers[src] = layer
	v.resolve() // every layer was checked when it came in
	next := &Config{bound: c.bound}
	next.now.Store(v)
	return next
}

// differing lists the keys with another effective value than in old, and the names outside of the table that the layer src has
// otherwise.
func (v *view) differing(old *view, src Source) (names []string) {
	for _, k := range BrokerTable().Keys() {
		if was, is := old.get(&k), v.get(&k); was.text != is.text || was.null != is.null {
			names = append(names, k.Name)
		}
	}
	for _, name := range others(old.layers[src], v.layers[src]) {
		was, before := old.layers[src][name]
		if is, now := v.layers[src][name]; is != was || now != before {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// others are the names of some layers that the table does not have, sorted.
func others(layers ...map[string]string) (names []string) {
	for _, layer := range layers {
		for name := range layer {
			if BrokerTable().Lookup(name) == nil {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Others lists the names that some layer has and the table has not, sorted: quotas, a listener's own settings, and what is known
// to nobody here. [Other] describes them.
func (c *Config) Others() []string { return others(c.now.Load().layers[DynamicBroker:]...) }

func dynamicLayer(src Source, props map[string]string) (layer map[string]string, errs []error) {
	layer = make(map[string]string, len(props))
	for _, name := range slices.Sorted(maps.Keys(props)) {
		k := BrokerTable().lookupPrefixed(name)
		switch {
		case IsQuota(name):
			if err := checkType(name, props[name]); err != nil {
				errs = append(errs, err)
				continue
			}
			layer[name] = props[name]
		case k == nil: // a plug-in's, for all that Kafka knows
			layer[name] = props[name]
		case k.Dynamic == Static, src == DynamicDefaultBroker && k.Dynamic == PerBroker:
			errs = append(errs, fmt.Errorf("cannot change %s while the broker runs: it is not dynamic at this level", name))
		default:
			if _, err := k.parse(props[name]); err != nil {
				errs = append(errs, err)
				continue
			}
			layer[name] = props[name]
		}
	}
	return layer, errs
}

func (v *view) get(k *Key) value {
	if got, ok := v.values[k.Name]; ok {
		return got
	}
	return k.def
}

func (c *Config) get(name string, types ...Type) value {
	k := BrokerTable().Lookup(name)
	if k == nil {
		panic("config: no broker configuration is named " + name)
	}
	if len(types) > 0 && !slices.Contains(types, k.Type) {
		panic(fmt.Sprintf("config: %s is of type %v", name, k.Type))
	}
	return c.now.Load().get(k)
}

// Int returns an int or short; 0 if it is null.
func (c *Config) Int(name string) int { return int(c.get(name, Int, Short).num) }

// Int64 returns a long, int or short; 0 if it is null.
func (c *Config) Int64(name string) int64 { return c.get(name, Long, Int, Short).num }

// ListenerInt is [Config.Int] for one listener: what listener.name.<listener>.<name> says, else name itself (KIP-612).
func (c *Config) ListenerInt(listener, name string) int {
	if v, ok := c.now.Load().values["listener.name."+strings.ToLower(listener)+"."+name]; ok {
		return int(v.num)
	}
	return c.Int(name)
}

// Float returns a double.
func (c *Config) Float(name string) float64 { return c.get(name, Double).real }

// Bool returns a boolean.
func (c *Config) Bool(name string) bool { return c.get(name, Boolean).yes }

// String returns a string, class or password; "" if it is null.
func (c *Config) String(name string) string { return c.get(name, String, Class, Password).text }

// List returns a list; the slice is shared: read only.
func (c *Config) List(name string) []string { return c.get(name, List).list }

// IsNull reports whether the key has no value at all.
func (c *Config) IsNull(name string) bool { return c.get(name).null }

// Duration returns a key that counts milliseconds (its name ends in .ms). The longest durations saturate.
func (c *Config) Duration(name string) time.Duration { return milliseconds(c.Int64(name)) }

// Text returns any key's value as Kafka shows it, and false if it is null.
func (c *Config) Text(name string) (string, bool) {
	v := c.get(name)
	return v.text, !v.null
}

func milliseconds(n int64) time.Duration {
	if n > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

// Source says which layer gives the key its value.
func (c *Config) Source(name string) Source {
	v := c.now.Load()
	for src := DynamicBroker; src <= StaticBroker; src++ {
		if _, ok := v.layers[src][name]; ok {
			return src
		}
	}
	return Default
}

// Properties returns a copy of one layer as it was given.
func (c *Config) Properties(src Source) map[string]string {
	return maps.Clone(c.now.Load().layers[src])
}
