package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"klab/broker/config"
	"klab/broker/controller"
	"klab/coordinator/session"
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
			if port, err = b.boundPort(e.Listener); err != nil {
				return nil, err
			}
		}
		all = append(all, znode.Endpoint{Listener: e.Listener, SecurityProtocol: e.Protocol, Host: host, Port: int32(port)})
	}
	return all, nil
}

// boundPort is the port that a listener really got.
func (b *Broker) boundPort(listener string) (int, error) {
	addr := b.server.Addr(listener)
	if addr == nil {
		return 0, fmt.Errorf("cannot advertise listener %s: nothing is bound to it; correct advertised.listeners", listener)
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return 0, fmt.Errorf("cannot advertise listener %s: %w", listener, err)
	}
	return strconv.Atoi(port)
}

// registration is what /brokers/ids/<id> is to say of this broker now.
func (b *Broker) registration() (znode.Broker, error) {
	endpoints, err := b.advertised()
	if err != nil {
		return znode.Broker{}, err
	}
	return znode.Broker{
		ID:        b.id,
		Endpoints: endpoints,
		Rack:      b.cfg.String("broker.rack"),
		JMXPort:   -1,
		Timestamp: b.opt.Clock().UnixMilli(),
	}, nil
}

// register makes the broker visible under /brokers/ids and notes its epoch: at the start, and again after the session
// expired. At the start Kafka refuses what a live broker advertises too.
func (b *Broker) register(ctx context.Context) error {
	me, err := b.registration()
	if err != nil {
		return err
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

// readvertise rewrites the registration after advertised.listeners changed; the controller tells the others. Without a node, or
// the session that it belongs to, there is nothing to do: who registers anew reads the configuration anew.
func (b *Broker) readvertise(ctx context.Context) {
	me, err := b.registration()
	if err == nil {
		err = controller.CheckEndpoints(ctx, b.zk, me)
	}
	if err == nil {
		_, err = b.zk.Set(ctx, znode.BrokerPath(b.id), me.Encode(), session.AnyVersion)
	}
	if err != nil && !errors.Is(err, session.ErrNoNode) && !errors.Is(err, session.ErrExpired) {
		b.log.Error("cannot advertise the changed listeners; the others are told the earlier ones", "error", err)
	}
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
