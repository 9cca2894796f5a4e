package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkRules holds what Kafka checks beyond single values (kafka-formats F.1, "Validation beyond ranges"): of what a broker is
// started with, and of what a dynamic change would make of it. What is broken is told as [*ValueError].
func (c *Config) checkRules() error {
	return errors.Join(
		c.checkIdentity(),
		c.checkTimes(),
		c.checkListeners(),
		c.checkReplication(),
		c.checkLimits(),
	)
}

func (c *Config) checkIdentity() error {
	if c.String("zookeeper.connect") == "" {
		return errors.New("cannot use this configuration: zookeeper.connect is missing; set it to host:port of ZooKeeper")
	}
	if broker, node := c.Int("broker.id"), c.Int("node.id"); broker != node {
		return &ValueError{Key: "node.id", Value: fmt.Sprint(node), Reason: fmt.Sprintf("must be the same as broker.id (%d), of which it is another name", broker)}
	}
	id, reserved := c.Int("broker.id"), c.Int("reserved.broker.max.id")
	switch generated := c.Bool("broker.id.generation.enable"); {
	case id < -1, id < 0 && !generated:
		return &ValueError{Key: "broker.id", Value: fmt.Sprint(id), Reason: "must be 0 or more, or -1 with broker.id.generation.enable = true"}
	case generated && id > reserved:
		return &ValueError{Key: "broker.id", Value: fmt.Sprint(id), Reason: fmt.Sprintf("must be at most reserved.broker.max.id (%d) unless broker.id.generation.enable = false", reserved)}
	}
	return nil
}

// checkTimes requires of each time what Kafka does, and names the unit that gave it.
func (c *Config) checkTimes() error {
	must := func(family []string, ok bool, reason, kafka string) error {
		if ok {
			return nil
		}
		name := c.givenBy(family)
		text, _ := c.Text(name)
		return required(name, text, reason, kafka)
	}
	retention := c.RetentionMs()
	return errors.Join(
		must(timeKeys[1], c.RollMs() >= 1, "must be at least 1", "log.roll.ms must be greater than or equal to 1"),
		must(timeKeys[2], c.RollJitterMs() >= 0, "must be at least 0", "log.roll.jitter.ms must be greater than or equal to 0"),
		must(timeKeys[0], retention >= 1 || retention == -1, "must be -1 (unlimited) or at least 1",
			"log.retention.ms must be unlimited (-1) or, greater than or equal to 1"),
	)
}

func (c *Config) checkReplication() error {
	wait := c.Int64("replica.fetch.wait.max.ms")
	for _, upper := range []string{"replica.socket.timeout.ms", "replica.lag.time.max.ms"} {
		if wait > c.Int64(upper) {
			return &ValueError{Key: "replica.fetch.wait.max.ms", Value: fmt.Sprint(wait), Reason: fmt.Sprintf("must be at most %s (%d)", upper, c.Int64(upper))}
		}
	}
	if acks, rf := c.Int("offsets.commit.required.acks"), c.Int("offsets.topic.replication.factor"); acks < -1 || acks > rf {
		return &ValueError{Key: "offsets.commit.required.acks", Value: fmt.Sprint(acks), Reason: "must be from -1 to offsets.topic.replication.factor"}
	}
	return nil
}

func (c *Config) checkLimits() error {
	if n := c.Int64("queued.max.request.bytes"); n > 0 && n < c.Int64("socket.request.max.bytes") {
		return &ValueError{Key: "queued.max.request.bytes", Value: fmt.Sprint(n), Reason: "must be at least socket.request.max.bytes, or -1 for no limit"}
	}
	threads := max(c.Int64("log.cleaner.threads"), 1)
	if n := c.Int64("log.cleaner.dedupe.buffer.size"); n/threads <= 1<<20 {
		return required("log.cleaner.dedupe.buffer.size", fmt.Sprint(n), "must be more than 1 MiB per log.cleaner.threads",
			"log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.")
	}
	return c.checkPerIP()
}

const perIPOverrides = "max.connections.per.ip.overrides"

// checkPerIP checks max.connections.per.ip and its overrides.
func (c *Config) checkPerIP() error {
	overrides, err := c.PerIPOverrides()
	if err != nil {
		return err
	}
	if c.Int("max.connections.per.ip") == 0 && len(overrides) == 0 {
		return required("max.connections.per.ip", "0", "would let nobody in; set "+perIPOverrides+" too",
			"max.connections.per.ip can be set to zero only if "+perIPOverrides+" property is set.")
	}
	for _, host := range slices.Sorted(maps.Keys(overrides)) {
		if strings.ContainsFunc(host, func(r rune) bool { return !isHostRune(r) }) {
			return &ValueError{Key: perIPOverrides, Value: c.String(perIPOverrides), Reason: host + " is no host name or address",
				kafka: perIPOverrides + " contains invalid addresses : " + host}
		}
	}
	return nil
}

// isHostRune are the characters of host names and addresses: brackets are none.
func isHostRune(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("-%._:", r)
}

// PerIPOverrides reads max.connections.per.ip.overrides, which is host:count, comma-separated: how many connections each host may
// have.
func (c *Config) PerIPOverrides() (map[string]int, error) {
	of := make(map[string]int)
	bad := func(pair, kafka string) error {
		return &ValueError{Key: perIPOverrides, Value: pair, Reason: "must be host:count", kafka: "Error parsing configuration property '" + perIPOverrides + "': " + kafka}
	}
	for _, pair := range splitList(c.String(perIPOverrides)) {
		colon := strings.LastIndexByte(pair, ':')
		if colon < 0 {
			return nil, bad(pair, fmt.Sprintf("begin 0, end -1, length %d", len(pair)))
		}
		count := strings.TrimSpace(pair[colon+1:])
		n, reason := parseValue(Int, count)
		if reason != "" || n.num < 0 {
			return nil, bad(pair, fmt.Sprintf("For input string: %q", count))
		}
		of[strings.TrimSpace(pair[:colon])] = int(n.num)
	}
	return of, nil
}

// required is a rule of Kafka's that does not hold, with Kafka's words for clients.
func required(key, value, reason, kafka string) error {
	return &ValueError{Key: key, Value: value, Reason: reason, kafka: "requirement failed: " + kafka}
}
