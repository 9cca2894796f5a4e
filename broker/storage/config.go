package storage

import (
	"math"
	"slices"

	"klab/broker/storage/batch"
)

// LogConfig is what a topic's configuration says about its logs. Names, units,
// ranges and defaults are Kafka 3.9's; see DefaultLogConfig.
type LogConfig struct {
	SegmentBytes       int64 // segment.bytes
	SegmentMs          int64 // segment.ms
	SegmentJitterMs    int64 // segment.jitter.ms
	SegmentIndexBytes  int64 // segment.index.bytes: of one index file
	IndexIntervalBytes int64 // index.interval.bytes
	RetentionMs        int64 // retention.ms; -1: unlimited
	RetentionBytes     int64 // retention.bytes; -1: unlimited
	FileDeleteDelayMs  int64 // file.delete.delay.ms
	FlushMessages      int64 // flush.messages
	FlushMs            int64 // flush.ms

	DeleteRetentionMs  int64   // delete.retention.ms: of tombstones and markers, once they were cleaned
	MinCompactionLagMs int64   // min.compaction.lag.ms
	MaxCompactionLagMs int64   // max.compaction.lag.ms
	MinCleanableRatio  float64 // min.cleanable.dirty.ratio

	MaxMessageBytes      int      // max.message.bytes: of one batch
	CleanupPolicy        []string // cleanup.policy: delete, compact
	MessageTimestampType string   // message.timestamp.type: CreateTime or LogAppendTime
	TimestampBeforeMaxMs int64    // message.timestamp.before.max.ms
	TimestampAfterMaxMs  int64    // message.timestamp.after.max.ms
	CompressionType      string   // compression.type; producer: as it comes
	CompressionLevels    batch.Levels
	Preallocate          bool // preallocate; files grow as they are written all the same
	DownConversion       bool // message.downconversion.enable: whether Fetch before version 4 is served

	ProducerIDExpirationMs int64 // producer.id.expiration.ms, a broker's setting
	VerifyTransactions     bool  // transaction.partition.verification.enable, a broker's setting; see Log.Verify
}

// DefaultLogConfig is what Kafka 3.9 uses for a topic without settings.
func DefaultLogConfig() LogConfig {
	return LogConfig{
		SegmentBytes:           1 << 30,
		SegmentMs:              604_800_000,
		SegmentIndexBytes:      10 << 20,
		IndexIntervalBytes:     4096,
		RetentionMs:            604_800_000,
		RetentionBytes:         -1,
		FileDeleteDelayMs:      60_000,
		FlushMessages:          math.MaxInt64,
		FlushMs:                math.MaxInt64,
		DeleteRetentionMs:      86_400_000,
		MaxCompactionLagMs:     maxLag,
		MinCleanableRatio:      0.5,
		MaxMessageBytes:        1_048_588,
		CleanupPolicy:          []string{"delete"},
		MessageTimestampType:   "CreateTime",
		TimestampBeforeMaxMs:   math.MaxInt64,
		TimestampAfterMaxMs:    math.MaxInt64,
		CompressionType:        "producer",
		DownConversion:         true,
		ProducerIDExpirationMs: 86_400_000,
	}
}

// maxLag is the default of max.compaction.lag.ms: no bound.
const maxLag = math.MaxInt64

// segmentMs is when a segment is rolled at the latest: what max.compaction.lag.ms demands must not stay in the active one.
func (c *LogConfig) segmentMs() int64 {
	if c.compacts() && c.MaxCompactionLagMs > 0 {
		return min(c.SegmentMs, c.MaxCompactionLagMs)
	}
	return c.SegmentMs
}

func (c *LogConfig) logAppendTime() bool { return c.MessageTimestampType == "LogAppendTime" }
func (c *LogConfig) compacts() bool      { return slices.Contains(c.CleanupPolicy, "compact") }

// CompactsOnly reports whether records go by compaction alone.
func (c *LogConfig) CompactsOnly() bool { return c.compacts() && !c.deletes() }

func (c *LogConfig) deletes() bool { return slices.Contains(c.CleanupPolicy, "delete") }
