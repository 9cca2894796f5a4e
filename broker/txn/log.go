package txn

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/internaltopic"
	"klab/broker/storage/batch"
)

// Elected begins to coordinate the ids of a partition: it is loaded in the background.
func (c *Coordinator) Elected(partition, leaderEpoch int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.partitions[partition]
	if c.closed || old != nil && old.epoch >= leaderEpoch {
		return
	}
	if old != nil {
		old.cancel()
	}
	p := &owned{id: partition, epoch: leaderEpoch, ids: make(map[string]*entry)}
	p.ctx, p.cancel = context.WithCancel(c.ctx)
	c.partitions[partition] = p
	c.wg.Go(func() { c.load(p) })
}

// Resigned forgets the ids of a partition.
func (c *Coordinator) Resigned(partition, leaderEpoch int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.partitions[partition]
	if p == nil || leaderEpoch >= 0 && leaderEpoch < p.epoch {
		return
	}
	p.cancel()
	delete(c.partitions, partition)
}

// load reads a partition and goes on with the transactions that were decided. What cannot be read ends the load with what
// came before it, as in Kafka.
func (c *Coordinator) load(p *owned) {
	select {
	case c.loads <- struct{}{}:
	case <-p.ctx.Done():
		return
	}
	defer func() { <-c.loads }()
	began := c.cfg.Clock()
	ids := make(map[string]Metadata)
	err := c.cfg.Topic.Load(p.ctx, p.id, func(b batch.Batch) error { return readBatch(b, ids) })
	if p.gone() {
		return
	}
	if err != nil {
		c.cfg.Log.Error("a partition of __transaction_state was read only up to what cannot be read", "partition", p.id, "error", err)
	}
	p.mu.Lock()
	for id, m := range ids {
		p.ids[id] = &entry{id: id, at: p, txn: Loaded(id, m)}
	}
	all := make([]*entry, 0, len(p.ids))
	for _, e := range p.ids {
		all = append(all, e)
	}
	p.loaded = true
	p.mu.Unlock()
	c.cfg.Log.Info("coordinates transactions", "partition", p.id, "leader epoch", p.epoch, "ids", len(all), "took", c.cfg.Clock().Sub(began))
	now := c.nowMs()
	for _, e := range all {
		c.do(e, func(t *Txn) Effects { return t.Resume(now) })
	}
}

// readBatch applies the records of a batch to what is known of the ids.
func readBatch(b batch.Batch, ids map[string]Metadata) error {
	if b.Control() || b.Count() == 0 {
		return nil
	}
	for r, err := range b.Records() {
		if err != nil {
			return err
		}
		id, ok, err := decodeKey(r.Key)
		switch {
		case err != nil:
			return fmt.Errorf("at offset %d: %w", r.Offset, err)
		case !ok: // of a later version
		case r.Value == nil:
			delete(ids, id)
		default:
			m, err := decodeValue(r.Value)
			if err != nil {
				return fmt.Errorf("at offset %d, of transactional id %q: %w", r.Offset, id, err)
			}
			ids[id] = m
		}
	}
	return nil
}

// write appends a record of an id and hands it the outcome.
func (c *Coordinator) write(e *entry, r *Record) {
	record := batch.Record{Timestamp: c.nowMs(), Key: encodeKey(e.id)}
	if !r.Tombstone {
		record.Value = encodeValue(&r.Metadata)
	}
	b, err := batch.Build(batch.NewOptions(), record)
	if err != nil {
		c.written(e, kerr.UnknownServerError)
		return
	}
	c.cfg.Topic.Append(internaltopic.Write{Partition: e.at.id, LeadsSince: e.at.epoch, Batch: b}, func(_ int64, err *kerr.Error) { c.written(e, appendError(err)) })
}

func (c *Coordinator) written(e *entry, err *kerr.Error) {
	if err == nil && e.at.gone() {
		err = kerr.NotCoordinator // the record counts, and its new coordinator knows
	}
	if err != nil {
		c.cfg.Log.Info("cannot write the state of a transactional id", "transactional id", e.id, "partition", e.at.id, "error", err)
	}
	now := c.nowMs()
	c.do(e, func(t *Txn) Effects { return t.Written(err, now) })
}

// appendError is what an error of the append means to a client of the coordinator (kafka-formats D.13).
func appendError(err *kerr.Error) *kerr.Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.NotEnoughReplicas),
		errors.Is(err, kerr.NotEnoughReplicasAfterAppend), errors.Is(err, kerr.RequestTimedOut):
		return kerr.CoordinatorNotAvailable
	case errors.Is(err, kerr.NotLeaderForPartition), errors.Is(err, kerr.KafkaStorageError):
		return kerr.NotCoordinator
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return kerr.UnknownServerError
	}
	return err
}
