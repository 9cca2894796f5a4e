package txn

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// delivery is markers of one transaction that are due.
type delivery struct {
	entry *entry
	Mark
	missed bool // the metadata that was looked at before lacked these partitions
}

// deliver sends markers to the leaders of their partitions. A partition that is in no metadata was deleted: it needs none. But a
// broker that has just started coordinates before it is told of the cluster, and is told of it piece by piece. So the metadata
// says nothing of other partitions while it lacks the one that the coordinator's own state is in, and is looked at twice.
func (c *Coordinator) deliver(d delivery) {
	now := c.cfg.Metadata.Snapshot()
	_, told := now.Partition(c.cfg.Topic.Name(), d.entry.at.id)
	byLeader := make(map[int32][]storage.TopicPartition)
	var deleted, missing, leaderless []storage.TopicPartition
	for _, tp := range d.Partitions {
		p, known := now.Partition(tp.Topic, tp.Partition)
		switch {
		case !known && told && d.missed:
			deleted = append(deleted, tp)
		case !known && told:
			missing = append(missing, tp)
		case !known || p.Leader < 0 || !now.Alive(p.Leader):
			leaderless = append(leaderless, tp)
		default:
			byLeader[p.Leader] = append(byLeader[p.Leader], tp)
		}
	}
	d.missed = false
	for leader, partitions := range byLeader {
		part := d
		part.Partitions = partitions
		c.markers.put(leader, part)
	}
	c.retry(d, leaderless)
	d.missed = true
	c.retry(d, missing)
	if len(deleted) > 0 {
		c.cfg.Log.Info("partitions of a transaction are gone and need no markers", "transactional id", d.entry.id, "partitions", deleted)
		c.do(d.entry, func(t *Txn) Effects { return t.Marked(deleted) })
	}
}

// retry delivers markers again after a pause, when leaders may have changed.
func (c *Coordinator) retry(d delivery, partitions []storage.TopicPartition) {
	if len(partitions) == 0 {
		return
	}
	d.Partitions = partitions
	c.later(d.entry.at, func() { c.deliver(d) })
}

// sendMarkers sends one WriteTxnMarkers request with the markers of many transactions.
func (c *Coordinator) sendMarkers(ctx context.Context, broker int32, due []delivery) {
	due = slices.DeleteFunc(due, func(d delivery) bool { return d.entry.at.gone() })
	if len(due) == 0 || ctx.Err() != nil {
		return
	}
	resp, err := c.cfg.Send(ctx, broker, markersRequest(due))
	answer, ok := resp.(*kmsg.WriteTxnMarkersResponse)
	if err == nil && !ok {
		err = fmt.Errorf("the answer is a %T", resp)
	}
	if err != nil {
		c.cfg.Log.Info("cannot send transaction markers, will try again", "broker", broker, "transactions", len(due), "error", err)
		for _, d := range due {
			c.retry(d, d.Partitions)
		}
		return
	}
	results := resultsOf(answer)
	for _, d := range due {
		c.delivered(d, results)
	}
}

func markersRequest(due []delivery) *kmsg.WriteTxnMarkersRequest {
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Version = 1
	for _, d := range due {
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch, m.Committed, m.CoordinatorEpoch = d.ProducerID, d.ProducerEpoch, d.Commit, d.entry.at.epoch
		for _, topic := range topicsOf(d.Partitions) {
			t := kmsg.NewWriteTxnMarkersRequestMarkerTopic()
			t.Topic, t.Partitions = topic.Topic, topic.Partitions
			m.Topics = append(m.Topics, t)
		}
		req.Markers = append(req.Markers, m)
	}
	return req
}

// marked is one partition's marker of one producer.
type marked struct {
	producerID int64
	storage.TopicPartition
}

func resultsOf(resp *kmsg.WriteTxnMarkersResponse) map[marked]int16 {
	results := make(map[marked]int16)
	for _, m := range resp.Markers {
		for _, t := range m.Topics {
			for _, p := range t.Partitions {
				results[marked{m.ProducerID, storage.TopicPartition{Topic: t.Topic, Partition: p.Partition}}] = p.ErrorCode
			}
		}
	}
	return results
}

// delivered sorts out what became of the markers of one transaction (kafka-formats D.13).
func (c *Coordinator) delivered(d delivery, results map[marked]int16) {
	var done, again []storage.TopicPartition
	for _, tp := range d.Partitions {
		code, answered := results[marked{d.ProducerID, tp}]
		switch err := kerr.TypedErrorForCode(code); {
		case !answered:
			again = append(again, tp)
		case err == nil, err == kerr.UnsupportedForMessageFormat, err == kerr.UnsupportedVersion:
			done = append(done, tp)
		case err == kerr.InvalidProducerEpoch, err == kerr.TransactionCoordinatorFenced:
			c.cfg.Log.Warn("a marker was refused: another coordinator has taken over", "transactional id", d.entry.id,
				"partition", tp, "coordinator epoch", d.entry.at.epoch, "error", err)
			return // the completion is left to that one
		default:
			again = append(again, tp)
		}
	}
	if len(done) > 0 {
		c.do(d.entry, func(t *Txn) Effects { return t.Marked(done) })
	}
	c.retry(d, again)
}
