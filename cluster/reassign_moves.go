package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reassignment is one partition on its way to other brokers.
type Reassignment struct {
	Topic     string
	Partition int32
	Replicas  []int32 // all of now: those that stay, that come and that go
	Adding    []int32
	Removing  []int32
	Since     time.Time // when it was first seen here
	Copies    []Copy    // one for each of Adding
}

// Copy is how far a new replica is.
type Copy struct {
	Broker    int32
	Records   int64   // between its log end and its leader's; -1 unknown
	Bytes     int64   // by which its log is smaller than the leader's; -1 unknown. A log with later segments rolled elsewhere may end at a few
	Of        int64   // bytes of the leader's log; -1 unknown
	InSync    bool    // it is in the ISR
	PerSecond float64 // bytes that its log grew by a second, measured over the last samples; -1 unknown
}

// Left is the time that the copy needs at its present rate; negative: not known.
func (c Copy) Left() time.Duration {
	switch {
	case c.InSync || c.Records == 0:
		return 0
	case c.Bytes < 0 || c.PerSecond <= 0:
		return -1
	}
	return time.Duration(float64(c.Bytes) / c.PerSecond * float64(time.Second))
}

// Share is how much of the leader's log the copy has, from 0 to 1; negative: not known.
func (c Copy) Share() float64 {
	switch {
	case c.InSync || c.Records == 0:
		return 1
	case c.Bytes < 0 || c.Of <= 0:
		return -1
	}
	return min(max(1-float64(c.Bytes)/float64(c.Of), 0), 1)
}

// movesModel is what is known of the reassignments under way. It is part of the model.
type movesModel struct {
	at   time.Time
	list map[partitionKey]*moveModel
}

type moveModel struct {
	move  Reassignment
	sizes map[int32][]sizeSample // by broker
}

type sizeSample struct {
	at    time.Time
	bytes int64
}

// sizeSamples bounds the samples that a rate is measured over.
const sizeSamples = 10

func newMovesModel() movesModel { return movesModel{list: map[partitionKey]*moveModel{}} }

// move takes a reading in.
func (v *movesModel) move(at time.Time, now []Reassignment, d *diff) {
	first := v.at.IsZero()
	v.at = at
	present := map[partitionKey]bool{}
	for _, r := range now {
		key := partitionKey{r.Topic, r.Partition}
		present[key] = true
		known, ok := v.list[key]
		if !ok {
			known = &moveModel{sizes: map[int32][]sizeSample{}}
			known.move.Since = at
			v.list[key] = known
			if !first {
				d.add(Fact{Kind: KindReassignStarted, Broker: -1, Topic: r.Topic, Partition: r.Partition, Fields: moved(r)})
			}
		}
		r.Since = known.move.Since
		known.move = r
	}
	for key := range v.list {
		if !present[key] {
			delete(v.list, key)
			d.add(Fact{Kind: KindReassignEnded, Broker: -1, Topic: key.topic, Partition: key.partition})
		}
	}
}

// moved is what a fact says of a reassignment: the brokers that come and that go, if any do.
func moved(r Reassignment) map[string]any {
	fields := map[string]any{}
	if len(r.Adding) > 0 {
		fields["adding"] = r.Adding
	}
	if len(r.Removing) > 0 {
		fields["removing"] = r.Removing
	}
	return fields
}

// buildMoves joins the reassignments with what the replicas' logs are known to hold.
func (m *model) buildMoves() []Reassignment {
	if len(m.moves.list) == 0 {
		return nil
	}
	keys := make([]partitionKey, 0, len(m.moves.list))
	for key := range m.moves.list {
		keys = append(keys, key)
	}
	sortKeys(keys)
	built := make([]Reassignment, 0, len(keys))
	for _, key := range keys {
		known := m.moves.list[key]
		r := known.move
		r.Copies = make([]Copy, 0, len(r.Adding))
		for _, broker := range r.Adding {
			r.Copies = append(r.Copies, m.copyOf(key, known, broker))
		}
		built = append(built, r)
	}
	return built
}

