package storage

import (
	"errors"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// AppendInfo tells what an append did.
type AppendInfo struct {
	FirstOffset, LastOffset int64
	MaxTimestamp            int64 // of the records, or -1
	OffsetOfMaxTimestamp    int64 // the first record that has it
	LogAppendTime           int64 // -1 unless the topic's timestamps are the broker's
	LogStartOffset          int64
	LastEpoch               int32 // the latest leader epoch that the log knows now
	Bytes                   int   // how many the log grew by; 0 for a duplicate
	// Duplicate says that the batch is one of its producer's last five: nothing
	// was written, and the offsets are those of the first time.
	Duplicate bool
}

// AppendAsLeader appends one batch of a client or a coordinator: it checks it
// (KIP-98, KIP-32), gives it the next offsets and the leader's epoch in place,
// and writes it. records may be changed even if the append fails. now is the
// broker's clock.
//
// The error is an *Error. CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP,
// MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE and UNSUPPORTED_COMPRESSION_TYPE are about the bytes;
// OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE and
// TRANSACTION_COORDINATOR_FENCED about the producer; KAFKA_STORAGE_ERROR means
// that the log directory failed.
func (l *Log) AppendAsLeader(records []byte, epoch int32, origin Origin, now time.Time) (AppendInfo, error) {
	return l.AppendVerified(records, epoch, origin, 0, now)
}

// AppendVerified is AppendAsLeader for a writer that may have asked the
// transaction's coordinator, and got g for it (KIP-890). A transactional batch
// that needed a guard and comes without the right one is INVALID_TXN_STATE.
func (l *Log) AppendVerified(records []byte, epoch int32, origin Origin, g Guard, now time.Time) (AppendInfo, error) {
	if err := l.usable(); err != nil {
		return AppendInfo{}, err
	}
	config := l.config.Load()
	p, err := prepare(records, l.tp, config, origin, now)
	if err != nil {
		return AppendInfo{}, err
	}
	if err := errors.Join(l.settle(), l.writeMetadata()); err != nil {
		return AppendInfo{}, err
	}
	l.mu.Lock()
	info, rolled, err := l.appendPrepared(p, leaderAppend{epoch, origin, g, now}, config)
	l.mu.Unlock()
	if err != nil {
		return AppendInfo{}, err
	}
	return info, l.afterAppend(rolled, config)
}

// prepared is a batch that may be appended as it is, but for offsets and epoch.
type prepared struct {
	batch         batch.Batch
	facts         batch.Facts
	marker        *batch.Marker
	logAppendTime int64
}

// prepare does all that needs no lock: it validates the batch and brings it
// into the form that the topic's configuration wants.
func prepare(records []byte, tp TopicPartition, c *LogConfig, origin Origin, now time.Time) (prepared, error) {
	b, err := onlyBatch(records, c, origin)
	if err != nil {
		return prepared{}, err
	}
	if len(b) > c.MaxMessageBytes {
		return prepared{}, errorf(kerr.MessageTooLarge, "the batch has %d bytes, max.message.bytes is %d", len(b), c.MaxMessageBytes)
	}
	if err := b.Check(); err != nil {
		return prepared{}, err
	}
	p := prepared{batch: b, logAppendTime: -1}
	p.facts, err = b.Validate(c.rules(tp, b, origin, now))
	if err == nil && b.Control() {
		p.marker, err = marker(b)
	}
	if err == nil {
		err = p.convert(c)
	}
	if err != nil {
		return prepared{}, err
	}
	if c.logAppendTime() {
		p.logAppendTime = now.UnixMilli()
		p.facts = batch.Facts{MaxTimestamp: p.logAppendTime}
	}
	p.batch.SetMaxTimestamp(p.facts.MaxTimestamp, c.logAppendTime())
	if int64(len(p.batch)) > c.SegmentBytes {
		return prepared{}, errorf(kerr.RecordListTooLarge, "the batch has %d bytes, segment.bytes is %d", len(p.batch), c.SegmentBytes)
	}
	return p, nil
}

// rules are what the configuration demands of a batch.
func (c *LogConfig) rules(tp TopicPartition, b batch.Batch, origin Origin, now time.Time) batch.Rules {
	return batch.Rules{
		Topic:         tp.Topic,
		Partition:     tp.Partition,
		FromClient:    origin == Client,
		NeedKeys:      c.compacts() && !b.Control(),
		LogAppendTime: c.logAppendTime(),
		Now:           now.UnixMilli(),
		BeforeMaxMs:   c.TimestampBeforeMaxMs,
		AfterMaxMs:    c.TimestampAfterMaxMs,
	}
}

// onlyBatch returns the one batch that a produce request may hold for a partition. Message sets of older formats become one.
func onlyBatch(records []byte, c *LogConfig, origin Origin) (batch.Batch, error) {
	b, err := batch.Next(records)
	switch {
	case err == nil && b.Legacy() && origin == Client:
		return batch.Upgrade(records, c.MaxMessageBytes)
	case err == io.EOF:
		return nil, errorf(kerr.InvalidRecord, "the request holds no batch")
	case errors.Is(err, batch.ErrShort):
		return nil, errorf(kerr.CorruptMessage, "the batch is cut off after %d bytes", len(records))
	case err != nil:
		return nil, err
	case len(b) < len(records):
		return nil, errorf(kerr.InvalidRecord, "the request holds more than one batch")
	case b.Legacy():
		return nil, errorf(kerr.InvalidRecord, "the batch has format %d, only format 2 can be appended", b.Magic())
	}
	return b, nil
}

func marker(b batch.Batch) (*batch.Marker, error) {
	m, ok, err := b.Marker()
	if err != nil || !ok {
		return nil, err
	}
	return &m, nil
}

// convert compresses the batch as compression.type wants it.
func (p *prepared) convert(c *LogConfig) (err error) {
	codec, fixed := batch.ParseCodec(c.CompressionType)
	if !fixed || codec == p.batch.Codec() || p.batch.Control() {
		return nil
	}
	p.batch, err = p.batch.Recompress(codec, c.CompressionLevels, c.MaxMessageBytes)
	return err
}

// leaderAppend is in whose name a batch is appended.
type leaderAppend struct {
	epoch  int32
	origin Origin
	guard  Guard
	now    time.Time
}

// appendPrepared is the part of a leader's append that has to be alone. mu is held.
func (l *Log) appendPrepared(p prepared, as leaderAppend, c *LogConfig) (AppendInfo, bool, error) {
	if err := l.usable(); err != nil {
		return AppendInfo{}, false, err
	}
	l.states.Lock()
	v, err := l.states.check(p.batch, p.marker, as.origin, as.guard, c.VerifyTransactions)
	l.states.Unlock()
	if err != nil {
		return AppendInfo{}, false, err
	}
	if v.duplicate {
		return l.duplicateInfo(v.of), false, nil
	}
	first := l.end.Load()
	p.batch.SetBaseOffset(first)
	p.batch.SetLeaderEpoch(as.epoch)
	if err := l.assignEpoch(as.epoch, first); err != nil {
		return AppendInfo{}, false, err
	}
	rolled, err := l.rollIfDue(c, p.batch, p.facts.MaxTimestamp, p.batch.LastOffset(), as.now)
	if err != nil {
		return AppendInfo{}, false, err
	}
	if err := l.write(p.batch, p.marker, c); err != nil {
		return AppendInfo{}, false, err
	}
	return AppendInfo{
		FirstOffset:          first,
		LastOffset:           p.batch.LastOffset(),
		MaxTimestamp:         p.facts.MaxTimestamp,
		OffsetOfMaxTimestamp: first + int64(p.facts.MaxTimestampDelta),
		LogAppendTime:        p.logAppendTime,
		LogStartOffset:       l.start.Load(),
		LastEpoch:            l.LatestEpoch(),
		Bytes:                len(p.batch),
	}, rolled, nil
}

// duplicateInfo tells of the batch that was appended before. As Kafka does, it
// gives that batch's timestamp as the append time.
func (l *Log) duplicateInfo(of producedBatch) AppendInfo {
	return AppendInfo{
		FirstOffset:          of.firstOffset(),
		LastOffset:           of.lastOffset,
		MaxTimestamp:         of.timestamp,
		OffsetOfMaxTimestamp: of.lastOffset,
		LogAppendTime:        of.timestamp,
		LogStartOffset:       l.start.Load(),
		LastEpoch:            l.LatestEpoch(),
		Duplicate:            true,
	}
}

// write appends one batch to the active segment and takes note of it. mu is held.
func (l *Log) write(b batch.Batch, m *batch.Marker, c *LogConfig) error {
	if err := l.active().append(b, c.IndexIntervalBytes); err != nil {
		return l.dir.fail(err)
	}
	if err := l.apply(b, m); err != nil {
		return err
	}
	l.end.Store(b.NextOffset())
	return nil
}

// apply updates the producers' state after a batch went to the active segment. mu is held.
func (l *Log) apply(b batch.Batch, m *batch.Marker) error {
	if b.ProducerID() == batch.None {
		return nil
	}
	l.states.Lock()
	ended := l.states.apply(b, m)
	var stable int64
	if ended != nil {
		stable = l.states.stableAfter(ended)
		l.states.ended = append(l.states.ended, *ended)
	}
	l.states.Unlock()
	if ended == nil || !ended.aborted {
		return nil
	}
	t := AbortedTransaction{ended.producerID, ended.firstOffset, ended.lastOffset, stable}
	if err := l.active().addAborted(t); err != nil {
		return l.dir.fail(err)
	}
	return nil
}

// afterAppend does what may wait for the disk, without mu.
func (l *Log) afterAppend(rolled bool, c *LogConfig) error {
	if rolled {
		l.dir.spawn(l.flushRolled)
	}
	if l.end.Load()-l.recovery.Load() >= c.FlushMessages {
		return l.Flush()
	}
	return nil
}
