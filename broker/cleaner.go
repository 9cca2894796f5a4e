package broker

import (
	"context"
	"slices"

	"klab/broker/storage"
)

// cleanerConfig reads what the cleaners may use, anew each time, as all of it is dynamic; nil if log.cleaner.enable is off.
func (b *Broker) cleanerConfig() func() storage.CleanerConfig {
	c := b.cfg
	if !c.Bool("log.cleaner.enable") {
		return nil
	}
	return func() storage.CleanerConfig {
		return storage.CleanerConfig{
			Threads:           c.Int("log.cleaner.threads"),
			Backoff:           c.Duration("log.cleaner.backoff.ms"),
			DedupeBufferBytes: c.Int64("log.cleaner.dedupe.buffer.size"),
			LoadFactor:        c.Float("log.cleaner.io.buffer.load.factor"),
			MaxBytesPerSecond: c.Float("log.cleaner.io.max.bytes.per.second"),
		}
	}
}

// isCompacted asks ZooKeeper whether a topic is compacted, for a log with a gap that is loaded before its configuration is
// known. Where nobody can tell, a gap is taken for one that compaction made: nothing is cut off.
func (b *Broker) isCompacted(ctx context.Context, topic string, connected <-chan struct{}) bool {
	select {
	case <-connected:
	case <-ctx.Done():
		return true
	}
	if b.topics == nil { // the session could not be opened, and the start fails
		return true
	}
	c, err := b.topics.fetch(ctx, topic)
	return err != nil || slices.Contains(c.List("cleanup.policy"), "compact")
}
