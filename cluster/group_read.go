package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups is the request to list groups: all of them, or some in depth.
type ListGroups struct{ Names []string }

func (r ListGroups) command(to addressee) Command {
	if len(r.Names) == 0 {
		return Command{Klab: to.klab("group", "list"), Kafka: to.kafka("kafka-consumer-groups.sh", "--list", "--state")}
	}
	klab, kafka := []string{"group", "describe"}, []string{"--describe"}
	for _, name := range r.Names {
		klab, kafka = append(klab, name), append(kafka, "--group", name)
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-consumer-groups.sh", kafka...)}
}

// ListGroups lists the groups by name, with what one request a broker tells: no members and no offsets. The error is that
// of the brokers that did not answer, beside the groups of those that did.
func (c *Cluster) ListGroups(ctx context.Context) (groups []Group, err error) {
	err = c.perform(ctx, ListGroups{}, func(ctx context.Context) error {
		if err = c.glanceMetadata(ctx); err == nil {
			err = c.listAll(ctx)
		}
		groups = c.groupsNow()
		return wrap("list groups", err)
	})
	return groups, err
}

// ReadGroups reads groups with members, offsets and lag; without names it is all of them. A name that no broker knows is
// left out.
func (c *Cluster) ReadGroups(ctx context.Context, names ...string) (groups []Group, err error) {
	err = c.perform(ctx, ListGroups{names}, func(ctx context.Context) error {
		if len(names) > 0 {
			groups, err = c.readNamed(ctx, names)
			return wrap("read groups", err)
		}
		if err = c.glanceMetadata(ctx); err == nil {
			err = c.listAll(ctx)
		}
		c.deepenAll(ctx)
		groups = c.groupsNow()
		return wrap("read groups", err)
	})
	return groups, err
}

// readNamed reads some groups. One of which nothing can be said is in the error, one that failed in part has its own.
func (c *Cluster) readNamed(ctx context.Context, names []string) (groups []Group, err error) {
	if err := c.glanceMetadata(ctx); err != nil {
		return nil, err
	}
	var failed []error
	for _, name := range names {
		g, known, err := c.askCoordinator(ctx, name)
		switch {
		case err != nil:
			failed = append(failed, err)
		case known:
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, errors.Join(failed...)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", what, err)
}

// glanceMetadata reads the metadata alone.
func (c *Cluster) glanceMetadata(ctx context.Context) error {
	m, from, err := hedged(ctx, c.askFirst(), c.askMetadata)
	c.learn(m, from, err)
	if err != nil {
		return c.nobody(err)
	}
	return nil
}

// onEvery does something on the link to each registered broker, all at once. The error is that of each broker that failed, or one
// word about all of them.
func (c *Cluster) onEvery(do func(l *link, broker int32) error) error {
	c.mu.Lock()
	brokers := slices.Clone(c.model.meta.brokers)
	c.mu.Unlock()
	failed := make([]error, len(brokers))
	var asking sync.WaitGroup
	for i, b := range brokers {
		l, err := c.link(address(b.host, b.port))
		if err != nil {
			failed[i] = err
			continue
		}
		asking.Go(func() {
			if err := do(l, b.id); err != nil {
				failed[i] = fmt.Errorf("broker %d: %w", b.id, err)
			}
		})
	}
	asking.Wait()
	if len(failed) > 0 && !slices.Contains(failed, nil) {
		return c.explain(errors.Join(failed...))
	}
	return errors.Join(failed...)
}

func (c *Cluster) listAll(ctx context.Context) error {
	return c.onEvery(func(l *link, broker int32) error { return c.askGroupList(ctx, l, broker) })
}

// deepenAll reads all groups from their coordinators.
func (c *Cluster) deepenAll(ctx context.Context) {
	_ = c.onEvery(func(l *link, broker int32) error { // each group has its own error
		var own []string
		c.update(func(m *model) {
			own = m.groups.deepen(broker, time.Now(), len(m.groups.byName))
			m.groups.want(time.Now(), own)
		})
		c.askGroupsInDepth(ctx, l, own)
		return nil
	})
}

// groupsNow returns what is known of all groups.
func (c *Cluster) groupsNow() (groups []Group) {
	c.update(func(m *model) { groups = slices.Clone(m.groups.build()) })
	return groups
}

// readGroup reads one group; the error says when there is none of that name.
func (c *Cluster) readGroup(ctx context.Context, name string) (Group, error) {
	if err := c.glanceMetadata(ctx); err != nil {
		return Group{}, err
	}
	g, known, err := c.askCoordinator(ctx, name)
	switch {
	case err != nil:
		return Group{}, err
	case !known:
		return Group{}, c.noGroup(ctx, name)
	}
	return g, g.Err
}

// askCoordinator reads one group from the broker that coordinates it: what the others do is no matter. known is false when that
// broker does not list it.
func (c *Cluster) askCoordinator(ctx context.Context, name string) (g Group, known bool, err error) {
	at, err := c.coordinator(ctx, name)
	if err != nil {
		return Group{}, false, fmt.Errorf("cannot find the coordinator of group %s: %w", name, c.explain(err))
	}
	l, err := c.link(address(at.host, at.port))
	if err == nil {
		err = c.askGroupList(ctx, l, at.id)
	}
	if err != nil {
		return Group{}, false, &silent{who: fmt.Sprintf("broker %d, the coordinator of group %s", at.id, name), cause: err}
	}
	find := func(m *model) {
		if found := m.groups.byName[name]; found != nil && !found.missed && found.group.Coordinator == at.id {
			g, known = found.group, true
		}
	}
	if c.update(find); !known {
		return Group{}, false, nil
	}
	c.update(func(m *model) { m.groups.want(time.Now(), []string{name}) })
	c.askGroupsInDepth(ctx, l, []string{name})
	c.update(find)
	return g, true, nil
}

const (
	// coordinatorPatience bounds the wait for a coordinator: one that moves loads its groups in less, and the first group of all
	// makes __consumer_offsets.
	coordinatorPatience = 5 * time.Second
	coordinatorAgain    = 50 * time.Millisecond // before it is asked for again
)

// coordinator finds the broker that coordinates a group, and waits a moment where there is none yet.
func (c *Cluster) coordinator(ctx context.Context, group string) (metaBroker, error) {
	patience, cancel := context.WithTimeout(ctx, coordinatorPatience)
	defer cancel()
	again := time.NewTicker(coordinatorAgain)
	defer again.Stop()
	for {
		at, _, err := hedged(ctx, c.askFirst(), func(ctx context.Context, address string) (metaBroker, error) {
			l, err := c.link(address)
			if err != nil {
				return metaBroker{}, err
			}
			return l.coordinator(ctx, group)
		})
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) {
			return at, err
		}
		select {
		case <-again.C:
		case <-patience.Done():
			return at, fmt.Errorf("%w: see klab topic describe __consumer_offsets", err)
		}
	}
}

// coordinator asks this broker who coordinates a group.
func (l *link) coordinator(ctx context.Context, group string) (metaBroker, error) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorKey, req.CoordinatorKeys = group, []string{group}
	resp, err := l.request(ctx, req)
	if err != nil {
		return metaBroker{}, err
	}
	found := resp.(*kmsg.FindCoordinatorResponse)
	if found.Version < 4 {
		return metaBroker{id: found.NodeID, host: found.Host, port: found.Port}, withMessage(kerr.ErrorForCode(found.ErrorCode), text(found.ErrorMessage))
	}
	if len(found.Coordinators) != 1 {
		return metaBroker{}, errors.New("it answers for another group")
	}
	one := found.Coordinators[0]
	return metaBroker{id: one.NodeID, host: one.Host, port: one.Port}, withMessage(kerr.ErrorForCode(one.ErrorCode), text(one.ErrorMessage))
}

// ErrNoGroup is in the error of an operation on a group that no broker knows.
var ErrNoGroup = errors.New("there is no such group")

// noGroup is the error of a group that there is not. It asks every broker for names like it; who does not answer has none.
func (c *Cluster) noGroup(ctx context.Context, name string) error {
	_ = c.listAll(ctx)
	var near []string
	for _, g := range c.groupsNow() {
		if strings.HasPrefix(g.Name, name) || strings.HasPrefix(name, g.Name) {
			near = append(near, g.Name)
		}
	}
	if len(near) > 0 {
		return fmt.Errorf("%w as %s; there is %s", ErrNoGroup, name, strings.Join(near[:min(len(near), 3)], ", "))
	}
	return fmt.Errorf("%w as %s: see klab group list", ErrNoGroup, name)
}
