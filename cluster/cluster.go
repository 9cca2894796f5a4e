package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"klab/launcher/lifecycle"
)

// ErrNothing is in the error of Connect and Open when there is nothing to talk to: no launched cluster in the home, or no
// broker at the bootstrap addresses.
var ErrNothing = errors.New("nothing to talk to")

// ErrNotLaunched is in the error of an operation that needs the launcher, on a cluster that it does not run.
var ErrNotLaunched = errors.New("this cluster was not started by klab")

// Target names a cluster: one that the launcher runs, by its home directory, or any other, by addresses of brokers.
type Target struct {
	Home      string   // used when Bootstrap is empty
	Bootstrap []string // host:port of one or more brokers
	Args      []string // what a person types after "klab" to name this target; empty: the default home
	By        string   // who acts: the By of facts that follow from operations; empty: "you"
	Options   []kgo.Opt
	Log       *slog.Logger // nil: silent
}

// Cluster is a connection to one cluster. It is safe for concurrent use. Close it.
type Cluster struct {
	target    Target
	name      string
	bootstrap []string
	host      host // nil: not launched by klab
	log       *slog.Logger

	timeline *Timeline
	commands CommandLog
	snapshot atomic.Pointer[Snapshot]

	mu         sync.Mutex  // guards the fields below
	client     *kgo.Client // for operations; nil before the first one
	model      *model
	changed    chan struct{} // closed and replaced with every published snapshot
	watches    map[string]int
	links      map[string]*link // by address
	answeredBy string           // the address that gave metadata last

	hurry    chan struct{} // capacity 1: observe now
	answered chan struct{} // capacity 1: a broker finished its round
	ctx      context.Context
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

// Connect finds the cluster without observing it: for one operation, as the command line does it. The snapshot stays
// empty until Look is called.
func Connect(ctx context.Context, target Target) (*Cluster, error) {
	c := &Cluster{
		target: target, log: cmp.Or(target.Log, slog.New(slog.DiscardHandler)),
		timeline: NewTimeline(timelineSize), changed: make(chan struct{}), watches: map[string]int{},
		links: map[string]*link{}, hurry: make(chan struct{}, 1), answered: make(chan struct{}, 1),
	}
	if c.target.By == "" {
		c.target.By = "you"
	}
	status, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.model = newModel(c.name, c.host != nil)
	c.model.applyHost(status, nil)
	c.snapshot.Store(c.model.build(time.Now()))
	return c, nil
}

// find sets where the cluster is, and returns what the launcher says of it, where there is one.
func (c *Cluster) find(ctx context.Context) (hostStatus, error) {
	if len(c.target.Bootstrap) > 0 {
		c.bootstrap, c.name = c.target.Bootstrap, c.target.Bootstrap[0]
		return hostStatus{}, nil
	}
	h, err := dialHost(ctx, c.target.Home)
	if err != nil {
		return hostStatus{}, err
	}
	status, err := h.status(ctx)
	if err != nil {
		return hostStatus{}, fmt.Errorf("cannot read status of the cluster in %s: %w", c.target.Home, err)
	}
	c.host, c.name = h, status.name
	for _, b := range status.brokers {
		c.bootstrap = append(c.bootstrap, address(b.host, b.port))
	}
	return status, nil
}

// Open connects and goes on observing until Close. It does not wait for a first answer: Ready does.
func Open(ctx context.Context, target Target) (*Cluster, error) {
	c, err := Connect(ctx, target)
	if err != nil {
		return nil, err
	}
	c.observe()
	return c, nil
}

// Ready waits until a snapshot with metadata is there. When ctx ends before, the error wraps ErrNothing.
func (c *Cluster) Ready(ctx context.Context) error {
	for {
		changed := c.Changed()
		s := c.Snapshot()
		if !s.At.IsZero() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return c.nobody(s.Err)
		}
	}
}

