package config

import (
	"errors"
	"fmt"
	"slices"
)

// checkRules holds what Kafka checks beyond single values (kafka-formats F.1, "Validation beyond ranges").
func (c *Config) checkRules() error {
	return errors.Join(
		c.checkIdentity(),
		c.checkListeners(),
		c.checkReplication(),
		c.checkLimits(),
	)
}

func (c *Config) checkIdentity() error {
	if c.String("zookeeper.connect") == "" {
		return errors.New("cannot use this configuration: zookeeper.connect is missing; set it to host:port of ZooKeeper")
	}
	id, reserved := c.Int("broker.id"), c.Int("reserved.broker.max.id")
	switch generated := c.Bool("broker.id.generation.enable"); {
	case id < -1, id < 0 && !generated:
		return &ValueError{"broker.id", fmt.Sprint(id), "must be 0 or more, or -1 with broker.id.generation.enable = true"}
	case generated && id > reserved:
		return &ValueError{"broker.id", fmt.Sprint(id), fmt.Sprintf("must be at most reserved.broker.max.id (%d) unless broker.id.generation.enable = false", reserved)}
	}
	return nil
}

func (c *Config) checkListeners() error {
	bound, err := c.Listeners()
	if err != nil {
		return err
	}
	advertised, err := c.AdvertisedListeners()
	if err != nil {
		return err
	}
	if err := checkBound(bound); err != nil {
		return err
	}
	named := func(name string) func(Endpoint) bool { return func(e Endpoint) bool { return e.Listener == name } }
	for _, e := range advertised {
		if e.Host == "0.0.0.0" {
			return &ValueError{"advertised.listeners", e.String(), "0.0.0.0 is no address that a client could reach; advertise a host name or address"}
		}
		if !slices.ContainsFunc(bound, named(e.Listener)) {
			return &ValueError{"advertised.listeners", e.String(), "no listener of that name is in listeners"}
		}
	}
	if name := c.InterBrokerListener(); !slices.ContainsFunc(advertised, named(name)) {
		return &ValueError{"inter.broker.listener.name", name, "the inter-broker listener must be one of the advertised listeners"}
	}
	return nil
}

// checkBound allows one port twice only for an IPv4 and an IPv6 address (KIP-797); here simply for different hosts.
func checkBound(bound []Endpoint) error {
	for i, e := range bound {
		for _, f := range bound[:i] {
			if e.Listener == f.Listener && e.Port == f.Port && e.Host == f.Host || e.Port != 0 && e.Port == f.Port && e.Host == f.Host {
				return &ValueError{"listeners", e.String(), "each listener needs its own port and name"}
			}
		}
	}
	return nil
}

func (c *Config) checkReplication() error {
	wait := c.Int64("replica.fetch.wait.max.ms")
	for _, upper := range []string{"replica.socket.timeout.ms", "replica.lag.time.max.ms"} {
		if wait > c.Int64(upper) {
			return &ValueError{"replica.fetch.wait.max.ms", fmt.Sprint(wait), fmt.Sprintf("must be at most %s (%d)", upper, c.Int64(upper))}
		}
	}
	if acks, rf := c.Int("offsets.commit.required.acks"), c.Int("offsets.topic.replication.factor"); acks < -1 || acks > rf {
		return &ValueError{"offsets.commit.required.acks", fmt.Sprint(acks), "must be from -1 to offsets.topic.replication.factor"}
	}
	return nil
}

func (c *Config) checkLimits() error {
	if n := c.Int64("queued.max.request.bytes"); n > 0 && n < c.Int64("socket.request.max.bytes") {
		return &ValueError{"queued.max.request.bytes", fmt.Sprint(n), "must be at least socket.request.max.bytes, or -1 for no limit"}
	}
	threads := max(c.Int64("log.cleaner.threads"), 1)
	if n := c.Int64("log.cleaner.dedupe.buffer.size"); n/threads <= 1<<20 {
		return &ValueError{"log.cleaner.dedupe.buffer.size", fmt.Sprint(n), "must be more than 1 MiB per log.cleaner.threads"}
	}
	return nil
}
