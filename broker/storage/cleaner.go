package storage

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// CleanerConfig bounds what cleaners use. Names, defaults and ranges are Kafka 3.9's.
type CleanerConfig struct {
	Threads           int           // log.cleaner.threads: how many logs are cleaned at once
	Backoff           time.Duration // log.cleaner.backoff.ms: the pause where nothing is to be cleaned
	DedupeBufferBytes int64         // log.cleaner.dedupe.buffer.size: for the keys, of all threads together
	LoadFactor        float64       // log.cleaner.io.buffer.load.factor: of the key buffer
	MaxBytesPerSecond float64       // log.cleaner.io.max.bytes.per.second: read and written, of all threads together
}

// DefaultCleanerConfig is Kafka 3.9's.
func DefaultCleanerConfig() CleanerConfig {
	return CleanerConfig{Threads: 1, Backoff: 15 * time.Second, DedupeBufferBytes: 128 << 20, LoadFactor: 0.9, MaxBytesPerSecond: 1e308}
}

// Cleaner compacts logs (cleanup.policy=compact). It has no goroutine: each call of CleanFilthiest is one round of one of
// Kafka's cleaner threads. It is safe for concurrent use.
type Cleaner struct {
	clock func() time.Time
	log   *slog.Logger
	pace  pace

	mu          sync.Mutex
	busy        map[*Log]bool  // a round cleans it
	uncleanable map[*Log]error // its clean failed: it is left alone until the broker restarts
}

// NewCleaner returns a cleaner. clock and log are those of the broker.
func NewCleaner(clock func() time.Time, log *slog.Logger) *Cleaner {
	return &Cleaner{clock: clock, log: log, busy: map[*Log]bool{}, uncleanable: map[*Log]error{}}
}

// candidate is a log that may be cleaned.
type candidate struct {
	log    *Log
	config *LogConfig
	plan   cleanPlan
}

// CleanFilthiest cleans the log with the largest dirty ratio among those that are due, if there is one. hw is a
// partition's high watermark. After it, as in Kafka, retention is applied to the compacted logs. It reports whether it
// cleaned; ctx ends it early, with what was done so far in place.
func (c *Cleaner) CleanFilthiest(ctx context.Context, dirs []*Dir, cfg CleanerConfig, hw func(TopicPartition) int64) (cleaned bool) {
	found, ok := c.grab(dirs, hw)
	if ok {
		defer c.release(found.log)
		err := c.clean(ctx, found, cfg)
		if err != nil && !errors.Is(err, errCleanAborted) {
			c.giveUp(found.log, err)
		}
		cleaned = err == nil
	}
	for _, d := range dirs {
		for tp, l := range d.Logs() {
			if !l.config.Load().compacts() || ctx.Err() != nil || d.Failed() != nil || c.isUncleanable(l) {
				continue
			}
			if err := l.retain(l.config.Load(), c.clock(), hw(tp)); err != nil {
				l.storageFailure(err)
			}
		}
	}
	return cleaned
}

// grab chooses the log to clean, and keeps the other rounds off it.
func (c *Cleaner) grab(dirs []*Dir, hw func(TopicPartition) int64) (best candidate, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetClosed()
	now := c.clock()
	for _, d := range dirs {
		for tp, l := range d.Logs() {
			config := l.config.Load()
			if !config.compacts() || c.busy[l] || c.uncleanable[l] != nil || l.usable() != nil {
				continue
			}
			plan, err := l.planClean(config, hw(tp), now)
			if err != nil {
				c.uncleanable[l] = err
				continue
			}
			if plan.due(config) && (!ok || plan.ratio() > best.plan.ratio()) {
				best, ok = candidate{l, config, plan}, true
			}
		}
	}
	if ok {
		c.busy[best.log] = true
	}
	return best, ok
}

// forgetClosed drops what is known of logs that are gone. mu is held.
func (c *Cleaner) forgetClosed() {
	for l := range c.uncleanable {
		if l.closed.Load() {
			delete(c.uncleanable, l)
		}
	}
}

func (c *Cleaner) release(l *Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, l)
}

func (c *Cleaner) isUncleanable(l *Log) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uncleanable[l] != nil
}

