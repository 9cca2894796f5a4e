package config

import (
	"errors"
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
			return nil, &ValueError{
				Key: "listener.security.protocol.map", Value: pair,
				Reason: "must be NAME:PROTOCOL with PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
				kafka:  fmt.Sprintf("Invalid security protocol `%s` defined in listener.security.protocol.map", protocol),
			}
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
	bad := func(item, reason, kafka string) error {
		return &ValueError{Key: key, Value: item, Reason: reason, kafka: fmt.Sprintf("Error creating broker listeners from '%s': %s", text, kafka)}
	}
	var all []Endpoint
	for _, s := range splitList(strings.TrimSpace(text)) {
		e, err := parseEndpoint(s)
		if err != nil {
			return nil, bad(s, err.Error(), "Unable to parse "+s+" to a broker endpoint")
		}
		protocol, ok := protocols[e.Listener]
		if !ok {
			return nil, bad(s, "no security protocol is defined for the listener "+e.Listener+"; add it to listener.security.protocol.map",
				"No security protocol defined for listener "+e.Listener)
		}
		e.Protocol = protocol
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, required(key, text, "at least one listener is needed, such as PLAINTEXT://127.0.0.1:9092",
			"There must be at least one broker advertised listener.")
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

// checkListeners holds what Kafka requires of listeners and of what is advertised of them.
func (c *Config) checkListeners() error {
	bound, err := c.Listeners()
	if err != nil {
		return err
	}
	advertised, err := c.AdvertisedListeners()
	if err != nil {
		return err
	}
	if err := checkBound(bound, c.String("listeners")); err != nil {
		return err
	}
	if err := checkNames("advertised.listeners", advertised, c.String("advertised.listeners")); err != nil {
		return err
	}
	return errors.Join(c.checkInterBroker(advertised), checkAdvertised(bound, advertised))
}

func hasListener(all []Endpoint, name string) bool {
	return slices.ContainsFunc(all, func(e Endpoint) bool { return e.Listener == name })
}

// listenerNames joins the names as Kafka's messages do.
func listenerNames(all []Endpoint) string {
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Listener
	}
	return strings.Join(names, ",")
}

func (c *Config) checkInterBroker(advertised []Endpoint) error {
	name := c.InterBrokerListener()
	if hasListener(advertised, name) {
		return nil
	}
	return required("inter.broker.listener.name", name, "the inter-broker listener must be one of the advertised listeners",
		"inter.broker.listener.name must be a listener name defined in advertised.listeners. "+
			"The valid options based on currently configured listeners are "+listenerNames(advertised))
}

func checkAdvertised(bound, advertised []Endpoint) error {
	for _, e := range advertised {
		if !hasListener(bound, e.Listener) {
			return required("advertised.listeners", e.String(), "no listener of that name is in listeners",
				fmt.Sprintf("advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found %s. "+
					"The valid options based on the current configuration are %s", listenerNames(advertised), listenerNames(bound)))
		}
	}
	for _, e := range advertised {
		if e.Host == "0.0.0.0" {
			return required("advertised.listeners", e.String(), "0.0.0.0 is no address that a client could reach; advertise a host name or address",
				"advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.")
		}
	}
	return nil
}

// checkBound allows one port twice only for an IPv4 and an IPv6 address (KIP-797); here simply for different hosts.
func checkBound(bound []Endpoint, text string) error {
	if err := checkNames("listeners", bound, text); err != nil {
		return err
	}
	for i, e := range bound {
		if e.Port != 0 && slices.ContainsFunc(bound[:i], func(f Endpoint) bool { return e.Port == f.Port && e.Host == f.Host }) {
			return required("listeners", e.String(), "each listener needs its own port and name", "Each listener must have a different port, listeners: "+text)
		}
	}
	return nil
}

func checkNames(key string, all []Endpoint, text string) error {
	for i, e := range all {
		if hasListener(all[:i], e.Listener) {
			return required(key, e.String(), "each listener needs its own name: no two ports share one", "Each listener must have a different name, listeners: "+text)
		}
	}
	return nil
}

// This part is about listeners in the dynamic configuration. They are bound before ZooKeeper is asked, and stay: what may change
// is where clients and brokers are told to find them.

// checkSameListeners refuses other listeners than those that are bound.
func (c *Config) checkSameListeners(next *Config) error {
	wanted, err := next.Listeners()
	if err != nil {
		return err
	}
	same := func(a, b Endpoint) bool { return a.Listener == b.Listener && a.Address() == b.Address() }
	if slices.EqualFunc(wanted, c.bound, same) {
		return nil
	}
	return kafkaSays("cannot change listeners to %s: the broker is bound to %s; change listeners in its properties and restart it",
		next.String("listeners"), endpointsText(c.bound))
}

func endpointsText(all []Endpoint) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = e.String()
	}
	return strings.Join(texts, ",")
}

// checkSameProtocols refuses another security protocol for a listener that is bound.
func (c *Config) checkSameProtocols(next *Config) error {
	protocols, err := next.SecurityProtocols()
	if err != nil {
		return err
	}
	for _, e := range c.bound {
		if protocols[e.Listener] != e.Protocol {
			return reconfigurationFails("Security protocol cannot be updated for existing listener ListenerName(%s)", e.Listener)
		}
	}
	return nil
}

// dropUnusableListeners takes out of a dynamic layer what these checks refuse, and says why. The rest of the layer is not to
// suffer: a broker that is started with other listeners than before may find values of then.
func (c *Config) dropUnusableListeners(src Source, layer map[string]string) (errs []error) {
	drop := func(check func(next *Config) error, names ...string) {
		if !slices.ContainsFunc(names, func(n string) bool { _, ok := layer[n]; return ok }) {
			return
		}
		if err := check(c.with(src, layer)); err != nil {
			errs = append(errs, fmt.Errorf("cannot use the dynamic %s: %w", strings.Join(names, " and "), err))
			for _, n := range names {
				delete(layer, n)
			}
		}
	}
	drop(c.checkSameListeners, "listeners")
	drop(func(next *Config) error { return errors.Join(next.checkListeners(), c.checkSameProtocols(next)) },
		"advertised.listeners", "listener.security.protocol.map")
	return errs
}
