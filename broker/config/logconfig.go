package config

import (
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// LogConfig is what the topic's configuration says to its logs.
func (t TopicConfig) LogConfig() storage.LogConfig {
	return storage.LogConfig{
		SegmentBytes:       t.Int64("segment.bytes"),
		SegmentMs:          t.Int64("segment.ms"),
		SegmentJitterMs:    t.Int64("segment.jitter.ms"),
		SegmentIndexBytes:  t.Int64("segment.index.bytes"),
		IndexIntervalBytes: t.Int64("index.interval.bytes"),
		RetentionMs:        t.Int64("retention.ms"),
		RetentionBytes:     t.Int64("retention.bytes"),
		FileDeleteDelayMs:  t.Int64("file.delete.delay.ms"),
		FlushMessages:      t.Int64("flush.messages"),
		FlushMs:            t.Int64("flush.ms"),

		DeleteRetentionMs:  t.Int64("delete.retention.ms"),
		MinCompactionLagMs: t.Int64("min.compaction.lag.ms"),
		MaxCompactionLagMs: t.Int64("max.compaction.lag.ms"),
		MinCleanableRatio:  t.Float64("min.cleanable.dirty.ratio"),

		MaxMessageBytes:      t.Int("max.message.bytes"),
		CleanupPolicy:        t.List("cleanup.policy"),
		MessageTimestampType: t.String("message.timestamp.type"),
		TimestampBeforeMaxMs: t.timestampMax("message.timestamp.before.max.ms"),
		TimestampAfterMaxMs:  t.timestampMax("message.timestamp.after.max.ms"),
		CompressionType:      t.String("compression.type"),
		CompressionLevels: batch.Levels{
			Gzip: t.Int("compression.gzip.level"),
			LZ4:  t.Int("compression.lz4.level"),
			Zstd: t.Int("compression.zstd.level"),
		},
		Preallocate:    t.Bool("preallocate"),
		DownConversion: t.Bool("message.downconversion.enable"),

		ProducerIDExpirationMs: t.broker.Int64("producer.id.expiration.ms"),
		VerifyTransactions:     t.broker.Bool("transaction.partition.verification.enable"),
	}
}

// timestampMax falls back to the deprecated message.timestamp.difference.max.ms, which bounds both directions (KIP-937).
func (t TopicConfig) timestampMax(name string) int64 {
	const unlimited = 1<<63 - 1
	if n := t.Int64(name); n != unlimited {
		return n
	}
	return t.Int64("message.timestamp.difference.max.ms")
}
