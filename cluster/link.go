package cluster

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How long a broker may take to answer a question of observing; one that takes longer is left for the next round. One that klab
// started, on this machine, answers within milliseconds or is paused. Of others nothing is known: the metadata of ten thousand
// partitions, or the sizes of their logs, may take seconds, and it is better to show them late than never.
const (
	localAnswer  = time.Second
	remoteAnswer = 5 * time.Second
)

func (c *Cluster) answerWithin() time.Duration {
	if c.Launched() {
		return localAnswer
	}
	return remoteAnswer
}

// link is the connection to one broker's address. Each broker has its own, so that one that hangs delays no other.
type link struct {
	address string
	client  *kgo.Client
	within  time.Duration // bounds each request
	busy    atomic.Bool   // a round of requests is under way

	busyGroups atomic.Bool // a round of requests about groups is under way

	mode atomic.Int32 // of the broker's controllers: 0 not asked yet
}

func newLink(address string, within time.Duration, opts []kgo.Opt) (*link, error) {
	client, err := kgo.NewClient(append(opts,
		kgo.SeedBrokers(address), kgo.RequestRetries(0), kgo.DialTimeout(within), kgo.RequestTimeoutOverhead(2*within),
		kgo.ConnIdleTimeout(time.Minute),
	)...)
	if err != nil {
		return nil, err
	}
	return &link{address: address, client: client, within: within}, nil
}

func (l *link) request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, l.within)
	defer cancel()
	return l.client.SeedBrokers()[0].Request(ctx, req)
}

func (l *link) close() { l.client.Close() }

// link returns the connection to address, made when it is first asked for.
func (c *Cluster) link(address string) (*link, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.links[address]; ok {
		return l, nil
	}
	l, err := newLink(address, c.answerWithin(), append([]kgo.Opt{kgo.ClientID("klab"), kgo.DisableClientMetrics()}, c.target.Options...))
	if err != nil {
		return nil, err
	}
	c.links[address] = l
	return l, nil
}
