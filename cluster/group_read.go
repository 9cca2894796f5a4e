package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
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
		groups = c.groupsNow(nil)
		return wrap("list groups", err)
	})
	return groups, err
}

// ReadGroups reads groups with members, offsets and lag; without names it is all of them. A name that no broker knows is
// left out.
func (c *Cluster) ReadGroups(ctx context.Context, names ...string) (groups []Group, err error) {
	err = c.perform(ctx, ListGroups{names}, func(ctx context.Context) error {
		if err = c.glanceMetadata(ctx); err == nil {
			err = c.listAll(ctx)
		}
		c.deepenAll(ctx, names)
		groups = c.groupsNow(names)
		return wrap("read groups", err)
	})
	return groups, err
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

// deepenAll reads these groups, or all, from their coordinators.
func (c *Cluster) deepenAll(ctx context.Context, names []string) {
	_ = c.onEvery(func(l *link, broker int32) error { // what does not answer stays unknown
		var own []string
		c.update(func(m *model) {
			for _, name := range m.groups.deepen(broker, time.Now(), len(m.groups.byName)) {
				if len(names) == 0 || slices.Contains(names, name) {
					own = append(own, name)
				}
			}
			m.groups.want(time.Now(), own)
		})
		c.askGroupsInDepth(ctx, l, own)
		return nil
	})
}

// groupsNow returns what is known of these groups, or of all.
func (c *Cluster) groupsNow(names []string) (groups []Group) {
	c.update(func(m *model) { groups = slices.Clone(m.groups.build()) })
	if len(names) == 0 {
		return groups
	}
	return slices.DeleteFunc(groups, func(g Group) bool { return !slices.Contains(names, g.Name) })
}

// readGroup reads one group; the error says when there is none of that name.
func (c *Cluster) readGroup(ctx context.Context, name string) (Group, error) {
	if err := c.glanceMetadata(ctx); err != nil {
		return Group{}, err
	}
	if err := c.listAll(ctx); err != nil {
		return Group{}, err
	}
	c.deepenAll(ctx, []string{name})
	found := c.groupsNow([]string{name})
	if len(found) == 0 {
		return Group{}, c.noGroup(name)
	}
	return found[0], found[0].Err
}

// ErrNoGroup is in the error of an operation on a group that no broker knows.
var ErrNoGroup = errors.New("there is no such group")

func (c *Cluster) noGroup(name string) error {
	var near []string
	for _, g := range c.groupsNow(nil) {
		if strings.HasPrefix(g.Name, name) || strings.HasPrefix(name, g.Name) {
			near = append(near, g.Name)
		}
	}
	if len(near) > 0 {
		return fmt.Errorf("%w as %s; there is %s", ErrNoGroup, name, strings.Join(near[:min(len(near), 3)], ", "))
	}
	return fmt.Errorf("%w as %s: see klab group list", ErrNoGroup, name)
}
