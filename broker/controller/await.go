package controller

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/coordinator/znode"
)

// await is a caller's wait until the metadata cache of this broker shows what
// it asked for: the broker has then answered an UpdateMetadata that says so.
type await struct {
	mu      sync.Mutex
	leaders map[TopicPartition]bool // partitions that still lack a leader
	gone    map[string]bool         // topics that are still there
	armed   bool                    // all that is waited for has been noted
	done    chan struct{}           // closed when nothing is left, or the reign ended
	once    sync.Once
}

func newAwait() *await {
	return &await{leaders: make(map[TopicPartition]bool), gone: make(map[string]bool), done: make(chan struct{})}
}

func (a *await) finish() { a.once.Do(func() { close(a.done) }) }

// check finishes when nothing is left to wait for.
func (a *await) check() {
	a.mu.Lock()
	settled := a.armed && len(a.leaders)+len(a.gone) == 0
	a.mu.Unlock()
	if settled {
		a.finish()
	}
}

// wait waits until nothing is left, ctx ended or stop is closed.
func (a *await) wait(ctx context.Context, stop <-chan struct{}) {
	a.mu.Lock()
	a.armed = true
	a.mu.Unlock()
	a.check()
	select {
	case <-a.done:
	case <-ctx.Done():
	case <-stop:
	}
}

// expectLeaders has it wait for leaders of a topic's partitions.
func (a *await) expectLeaders(topic string, partitions map[int32][]int32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range partitions {
		a.leaders[TopicPartition{Topic: topic, Partition: id}] = true
	}
}

// lacksLeader reports whether some partition of the topic has no leader yet.
func (a *await) lacksLeader(topic string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for tp := range a.leaders {
		if tp.Topic == topic {
			return true
		}
	}
	return false
}

// isThere reports whether the topic is not gone yet.
func (a *await) isThere(topic string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone[topic]
}

// drop stops waiting for a topic.
func (a *await) drop(topic string) {
	a.mu.Lock()
	delete(a.gone, topic)
	for tp := range a.leaders {
		if tp.Topic == topic {
			delete(a.leaders, tp)
		}
	}
	a.mu.Unlock()
	a.check()
}

// learned notes what this broker's metadata cache now shows.
func (r *reign) learned(update *kmsg.UpdateMetadataRequest) {
	for a := range r.awaits {
		a.mu.Lock()
		for _, t := range update.TopicStates {
			for _, p := range t.PartitionStates {
				switch {
				case p.Leader >= 0:
					delete(a.leaders, TopicPartition{Topic: t.Topic, Partition: p.Partition})
				case p.Leader == znode.LeaderDuringDelete:
					delete(a.gone, t.Topic)
				}
			}
		}
		a.mu.Unlock()
		a.check()
	}
}

// heard notes deletions of topics that no broker knew a leader of.
func (r *reign) heard(f fact.Fact) {
	if f.Kind != fact.TopicDeleted {
		return
	}
	for a := range r.awaits {
		a.mu.Lock()
		delete(a.gone, f.Topic)
		a.mu.Unlock()
		a.check()
	}
}
