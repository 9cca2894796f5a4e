// Package port answers a person's question about a port that is in use: by whom?
package port

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// InUseError says that an address cannot be listened on because another process does.
type InUseError struct {
	Address string
	Port    int
	Owner   string // "kafka (pid 4711)"; empty: not known, or not visible to this user
}

func (e *InUseError) Error() string {
	if e.Owner == "" {
		return fmt.Sprintf("port %d is in use by another process", e.Port)
	}
	return fmt.Sprintf("port %d is in use by %s", e.Port, e.Owner)
}

// Check reports whether host:port can be listened on: nil, an [*InUseError], or what the system says.
func Check(host string, port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err == nil {
		return listener.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, wsaAddrInUse) {
		return err
	}
	return &InUseError{Address: net.JoinHostPort(host, strconv.Itoa(port)), Port: port, Owner: owner(port)}
}

// wsaAddrInUse is Windows' EADDRINUSE (WSAEADDRINUSE), which its syscall package names otherwise.
const wsaAddrInUse = syscall.Errno(10048)

// Explain says who has the port, where that is why err, from listening, happened.
func Explain(err error) error {
	if inUse, ok := InUse(err); ok {
		return fmt.Errorf("cannot listen: %w", inUse)
	}
	return err
}

// InUse tells who has the port, where that is why err, from listening on TCP, happened.
func InUse(err error) (*InUseError, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "listen" || !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, wsaAddrInUse) {
		return nil, false
	}
	address, ok := op.Addr.(*net.TCPAddr)
	if !ok {
		return nil, false
	}
	return &InUseError{Address: address.String(), Port: address.Port, Owner: owner(address.Port)}, true
}
