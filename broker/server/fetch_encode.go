package server

import (
	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchEncoder encodes a fetch response, versions 0 to 17, as kmsg does, but leaves large records outside of the buffer and
// compares tagged fields directly: a fetch is the one response whose bytes and partitions count.
type fetchEncoder struct {
	out     []byte
	version int16
	records []outsideRecords
	outside int // the sum of their lengths
}

// outsideRecords belong between out[:at] and out[at:].
type outsideRecords struct {
	at    int
	bytes []byte
}

func (e *fetchEncoder) flexible() bool { return e.version >= 12 }

func (e *fetchEncoder) response(r *kmsg.FetchResponse) {
	if e.version >= 1 {
		e.out = kbin.AppendInt32(e.out, r.ThrottleMillis)
	}
	if e.version >= 7 {
		e.out = kbin.AppendInt16(e.out, r.ErrorCode)
		e.out = kbin.AppendInt32(e.out, r.SessionID)
	}
	e.arrayLen(len(r.Topics))
	for i := range r.Topics {
		e.topic(&r.Topics[i])
	}
	if !e.flexible() {
		return
	}
	if e.version < 16 || len(r.Brokers) == 0 {
		e.out = append(e.out, 0)
		return
	}
	e.nodeEndpoints(r.Brokers)
}

func (e *fetchEncoder) topic(t *kmsg.FetchResponseTopic) {
	switch {
	case e.version >= 13:
		e.out = kbin.AppendUuid(e.out, t.TopicID)
	case e.flexible():
		e.out = kbin.AppendCompactString(e.out, t.Topic)
	default:
		e.out = kbin.AppendString(e.out, t.Topic)
	}
	e.arrayLen(len(t.Partitions))
	for i := range t.Partitions {
		e.partition(&t.Partitions[i])
	}
	e.noTags()
}

func (e *fetchEncoder) partition(p *kmsg.FetchResponseTopicPartition) {
	e.out = kbin.AppendInt32(e.out, p.Partition)
	e.out = kbin.AppendInt16(e.out, p.ErrorCode)
	e.out = kbin.AppendInt64(e.out, p.HighWatermark)
	if e.version >= 4 {
		e.out = kbin.AppendInt64(e.out, p.LastStableOffset)
	}
	if e.version >= 5 {
		e.out = kbin.AppendInt64(e.out, p.LogStartOffset)
	}
	if e.version >= 4 {
		e.abortedTransactions(p.AbortedTransactions)
	}
	if e.version >= 11 {
		e.out = kbin.AppendInt32(e.out, p.PreferredReadReplica)
	}
	e.recordBatches(p.RecordBatches)
	if e.flexible() {
		e.partitionTags(p)
	}
}

func (e *fetchEncoder) abortedTransactions(all []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	if e.flexible() {
		e.out = kbin.AppendCompactNullableArrayLen(e.out, len(all), all == nil)
	} else {
		e.out = kbin.AppendNullableArrayLen(e.out, len(all), all == nil)
	}
	for i := range all {
		e.out = kbin.AppendInt64(e.out, all[i].ProducerID)
		e.out = kbin.AppendInt64(e.out, all[i].FirstOffset)
		e.noTags()
	}
}

// recordBatches writes the length, and the bytes too if they are few.
func (e *fetchEncoder) recordBatches(b []byte) {
	if len(b) < vectorFrom {
		if e.flexible() {
			e.out = kbin.AppendCompactNullableBytes(e.out, b)
		} else {
			e.out = kbin.AppendNullableBytes(e.out, b)
		}
		return
	}
	if e.flexible() {
		e.out = kbin.AppendUvarint(e.out, uint32(len(b))+1)
	} else {
		e.out = kbin.AppendInt32(e.out, int32(len(b)))
	}
	e.records = append(e.records, outsideRecords{at: len(e.out), bytes: b})
	e.outside += len(b)
}

// partitionTags writes the tagged fields that differ from their defaults: 0 DivergingEpoch, 1 CurrentLeader, 2 SnapshotID.
// The sizes are constant: two integers and an empty tag section.
func (e *fetchEncoder) partitionTags(p *kmsg.FetchResponseTopicPartition) {
	d, l, s := &p.DivergingEpoch, &p.CurrentLeader, &p.SnapshotID
	diverging := d.Epoch != -1 || d.EndOffset != -1
	leader := l.LeaderID != -1 || l.LeaderEpoch != -1
	snapshot := s.EndOffset != -1 || s.Epoch != -1
	n := uint32(0)
	for _, set := range [...]bool{diverging, leader, snapshot} {
		if set {
			n++
		}
	}
	e.out = kbin.AppendUvarint(e.out, n)
	if diverging {
		e.out = append(e.out, 0, 13)
		e.out = kbin.AppendInt32(e.out, d.Epoch)
		e.out = append(kbin.AppendInt64(e.out, d.EndOffset), 0)
	}
	if leader {
		e.out = append(e.out, 1, 9)
		e.out = kbin.AppendInt32(e.out, l.LeaderID)
		e.out = append(kbin.AppendInt32(e.out, l.LeaderEpoch), 0)
	}
	if snapshot {
		e.out = append(e.out, 2, 13)
		e.out = kbin.AppendInt64(e.out, s.EndOffset)
		e.out = append(kbin.AppendInt32(e.out, s.Epoch), 0)
	}
}

// nodeEndpoints writes tag 0 of the response: where the current leaders are (KIP-951).
func (e *fetchEncoder) nodeEndpoints(all []kmsg.FetchResponseBroker) {
	body := kbin.AppendCompactArrayLen(nil, len(all))
	for i := range all {
		b := &all[i]
		body = kbin.AppendInt32(body, b.NodeID)
		body = kbin.AppendCompactString(body, b.Host)
		body = kbin.AppendInt32(body, b.Port)
		body = kbin.AppendCompactNullableString(body, b.Rack)
		body = append(body, 0)
	}
	e.out = append(e.out, 1, 0)
	e.out = kbin.AppendUvarint(e.out, uint32(len(body)))
	e.out = append(e.out, body...)
}

func (e *fetchEncoder) arrayLen(n int) {
	if e.flexible() {
		e.out = kbin.AppendCompactArrayLen(e.out, n)
	} else {
		e.out = kbin.AppendArrayLen(e.out, n)
	}
}

func (e *fetchEncoder) noTags() {
	if e.flexible() {
		e.out = append(e.out, 0)
	}
}
