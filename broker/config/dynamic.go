package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// This file checks what a person wants to change while the broker runs, in Kafka's order and words (KIP-226).

// Quota keys of a broker live in its dynamic configuration and nowhere else: no static property, no description (KIP-73).
const (
	LeaderThrottledRate   = "leader.replication.throttled.rate"
	FollowerThrottledRate = "follower.replication.throttled.rate"
	AlterLogDirsRate      = "replica.alter.log.dirs.io.max.bytes.per.second"
)

// securityKeys may be changed for one listener only, with the prefix listener.name.<listener>.
var securityKeys = []string{
	"ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.password", "ssl.key.password", "ssl.keystore.key", "ssl.keystore.certificate.chain",
	"ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.password", "ssl.truststore.certificates",
}

// threadKeys may be halved or doubled at once, not more.
var threadKeys = []string{"background.threads", "num.io.threads", "num.network.threads", "num.recovery.threads.per.data.dir", "num.replica.fetchers"}

// IsQuota reports whether a dynamic key is a rate of KIP-73: bytes a second, no limit when absent.
func IsQuota(name string) bool {
	return name == LeaderThrottledRate || name == FollowerThrottledRate || name == AlterLogDirsRate
}

// CheckDynamic says why a dynamic layer may not become props, in the words of Kafka's INVALID_REQUEST answer, or nil. src
// is [DynamicBroker] or [DynamicDefaultBroker]. Keys that nobody knows are allowed: plug-ins may have their own.
func (c *Config) CheckDynamic(src Source, props map[string]string) error {
	names := slices.Sorted(maps.Keys(props))
	if bad := only(names, isStatic); bad != "" {
		return kafkaSays("Cannot update these configs dynamically: Set(%s)", bad)
	}
	if bad := only(names, func(n string) bool { return slices.Contains(securityKeys, n) }); bad != "" {
		return kafkaSays("These security configs can be dynamically updated only per-listener using the listener prefix: HashSet(%s)", bad)
	}
	for _, name := range names {
		if err := checkType(name, props[name]); err != nil {
			return err
		}
	}
	if bad := only(names, isPerBroker); src == DynamicDefaultBroker && bad != "" {
		return kafkaSays("Cannot update these configs at default cluster level, broker id must be specified: Set(%s)", bad)
	}
	layer, _ := dynamicLayer(src, props)
	next := c.with(src, layer)
	if err := next.checkRules(); err != nil {
		return inKafkasWords(err)
	}
	return inKafkasWords(errors.Join(c.checkSameListeners(next), c.checkSameProtocols(next), c.checkThreads(next), c.checkConnections(next)))
}

// inKafkasWords is the first fault as Kafka would tell it.
func inKafkasWords(err error) error {
	if v, ok := errors.AsType[*ValueError](err); ok {
		return &ChangeError{v}
	}
	return err
}

// refusal is an error whose text clients see, as they would from Kafka.
type refusal string

func (r refusal) Error() string { return string(r) }

func kafkaSays(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// only joins the names that satisfy is, as a Scala set shows them.
func only(names []string, is func(string) bool) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !is(n) }), ", ")
}

func isStatic(name string) bool {
	k := BrokerTable().Lookup(name)
	return k != nil && k.Dynamic == Static
}

func isPerBroker(name string) bool {
	k := BrokerTable().lookupPrefixed(name)
	return k != nil && (k.Dynamic == PerBroker || k.Name != name && !slices.Contains(clusterListenerKeys, k.Name))
}

// clusterListenerKeys may have a listener's prefix at the cluster's level too.
var clusterListenerKeys = []string{"max.connections", "max.connection.creation.rate", "num.network.threads"}

func checkType(name, text string) error {
	if IsQuota(name) {
		n, reason := parseValue(Long, text)
		if reason == "" && n.num < 0 {
			reason = "Value must be at least 0"
		}
		if reason != "" {
			return &ChangeError{&ValueError{Key: name, Value: text, Reason: reason}}
		}
		return nil
	}
	k := BrokerTable().lookupPrefixed(name)
	if k == nil {
		return nil
	}
	_, err := k.parse(text)
	return inKafkasWords(err)
}

// ChangeError is a [ValueError] in Kafka's words.
type ChangeError struct{ *ValueError }

func (e *ChangeError) Error() string { return e.KafkaMessage() }

// reconfigurationFails is what Kafka says when a part of the broker does not take a change.
func reconfigurationFails(format string, args ...any) error {
	return kafkaSays("Invalid value org.apache.kafka.common.config.ConfigException: %s for configuration Invalid dynamic configuration",
		fmt.Sprintf(format, args...))
}

// checkConnections refuses to let no connection in at a listener.
func (c *Config) checkConnections(next *Config) error {
	for _, e := range c.bound {
		for _, name := range []string{"max.connections", "max.connection.creation.rate"} {
			if was, is := c.ListenerInt(e.Listener, name), next.ListenerInt(e.Listener, name); is <= 0 && is != was {
				return reconfigurationFails("Invalid %s %d", name, is)
			}
		}
	}
	return nil
}

// checkThreads compares the numbers of threads with those of now.
func (c *Config) checkThreads(next *Config) error {
	for _, name := range threadKeys {
		was, is := c.Int(name), next.Int(name)
		why := ""
		switch {
		case is == was:
		case is <= 0:
			why = "value should be at least 1"
		case is < was/2:
			why = fmt.Sprintf("value should be at least half the current value %d", was)
		case is > 2*was:
			why = fmt.Sprintf("value should not be greater than double the current value %d", was)
		}
		if why != "" {
			return reconfigurationFails("Dynamic thread count update validation failed for %s=%d, %s", name, is, why)
		}
	}
	switch was, is := c.Int("log.cleaner.threads"), next.Int("log.cleaner.threads"); {
	case is < 1:
		return reconfigurationFails("Log cleaner threads should be at least 1")
	case is < was/2:
		return reconfigurationFails("Log cleaner threads cannot be reduced to less than half the current value %d", was)
	case is > 2*was:
		return reconfigurationFails("Log cleaner threads cannot be increased to more than double the current value %d", was)
	}
	return nil
}

// Quota is a rate of KIP-73 in bytes a second; false when there is no limit.
func (c *Config) Quota(name string) (int64, bool) {
	v := c.now.Load()
	for src := DynamicBroker; src <= DynamicDefaultBroker; src++ {
		if text, ok := v.layers[src][name]; ok {
			n, reason := parseValue(Long, text)
			return n.num, reason == ""
		}
	}
	return 0, false
}
