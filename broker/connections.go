package broker

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"klab/broker/config"
	"klab/broker/server"
)

// connectionLimits are what the configuration says of connections, with hosts as addresses.
func connectionLimits(ctx context.Context, c *config.Config) (*server.Limits, error) {
	overrides, err := c.PerIPOverrides()
	if err != nil {
		return nil, err
	}
	perIPOf, err := resolveHosts(ctx, overrides)
	if err != nil {
		return nil, err
	}
	endpoints, err := c.Listeners()
	if err != nil {
		return nil, err
	}
	l := &server.Limits{
		MaxConnections:  c.Int("max.connections"),
		MaxCreationRate: c.Int("max.connection.creation.rate"),
		MaxPerIP:        c.Int("max.connections.per.ip"),
		MaxPerIPOf:      perIPOf,
		Of:              make(map[string]server.ListenerLimits),
		InterBroker:     c.InterBrokerListener(),
		RateWindow:      time.Duration(c.Int("quota.window.size.seconds")) * time.Second,
		RateWindows:     c.Int("quota.window.num"),
	}
	for _, e := range endpoints {
		l.Of[e.Listener] = server.ListenerLimits{
			MaxConnections:  c.ListenerInt(e.Listener, "max.connections"),
			MaxCreationRate: c.ListenerInt(e.Listener, "max.connection.creation.rate"),
		}
	}
	return l, nil
}

// resolveHosts finds the address of each host, as Java does: its first, an IPv4 one before others.
func resolveHosts(ctx context.Context, hosts map[string]int) (map[netip.Addr]int, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	of := make(map[netip.Addr]int, len(hosts))
	for host, n := range hosts {
		a, err := resolveHost(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("cannot use max.connections.per.ip.overrides: %w; correct the host %s or leave it out", err, host)
		}
		of[a] = n
	}
	return of, nil
}

func resolveHost(ctx context.Context, host string) (netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().WithZone(""), nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0].WithZone(""), nil
}

// applyLimits puts changed limits into effect. What cannot be resolved leaves them as they were.
func (b *Broker) applyLimits(ctx context.Context) {
	l, err := connectionLimits(ctx, b.cfg)
	if err != nil {
		b.log.Error("the limits of connections stay as they were", "error", err)
		return
	}
	b.server.SetLimits(*l)
}

// givenSize is the size of a socket's buffer where the configuration gives one, else 0: Kafka's own default is small, and the
// operating system's grows with the need.
func givenSize(c *config.Config, name string) int {
	if c.Source(name) == config.Default {
		return 0
	}
	return max(c.Int(name), 0)
}

// sizedDial dials for followers' fetches, with the receive buffer that replica.socket.receive.buffer.bytes gives.
func (b *Broker) sizedDial(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := b.opt.Dial(ctx, network, address)
	if size := givenSize(b.cfg, "replica.socket.receive.buffer.bytes"); err == nil && size > 0 {
		if sized, ok := nc.(interface{ SetReadBuffer(bytes int) error }); ok {
			sized.SetReadBuffer(size)
		}
	}
	return nc, err
}