func (m *model) copyOf(key partitionKey, known *moveModel, broker int32) Copy {
	c := Copy{Broker: broker, Records: Unknown, Bytes: Unknown, Of: Unknown, PerSecond: Unknown}
	t, ok := m.topics[key.topic]
	if !ok || t.partitions[key.partition] == nil {
		return c
	}
	p := t.partitions[key.partition]
	c.InSync = slices.Contains(p.meta.isr, broker)
	leader, ok := p.logs[p.meta.leader]
	own, have := p.logs[broker]
	if !ok || !have {
		return c
	}
	if leader.end >= 0 && own.end >= 0 {
		c.Records = max(0, leader.end-own.end)
	}
	if leader.bytes >= 0 && own.bytes >= 0 {
		c.Of, c.Bytes = leader.bytes, max(0, leader.bytes-own.bytes)
	}
	c.PerSecond = growth(known.sizes[broker])
	return c
}

// growth is the rate over samples, in bytes a second; -1: there are not two of them.
func growth(samples []sizeSample) float64 {
	if len(samples) < 2 {
		return Unknown
	}
	first, last := samples[0], samples[len(samples)-1]
	return max(0, float64(last.bytes-first.bytes)/last.at.Sub(first.at).Seconds())
}

// sampleSizes notes how large the copies on a broker are now.
func (v *movesModel) sampleSizes(broker int32, at time.Time, sizes map[partitionKey]int64) {
	for key, known := range v.list {
		bytes, ok := sizes[key]
		if !ok || !slices.Contains(known.move.Adding, broker) {
			continue
		}
		list := append(known.sizes[broker], sizeSample{at, bytes})
		known.sizes[broker] = list[max(0, len(list)-sizeSamples):]
	}
}

// askMoves reads what is being reassigned. Only the controller knows (in ZooKeeper mode); any broker answers with KRaft.
func (c *Cluster) askMoves(ctx context.Context) {
	list, _, err := hedged(ctx, c.askFirst(), c.askReassignments)
	if err != nil {
		return // the age tells
	}
	d := diff{at: time.Now(), on: !c.Launched()} // our controller tells, and when
	c.update(func(m *model) { m.applyMoves(d.at, list, &d) })
	for _, f := range d.facts {
		c.timeline.Append(f)
	}
}

func (c *Cluster) askReassignments(ctx context.Context, address string) ([]Reassignment, error) {
	l, err := c.link(address)
	if err != nil {
		return nil, err
	}
	resp, err := l.request(ctx, kmsg.NewPtrListPartitionReassignmentsRequest())
	if err != nil {
		return nil, err
	}
	list := resp.(*kmsg.ListPartitionReassignmentsResponse)
	if err := kerr.ErrorForCode(list.ErrorCode); err != nil {
		return nil, withMessage(err, text(list.ErrorMessage))
	}
	return fromReassignments(list), nil
}

// underWay reads what is being reassigned now.
func (c *Cluster) underWay(ctx context.Context) ([]Reassignment, error) {
	if err := c.glanceMetadata(ctx); err != nil {
		return nil, err
	}
	list, _, err := hedged(ctx, c.askFirst(), c.askReassignments)
	return list, err
}

func fromReassignments(list *kmsg.ListPartitionReassignmentsResponse) []Reassignment {
	var found []Reassignment
	for _, t := range list.Topics {
		for _, p := range t.Partitions {
			found = append(found, Reassignment{Topic: t.Topic, Partition: p.Partition, Replicas: p.Replicas, Adding: p.AddingReplicas, Removing: p.RemovingReplicas})
		}
	}
	return found
}

// ListReassignments is the request to list what is being reassigned.
type ListReassignments struct{}

func (ListReassignments) command(to addressee) Command {
	return Command{Klab: to.klab("reassign", "list"), Kafka: to.kafka("kafka-reassign-partitions.sh", "--list")}
}

// Reassignments reads what is being reassigned, and how far the new replicas are: for a caller that does not observe.
func (c *Cluster) Reassignments(ctx context.Context) (list []Reassignment, err error) {
	err = c.perform(ctx, ListReassignments{}, func(ctx context.Context) error {
		found, err := c.underWay(ctx)
		if err != nil {
			return fmt.Errorf("cannot list reassignments: %w", c.explain(err))
		}
		c.update(func(m *model) { m.applyMoves(time.Now(), found, &diff{}) })
		if len(found) > 0 {
			if _, err := c.Look(ctx); err != nil {
				return err
			}
		}
		c.update(func(m *model) { list = m.buildMoves() })
		return nil
	})
	return list, err
}
