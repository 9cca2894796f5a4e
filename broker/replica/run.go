package replica

import (
	"context"
	"errors"
	"sync"
	"time"

	"klab/broker/partition"
	"klab/broker/storage"
)

// Run does what time brings, until ctx ends: it watches the ISRs, sends ISR changes, writes checkpoints and applies
// retention. It returns nil.
func (r *Replicas) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.alter.run(ctx) })
	wg.Go(func() { every(ctx, r.cfg.LagTimeMax/2, r.checkISRs) })
	wg.Go(func() {
		select {
		case <-r.announced: // before, the checkpoint would lose the partitions not yet announced (kafka-formats B.2)
			every(ctx, r.cfg.HighWatermarkCheckpointInterval, r.warn("cannot write the high watermark checkpoint", r.checkpointHighWatermarks))
		case <-ctx.Done():
		}
	})
	wg.Go(func() {
		every(ctx, r.cfg.RecoveryPointCheckpointInterval, r.warn("cannot write the recovery point checkpoint", func() error {
			return r.eachDir((*storage.Dir).CheckpointRecoveryPoints)
		}))
	})
	wg.Go(func() {
		every(ctx, r.cfg.LogStartCheckpointInterval, r.warn("cannot write the log start checkpoint", func() error {
			return r.eachDir((*storage.Dir).CheckpointLogStartOffsets)
		}))
	})
	wg.Go(func() {
		if sleep(ctx, r.cfg.InitialTaskDelay) {
			r.maintain()
			every(ctx, r.cfg.RetentionCheckInterval, r.maintain)
		}
	})
	wg.Go(func() { every(ctx, r.cfg.ProducerCheckInterval, r.forgetProducers) })
	wg.Go(func() { every(ctx, removeInterval, r.removeDue) })
	if r.cfg.FlushSchedulerInterval < 1<<63-1 {
		wg.Go(func() { every(ctx, r.cfg.FlushSchedulerInterval, r.flushDue) })
	}
	if r.cfg.Cleaner != nil {
		wg.Go(func() { r.runCleaners(ctx) })
	}
	wg.Wait()
	return nil
}

func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (r *Replicas) warn(message string, do func() error) func() {
	return func() {
		if err := do(); err != nil {
			r.cfg.Log.Error(message, "error", err)
		}
	}
}

// checkISRs looks for followers that no longer keep up.
func (r *Replicas) checkISRs() {
	now, live := r.cfg.Clock(), r.cfg.Metadata.Snapshot()
	for _, h := range r.table().hosted {
		h.mu.Lock()
		out := h.after(h.core.Tick(now, live), 0)
		h.mu.Unlock()
		if p := out.effects.Propose; p != nil {
			r.cfg.Log.Info("proposes to shrink the ISR", "partition", h.tp, "to", p.ISR)
		}
		r.settle(h, out)
	}
}

// checkpointHighWatermarks writes the high watermarks of all hosted partitions, a file a directory.
func (r *Replicas) checkpointHighWatermarks() error {
	byDir := map[*storage.Dir]map[storage.TopicPartition]int64{}
	for _, d := range r.onlineDirs() {
		byDir[d] = map[storage.TopicPartition]int64{}
	}
	for tp, h := range r.table().hosted {
		if marks := byDir[h.dir]; marks != nil {
			marks[tp] = h.highWatermark()
		}
	}
	return r.eachDir(func(d *storage.Dir) error {
		if len(byDir[d]) == 0 {
			return nil
		}
		return d.CheckpointHighWatermarks(byDir[d])
	})
}

func (h *hosted) highWatermark() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.core.HighWatermark()
}

// eachDir runs do on every log directory that is online; an I/O error takes the directory offline.
func (r *Replicas) eachDir(do func(*storage.Dir) error) error {
	var errs []error
	for _, d := range r.onlineDirs() {
		if err := do(d); err != nil {
			errs = append(errs, err)
			r.checkDir(d)
		}
	}
	return errors.Join(errs...)
}

// removeInterval is how late a file may be removed, beyond file.delete.delay.ms.
const removeInterval = time.Second

// removeDue removes the files of segments and replicas that were deleted long enough ago.
func (r *Replicas) removeDue() {
	for _, d := range r.onlineDirs() {
		d.RemoveDue(r.cfg.Clock())
		r.checkDir(d)
	}
}

// flushDue syncs the logs whose flush.ms is over.
func (r *Replicas) flushDue() {
	for _, d := range r.onlineDirs() {
		d.FlushDue(r.cfg.Clock())
		r.checkDir(d)
	}
}

// forgetProducers forgets the producers that were idle for long.
func (r *Replicas) forgetProducers() {
	for _, d := range r.onlineDirs() {
		d.ForgetProducers(r.cfg.Clock())
	}
}

// maintain applies retention. Only what is committed may go.
func (r *Replicas) maintain() {
	for _, d := range r.onlineDirs() {
		d.Maintain(r.cfg.Clock(), r.watermarkOf)
		r.checkDir(d)
	}
}

// endOfEpoch asks a log where a leader epoch ends (kafka-formats D.6).
func endOfEpoch(log *storage.Log, epoch int32) partition.EpochEnd {
	found, end := log.EndOffsetForEpoch(epoch)
	return partition.EpochEnd{Epoch: found, End: end}
}
