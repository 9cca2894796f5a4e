package replica

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/partition"
	"klab/broker/storage"
)

// alterRetry is the pause before an AlterPartition request that failed is sent again (kafka-formats D.4).
const alterRetry = 50 * time.Millisecond

// alterQueue holds the ISR changes that the controller has not yet answered. One request is in flight at a time; it
// carries all that are pending.
type alterQueue struct {
	r       *Replicas
	mu      sync.Mutex
	pending map[*hosted]*partition.Proposal
	filled  chan struct{}
}

func newAlterQueue(r *Replicas) *alterQueue {
	return &alterQueue{r: r, pending: map[*hosted]*partition.Proposal{}, filled: make(chan struct{}, 1)}
}

// enqueue takes a proposal over, unless it is void by now: the one that made it so may have come here before it.
func (q *alterQueue) enqueue(h *hosted, p *partition.Proposal) {
	q.mu.Lock()
	if h.stillProposes(p) {
		q.pending[h] = p
	}
	q.mu.Unlock()
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// run sends until ctx ends.
func (q *alterQueue) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.filled:
		}
		for !q.send(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(alterRetry):
			}
		}
	}
}

// send asks the controller about everything pending. It reports false if something must be asked again.
func (q *alterQueue) send(ctx context.Context) bool {
	q.mu.Lock()
	batch := q.pending
	q.pending = map[*hosted]*partition.Proposal{}
	q.mu.Unlock()
	if len(batch) == 0 {
		return true
	}
	answers, err := q.ask(ctx, batch)
	if err != nil {
		if ctx.Err() == nil {
			q.r.cfg.Log.Warn("cannot alter the ISR", "partitions", len(batch), "error", err, "retry in", alterRetry)
		}
		q.putBack(batch)
		return false
	}
	again := map[*hosted]*partition.Proposal{}
	for h, proposal := range batch {
		answer, ok := answers[h.tp]
		if !ok {
			answer.Error = kerr.UnknownServerError
		}
		if q.r.answered(h, proposal, answer) {
			again[h] = proposal
		}
	}
	q.putBack(again)
	return len(again) == 0
}

// putBack queues proposals again, but for partitions that have a newer one.
func (q *alterQueue) putBack(batch map[*hosted]*partition.Proposal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for h, p := range batch {
		if _, newer := q.pending[h]; !newer && h.stillProposes(p) {
			q.pending[h] = p
		}
	}
}

// stillProposes is false once a LeaderAndIsr has made the proposal void. The caller may hold the queue's mutex.
func (h *hosted) stillProposes(p *partition.Proposal) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.core.Proposes(p)
}

func (r *Replicas) answered(h *hosted, p *partition.Proposal, a partition.Answer) (again bool) {
	h.mu.Lock()
	again, effects := h.core.AlterPartitionAnswered(p, a, r.cfg.Clock(), r.cfg.Metadata.Snapshot())
	out := h.after(effects, 0)
	h.mu.Unlock()
	r.settle(h, out)
	if a.Error != nil {
		r.cfg.Log.Info("the controller did not take an ISR change", "partition", h.tp, "isr", p.ISR, "leader epoch", p.LeaderEpoch,
			"partition epoch", p.PartitionEpoch, "error", a.Error, "again", again)
	}
	return again
}

// ask sends one request and returns the answers by partition.
func (q *alterQueue) ask(ctx context.Context, batch map[*hosted]*partition.Proposal) (map[storage.TopicPartition]partition.Answer, error) {
	req, names := q.request(batch)
	resp, err := q.r.cfg.AlterPartition(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, err
	}
	answers := map[storage.TopicPartition]partition.Answer{}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		topic := t.Topic
		if req.Version >= 2 {
			topic = names[t.TopidID]
		}
		for _, p := range t.Partitions {
			answers[storage.TopicPartition{Topic: topic, Partition: p.Partition}] = partition.Answer{
				Error:          kerr.TypedErrorForCode(p.ErrorCode),
				LeaderEpoch:    p.LeaderEpoch,
				PartitionEpoch: p.PartitionEpoch,
				ISR:            p.ISR,
				Recovering:     p.LeaderRecoveryState == 1,
			}
		}
	}
	return answers, nil
}

// Versions of AlterPartition: with topic ids, and for topics without.
const (
	alterVersion           = 3
	alterVersionNoTopicIDs = 1
)

// request builds a request that is valid in any version the controller's connection may use.
func (q *alterQueue) request(batch map[*hosted]*partition.Proposal) (*kmsg.AlterPartitionRequest, map[storage.TopicID]string) {
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = alterVersion
	req.BrokerID, req.BrokerEpoch = q.r.cfg.BrokerID, q.r.cfg.BrokerEpoch()
	names := map[storage.TopicID]string{}
	for h, p := range batch {
		id := h.topicID()
		if id.IsZero() {
			req.Version = alterVersionNoTopicIDs
		}
		names[id] = h.tp.Topic
		i := slices.IndexFunc(req.Topics, func(t kmsg.AlterPartitionRequestTopic) bool { return t.Topic == h.tp.Topic })
		if i < 0 {
			i = len(req.Topics)
			t := kmsg.NewAlterPartitionRequestTopic()
			t.Topic, t.TopicID = h.tp.Topic, id
			req.Topics = append(req.Topics, t)
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, alterationOf(h, p))
	}
	return req, names
}

func alterationOf(h *hosted, p *partition.Proposal) kmsg.AlterPartitionRequestTopicPartition {
	a := kmsg.NewAlterPartitionRequestTopicPartition()
	a.Partition = h.tp.Partition
	a.LeaderEpoch, a.PartitionEpoch, a.NewISR = p.LeaderEpoch, p.PartitionEpoch, p.ISR
	if p.Recovering {
		a.LeaderRecoveryState = 1
	}
	for _, id := range p.ISR {
		member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		member.BrokerID = id
		member.BrokerEpoch = -1
		a.NewEpochISR = append(a.NewEpochISR, member)
	}
	return a
}
