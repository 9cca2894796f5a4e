package znode

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Endpoint is one advertised listener of a broker.
type Endpoint struct {
	Listener         string // listener name, upper case
	SecurityProtocol string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	Host             string
	Port             int32
}

// String is the form of the endpoints array: NAME://host:port.
func (e Endpoint) String() string {
	return e.Listener + "://" + e.Addr()
}

// Addr is host:port, with brackets around an IPv6 host.
func (e Endpoint) Addr() string { return net.JoinHostPort(e.Host, itoa(e.Port)) }

// Broker is a broker's registration, the data of /brokers/ids/<id>.
type Broker struct {
	ID        int32 // from the path, not part of the data
	Endpoints []Endpoint
	Rack      string // empty: none
	JMXPort   int32  // -1: none
	Timestamp int64  // milliseconds, when it registered
}

// Endpoint returns the endpoint of the named listener.
func (b Broker) Endpoint(listener string) (Endpoint, bool) {
	for _, e := range b.Endpoints {
		if e.Listener == listener {
			return e, true
		}
	}
	return Endpoint{}, false
}

type brokerJSON struct {
	Version   int               `json:"version"`
	Host      *string           `json:"host"`
	Port      int32             `json:"port"`
	JMXPort   int32             `json:"jmx_port"`
	Timestamp string            `json:"timestamp"`
	Endpoints []string          `json:"endpoints"`
	Rack      string            `json:"rack,omitempty"`
	Protocols map[string]string `json:"listener_security_protocol_map"`
	Features  struct{}          `json:"features"`
}

// Encode writes version 5, Kafka's since 2.7.
func (b Broker) Encode() []byte {
	j := brokerJSON{Version: 5, Port: -1, JMXPort: b.JMXPort, Rack: b.Rack, Timestamp: strconv.FormatInt(b.Timestamp, 10),
		Endpoints: make([]string, len(b.Endpoints)), Protocols: make(map[string]string, len(b.Endpoints))}
	for i, e := range b.Endpoints {
		j.Endpoints[i] = e.String()
		j.Protocols[e.Listener] = e.SecurityProtocol
		if j.Host == nil && e.SecurityProtocol == "PLAINTEXT" {
			j.Host, j.Port = &e.Host, e.Port
		}
	}
	return encode(j)
}

// DecodeBroker reads versions 1 to 5. The keys version and jmx_port must be there.
func DecodeBroker(id int32, data []byte) (Broker, error) {
	what := "broker " + itoa(id)
	b := Broker{ID: id}
	o, err := decodeObject(what, data)
	if err != nil {
		return b, err
	}
	var version int
	var timestamp decimal
	err = firstError(o.need(what, "version", &version), o.need(what, "jmx_port", &b.JMXPort),
		o.optional(what, "timestamp", &timestamp), o.optional(what, "rack", &b.Rack))
	if err == nil && version < 1 {
		err = fmt.Errorf("cannot decode %s: version %d is not supported", what, version)
	}
	if err != nil {
		return b, err
	}
	b.Timestamp = int64(timestamp)
	if version == 1 {
		b.Endpoints, err = oneEndpoint(what, o)
	} else {
		b.Endpoints, err = manyEndpoints(what, o)
	}
	return b, err
}

func oneEndpoint(what string, o object) ([]Endpoint, error) {
	e := Endpoint{Listener: "PLAINTEXT", SecurityProtocol: "PLAINTEXT"}
	err := firstError(o.need(what, "host", &e.Host), o.need(what, "port", &e.Port))
	return []Endpoint{e}, err
}

func manyEndpoints(what string, o object) ([]Endpoint, error) {
	var texts []string
	var protocols map[string]string
	err := firstError(o.need(what, "endpoints", &texts), o.optional(what, "listener_security_protocol_map", &protocols))
	if err != nil {
		return nil, err
	}
	endpoints := make([]Endpoint, len(texts))
	for i, text := range texts {
		e, err := parseEndpoint(text)
		if err != nil {
			return nil, fmt.Errorf("cannot decode %s: %w", what, err)
		}
		// Without the map, listeners bear the names of their protocols.
		e.SecurityProtocol = e.Listener
		if protocols != nil {
			e.SecurityProtocol = protocols[e.Listener]
		}
		endpoints[i] = e
	}
	return endpoints, nil
}

func parseEndpoint(text string) (Endpoint, error) {
	listener, addr, ok := strings.Cut(text, "://")
	host, port, err := net.SplitHostPort(addr)
	if !ok || err != nil {
		return Endpoint{}, fmt.Errorf("cannot parse endpoint %q: want NAME://host:port", text)
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil || n < -1 || n > 65535 {
		return Endpoint{}, fmt.Errorf("cannot parse endpoint %q: port is not a number from 0 to 65535", text)
	}
	return Endpoint{Listener: listener, Host: host, Port: int32(n)}, nil
}