func (c *Cluster) nobody(cause error) error {
	return nobodyAt(c.Bootstrap(), cmp.Or(cause, context.DeadlineExceeded))
}

// Close ends observing and closes every connection. It does not touch the cluster.
func (c *Cluster) Close() {
	c.cancel()
	c.done.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		l.close()
	}
	c.links = map[string]*link{}
	if c.client != nil {
		c.client.Close()
		c.client = nil
	}
}

// kafka returns the client that operations share.
func (c *Cluster) kafka() (*kgo.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		client, err := kgo.NewClient(c.clientOptions(c.seeds())...)
		if err != nil {
			return nil, fmt.Errorf("cannot make a Kafka client for %s: %w", c.Bootstrap(), err)
		}
		c.client = client
	}
	return c.client, nil
}

// Snapshot returns the newest snapshot; never nil.
func (c *Cluster) Snapshot() *Snapshot { return c.snapshot.Load() }

// Timeline returns the cluster's timeline.
func (c *Cluster) Timeline() *Timeline { return c.timeline }

// Commands returns the log of what was done through this connection.
func (c *Cluster) Commands() *CommandLog { return &c.commands }

// Changed returns a channel that is closed when the next snapshot is published. Call it again for the one after.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Launched says whether the launcher runs this cluster.
func (c *Cluster) Launched() bool { return c.host != nil }

// Bootstrap returns addresses to give to a Kafka client, divided by commas.
func (c *Cluster) Bootstrap() string { return joinAddresses(c.bootstrap) }

// Watch asks for offsets of the topic ten times a second until release is called. Watches of a topic add up.
func (c *Cluster) Watch(topic string) (release func()) {
	c.mu.Lock()
	c.watches[topic]++
	c.mu.Unlock()
	c.wake()
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.watches[topic]--; c.watches[topic] == 0 {
			delete(c.watches, topic)
		}
	})
}

// wake makes the observation loop look at once.
func (c *Cluster) wake() {
	select {
	case c.hurry <- struct{}{}:
	default:
	}
}

// clientOptions returns what a Kafka client of this cluster is made with: addresses, and a retry backoff and metadata
// age short enough that a fail-over is not hidden behind the client's own timers.
func (c *Cluster) clientOptions(seeds []string, more ...kgo.Opt) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID("klab"),
		kgo.RetryBackoffFn(func(tries int) time.Duration {
			return min(20*time.Millisecond, time.Duration(tries)*5*time.Millisecond)
		}),
		kgo.MetadataMinAge(10 * time.Millisecond), kgo.DialTimeout(2 * time.Second), kgo.DisableClientMetrics(),
	}
	if c.host != nil {
		opts = append(opts, kgo.RequestTimeoutOverhead(localPatience))
	}
	return append(append(opts, c.target.Options...), more...)
}

// localPatience is how long a client waits for an answer that takes a broker no time, on this machine: then its process is
// paused, and another broker is asked.
const localPatience = 2 * time.Second

// seeds are the addresses that a new client begins with: of a launched cluster, those whose process runs, if any does. A
// client chooses among them blindly, and one that is paused takes connections and does not answer. The caller holds mu.
func (c *Cluster) seeds() []string {
	var running []string
	for _, b := range c.model.host.brokers {
		if b.state == lifecycle.Running {
			running = append(running, address(b.host, b.port))
		}
	}
	if len(running) > 0 {
		return running
	}
	return c.bootstrap
}

// newClient makes a client with options of its own.
func (c *Cluster) newClient(more ...kgo.Opt) (*kgo.Client, error) {
	c.mu.Lock()
	seeds := c.seeds()
	c.mu.Unlock()
	client, err := kgo.NewClient(c.clientOptions(seeds, more...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot make a Kafka client for %s: %w", c.Bootstrap(), err)
	}
	return client, nil
}

func address(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func joinAddresses(addresses []string) string {
	s := ""
	for i, a := range addresses {
		if i > 0 {
			s += ","
		}
		s += a
	}
	return s
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
