package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Endpoint is one listener: a name and the host and port it is bound to or advertised at. Host "" means every address.
type Endpoint struct {
	Listener string
	Protocol string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	Host     string
	Port     int // 0 asks the operating system for one
}

// Address is host:port as the net package takes it.
func (e Endpoint) Address() string { return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) }

// String is the endpoint as Kafka writes it: NAME://host:port.
func (e Endpoint) String() string { return e.Listener + "://" + e.Address() }

// Listeners returns what to bind (listeners).
func (c *Config) Listeners() ([]Endpoint, error) {
	return c.endpoints("listeners", c.String("listeners"))
}

// AdvertisedListeners returns what clients and brokers are told (advertised.listeners, else listeners).
func (c *Config) AdvertisedListeners() ([]Endpoint, error) {
	if c.IsNull("advertised.listeners") {
		return c.endpoints("listeners", c.String("listeners"))
	}
	return c.endpoints("advertised.listeners", c.String("advertised.listeners"))
}

// InterBrokerListener is the name of the listener that brokers use among themselves.
func (c *Config) InterBrokerListener() string {
	if name := c.String("inter.broker.listener.name"); name != "" {
		return strings.ToUpper(name)
	}
	return c.String("security.inter.broker.protocol")
}

// SecurityProtocols maps listener names to security protocols (listener.security.protocol.map).
func (c *Config) SecurityProtocols() (map[string]string, error) {
	m := make(map[string]string)
	for _, pair := range splitList(c.String("listener.security.protocol.map")) {
		name, protocol, ok := strings.Cut(pair, ":")
		name, protocol = strings.ToUpper(strings.TrimSpace(name)), strings.ToUpper(strings.TrimSpace(protocol))
		if !ok || !slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, protocol) {
			return nil, &ValueError{"listener.security.protocol.map", pair, "must be NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"}
		}
		m[name] = protocol
	}
	return m, nil
}

func (c *Config) endpoints(key, text string) ([]Endpoint, error) {
	protocols, err := c.SecurityProtocols()
	if err != nil {
		return nil, err
	}
	var all []Endpoint
	for _, s := range splitList(strings.TrimSpace(text)) {
		e, err := parseEndpoint(s)
		if err != nil {
			return nil, &ValueError{key, s, err.Error()}
		}
		protocol, ok := protocols[e.Listener]
		if !ok {
			return nil, &ValueError{key, s, "no security protocol is defined for the listener " + e.Listener + "; add it to listener.security.protocol.map"}
		}
		e.Protocol = protocol
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, &ValueError{key, text, "at least one listener is needed, such as PLAINTEXT://127.0.0.1:9092"}
	}
	return all, nil
}

func parseEndpoint(s string) (Endpoint, error) {
	name, address, ok := strings.Cut(s, "://")
	if !ok || name == "" {
		return Endpoint{}, fmt.Errorf("must have the form NAME://host:port")
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return Endpoint{}, fmt.Errorf("must have the form NAME://host:port, with [brackets] around an IPv6 address")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return Endpoint{}, fmt.Errorf("the port must be a number from 0 to 65535")
	}
	return Endpoint{Listener: strings.ToUpper(name), Host: host, Port: int(port)}, nil
}
