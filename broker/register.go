package broker

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"klab/broker/config"
	"klab/broker/controller"
	"klab/coordinator/znode"
)

// advertised is what other brokers and clients are told: advertised.listeners with the ports that were really bound.
func (b *Broker) advertised() ([]znode.Endpoint, error) {
	configured, err := b.cfg.AdvertisedListeners()
	if err != nil {
		return nil, err
	}
	var all []znode.Endpoint
	for _, e := range configured {
		host, port := e.Host, e.Port
		if host == "" {
			if host, err = os.Hostname(); err != nil {
				return nil, fmt.Errorf("cannot advertise listener %s: %w; set advertised.listeners", e.Listener, err)
			}
		}
		if port == 0 {
			_, bound, err := net.SplitHostPort(b.server.Addr(e.Listener).String())
			if err != nil {
				return nil, fmt.Errorf("cannot advertise listener %s: %w", e.Listener, err)
			}
			port, _ = strconv.Atoi(bound)
		}
		all = append(all, znode.Endpoint{Listener: e.Listener, SecurityProtocol: e.Protocol, Host: host, Port: int32(port)})
	}
	return all, nil
}

// register makes the broker visible under /brokers/ids and notes its epoch: at the start, and again after the session
// expired. At the start Kafka refuses what a live broker advertises too.
func (b *Broker) register(ctx context.Context) error {
	endpoints, err := b.advertised()
	if err != nil {
		return err
	}
	me := znode.Broker{
		ID:        b.id,
		Endpoints: endpoints,
		Rack:      b.cfg.String("broker.rack"),
		JMXPort:   -1,
		Timestamp: b.opt.Clock().UnixMilli(),
	}
	if b.epoch.Load() < 0 { // the start
		if err := controller.CheckEndpoints(ctx, b.zk, me); err != nil {
			return err
		}
	}
	epoch, err := controller.Register(ctx, b.zk, me)
	if err != nil {
		return err
	}
	b.epoch.Store(epoch)
	return nil
}

// splitComma is a comma-separated list without blanks and empty parts.
func splitComma(s string) []string {
	var parts []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// checkServed refuses listeners with a security protocol that this broker does not speak.
func checkServed(endpoints []config.Endpoint) error {
	for _, e := range endpoints {
		if e.Protocol != "PLAINTEXT" {
			return fmt.Errorf("cannot serve listener %s: it asks for %s, and only PLAINTEXT is served", e.Listener, e.Protocol)
		}
	}
	return nil
}
