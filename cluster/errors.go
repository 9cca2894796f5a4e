package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kgo"
)

// absent is an error that wraps ErrNothing and says in its own words what is not there, and what to do.
type absent struct {
	words string
	cause error // nil: none
}

func (e *absent) Error() string   { return e.words }
func (e *absent) Unwrap() []error { return []error{ErrNothing, e.cause} }

// NotRunning is the error of a home in which no cluster runs. It wraps ErrNothing.
func NotRunning(home string) error {
	return &absent{words: fmt.Sprintf("no cluster runs at %s: start one with klab up, or name one with --bootstrap host:port", home)}
}

// nobodyAt is the error of addresses at which no broker answers. It wraps ErrNothing and cause.
func nobodyAt(addresses string, cause error) error {
	return &absent{words: fmt.Sprintf("no broker answers at %s: start one there, or name another with --bootstrap host:port (%v)", addresses, cause), cause: cause}
}

// advertisedElsewhere is the error of brokers of which one answers at addresses and one is at a host that cannot be reached: it is
// down, or calls itself by a name that is of no use here, the commonest trouble of a Kafka in a container. It wraps ErrNothing
// and cause.
func advertisedElsewhere(addresses, host string, cause error) error {
	return &absent{words: fmt.Sprintf("a broker answers at %s, but the brokers tell clients to use %s, which cannot be reached from here: "+
		"start that broker, make its name known to this machine, or change advertised.listeners (%v)", addresses, host, cause), cause: cause}
}

// silent is the error of one broker that does not answer where no other can, while the cluster does.
type silent struct {
	who   string // broker 2, the coordinator of group billing
	cause error
}

func (e *silent) Error() string {
	return fmt.Sprintf("%s, does not answer (%v): start it, or wait until another takes its place", e.who, e.cause)
}

func (e *silent) Unwrap() error { return e.cause }

// partlyThere is the error of a cluster in which a broker answers, but not the one that was needed, or not in time.
func partlyThere(addresses string, cause error) error {
	return fmt.Errorf("the cluster at %s answers, but not the broker that this needs, or not in time: see klab status (%w)", addresses, cause)
}

// unreachedHost is the name that could not be looked up, or the IP address that could not be dialled; empty: neither.
func unreachedHost(err error) string {
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return lookup.Name
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Addr != nil {
		return hostOf(dial.Addr.String())
	}
	return ""
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// unreachable says whether an error means that no broker could be talked to.
func unreachable(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*kgo.ErrFirstReadEOF](err); ok {
		return true
	}
	return errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.DeadlineExceeded)
}