func (c *Cleaner) giveUp(l *Log, err error) {
	if l.closed.Load() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uncleanable[l] = err
	c.log.Error("a log cannot be compacted; it is left as it is until the broker restarts",
		slog.String("log", l.tp.String()), slog.Any("err", err))
}

func (c *Cleaner) clean(ctx context.Context, found candidate, cfg CleanerConfig) error {
	began := c.clock()
	l := found.log
	stats, err := l.clean(ctx, found.config, found.plan, began, newKeyMap(cfg.DedupeBufferBytes/int64(max(cfg.Threads, 1)), cfg.LoadFactor),
		func(ctx context.Context, bytes int) error { return c.pace.take(ctx, bytes, cfg.MaxBytesPerSecond) })
	if err != nil {
		return err
	}
	c.log.Info("log compacted", slog.String("log", l.tp.String()), slog.Int64("from", stats.From), slog.Int64("to", stats.To),
		slog.Int("keys", stats.Keys), slog.Int("records", stats.RecordsRead), slog.Int("kept", stats.RecordsKept),
		slog.Int64("bytes", stats.BytesRead), slog.Int64("bytesKept", stats.BytesWritten),
		slog.Int("segments", stats.SegmentsBefore), slog.Int("segmentsKept", stats.SegmentsAfter), slog.Duration("took", c.clock().Sub(began)))
	return nil
}

// Clean compacts one log now if anything of it may be, whatever its dirty ratio, with a key buffer of the given bytes.
func (l *Log) Clean(ctx context.Context, highWatermark, bufferBytes int64, now time.Time) (CleanStats, error) {
	config := l.config.Load()
	plan, err := l.planClean(config, highWatermark, now)
	if err != nil || plan.dirtyBytes == 0 {
		return CleanStats{}, err
	}
	free := func(context.Context, int) error { return nil }
	return l.clean(ctx, config, plan, now, newKeyMap(bufferBytes, DefaultCleanerConfig().LoadFactor), free)
}

// clean carries out a plan, and checkpoints where the log is dirty from now on.
func (l *Log) clean(ctx context.Context, c *LogConfig, plan cleanPlan, now time.Time, keys *keyMap, throttle func(context.Context, int) error) (CleanStats, error) {
	l.cleaning.Lock()
	defer l.cleaning.Unlock()
	r := cleanRun{Log: l, ctx: ctx, config: c, plan: plan, keys: keys, now: now.UnixMilli(), throttle: throttle}
	err := r.run()
	if err == nil {
		err = r.checkpoint()
	}
	return r.stats, err
}

// planClean looks at the log and decides what of it may be cleaned.
func (l *Log) planClean(c *LogConfig, highWatermark int64, now time.Time) (cleanPlan, error) {
	v := cleanView{
		cuts:       l.cuts.Load(), // before anything else is looked at
		start:      l.start.Load(),
		end:        l.end.Load(),
		stable:     l.LastStableOffset(highWatermark),
		checkpoint: l.dir.cleanedTo(l.tp),
		now:        now.UnixMilli(),
	}
	err := l.search(func() (err error) {
		v.segments, err = l.segmentFacts(c)
		return err
	})
	if err != nil {
		return cleanPlan{}, err
	}
	p := planClean(c, v)
	if p.reset {
		err = l.dir.checkpointClean(l, p.dirty)
	}
	return p, err
}

// segmentFacts reads of the segments what a plan needs: timestamps only if the configuration asks for them.
func (l *Log) segmentFacts(c *LogConfig) ([]segmentFacts, error) {
	segments := *l.segments.Load()
	facts := make([]segmentFacts, len(segments))
	for i, s := range segments {
		facts[i] = segmentFacts{base: s.base, size: s.size.Load(), firstTimestamp: -1, latestTimestamp: -1}
		if i == len(segments)-1 {
			break
		}
		var err error
		if c.MinCompactionLagMs > 0 {
			if facts[i].latestTimestamp, _, err = s.maxTimestamp(); err != nil {
				return nil, err
			}
		}
		if c.MaxCompactionLagMs < maxLag {
			if facts[i].firstTimestamp, err = s.firstTimestamp(); err != nil {
				return nil, err
			}
		}
	}
	return facts, nil
}
