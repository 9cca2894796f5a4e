package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Request is an operation on a cluster, before it is done. Every one can be said as a command line.
type Request interface{ command(to addressee) Command }

// addressee is how command lines name the cluster.
type addressee struct {
	args      []string // after "klab"
	bootstrap string   // after --bootstrap-server
	brokers   []int32  // those that are known
}

func (a addressee) klab(words ...string) string {
	return line(append(append([]string{"klab"}, a.args...), words...)...)
}

// kafka is a line for one of the tools in Kafka's bin directory.
func (a addressee) kafka(tool string, words ...string) string {
	return line(append([]string{tool, "--bootstrap-server", a.bootstrap}, words...)...)
}

// CommandOf returns the lines equal to doing r on this cluster.
func (c *Cluster) CommandOf(r Request) Command {
	_, brokers := c.names()
	return r.command(addressee{args: c.target.Args, bootstrap: c.Bootstrap(), brokers: brokers})
}

// operationTimeout bounds operations whose context has no deadline.
const operationTimeout = 30 * time.Second

// perform does one operation, and enters it in the command log.
func (c *Cluster) perform(ctx context.Context, r Request, do func(context.Context) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, operationTimeout)
		defer cancel()
	}
	start := time.Now()
	err := do(ctx)
	c.commands.add(Executed{Time: start, Took: time.Since(start), Command: c.CommandOf(r), Err: err})
	c.lookAgain()
	return err
}

// lookAgain makes the observation loop read at once what an operation may have changed.
func (c *Cluster) lookAgain() {
	c.update(func(m *model) { m.changed = true })
	c.wake()
}

// administer is perform for an operation of kadm. verb and noun begin its error: "cannot create topic orders: …".
func (c *Cluster) administer(ctx context.Context, r Request, what string, do func(context.Context, *kadm.Client) error) error {
	return c.perform(ctx, r, func(ctx context.Context) error {
		client, err := c.kafka()
		if err == nil {
			err = do(ctx, kadm.NewClient(client))
		}
		if err != nil {
			return fmt.Errorf("cannot %s: %w", what, c.explain(err))
		}
		return nil
	})
}

// explain marks errors that mean that nobody is there, and tells apart that somebody is, but not where it is needed.
// It may ask the brokers who they are: c.mu must not be held.
func (c *Cluster) explain(err error) error {
	if _, answered := errors.AsType[*kerr.Error](err); answered || !unreachable(err) {
		return err
	}
	if _, said := errors.AsType[*silent](err); said || errors.Is(err, ErrNothing) {
		return err
	}
	if host := unreachedHost(err); host != "" && c.advertises(host) {
		return advertisedElsewhere(c.Bootstrap(), host, err)
	}
	if c.anyAnswers() {
		return partlyThere(c.Bootstrap(), err)
	}
	return nobodyAt(c.Bootstrap(), err)
}

// anyAnswers says whether some broker tells the metadata now.
func (c *Cluster) anyAnswers() bool {
	ctx, cancel := context.WithTimeout(c.ctx, localAnswer)
	defer cancel()
	_, _, err := hedged(ctx, c.askFirst(), c.askMetadata)
	return err == nil
}

// advertises says whether a host is one that brokers call themselves by and that nobody here gave as an address.
func (c *Cluster) advertises(host string) bool {
	if slices.ContainsFunc(c.bootstrap, func(a string) bool { return hostOf(a) == host }) {
		return false
	}
	named := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.model.meta.brokers, func(b metaBroker) bool { return b.host == host })
	}
	if named() {
		return true
	}
	ctx, cancel := context.WithTimeout(c.ctx, localAnswer)
	defer cancel()
	return c.glanceMetadata(ctx) == nil && named()
}
