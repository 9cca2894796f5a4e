package replica

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/metadata"
	"klab/broker/partition"
	"klab/broker/storage"
)

// evaluation is one look at all partitions of a fetch: what there is to tell. The session's mutex is held throughout.
type evaluation struct {
	*fetch
	now      time.Time
	arriving bool // the request has just come in: a follower's offsets are news about the follower
	watching bool // the fetch is parked, or about to be: partitions shall wake it

	buffers        []*[]byte // what was read is in them
	bytes          int       // of records
	urgent         bool      // there is something that must not wait for more bytes
	watermarkMoved bool      // a follower has not been told of a high watermark
	topics         []kmsg.FetchResponseTopic
	told           []*fetchPart // those in topics, in order
	wake           []*parkedFetch
	hints          []int32 // leaders named to a client that asked the wrong broker
}

func (e *evaluation) enough() bool { return e.urgent || e.bytes >= e.minBytes }

func (e *evaluation) run() {
	e.holds.drop()
	live := e.r.cfg.Metadata.Snapshot()
	for _, part := range e.session.parts {
		e.part(part, live)
	}
}

// discard gives back what was read: there will be no reply from this evaluation.
func (e *evaluation) discard() {
	for _, b := range e.buffers {
		e.r.cfg.Buffers.Put(b)
	}
	e.buffers = nil
}

// settle wakes the other fetches that this one's progress concerns. The session's mutex must have been released.
func (e *evaluation) settle() {
	for _, parked := range e.wake {
		parked.wake()
	}
}

// view is what a fetch of one partition may see, taken under the partition's lock.
type view struct {
	at               *hosted
	generation       int64
	watermark        int64
	stable           int64
	start            int64
	limit            int64              // records at or above it are not for this reader
	next             int64              // the offset after what was read
	diverging        partition.EpochEnd // Epoch None: the logs agree
	preferred        int32              // replica that the reader should rather ask, None: this one
	nothingForReader bool
}

// part evaluates one partition and adds it to the response if there is news.
func (e *evaluation) part(part *fetchPart, live *metadata.Snapshot) {
	v, kerror := e.look(part, live)
	var records []byte
	var aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction
	if kerror == nil && !v.nothingForReader {
		records, kerror = e.read(part, &v)
	}
	if kerror == nil && e.version < fetchKnowsZstd {
		records, kerror = e.convert(part, &v, records)
	}
	if kerror == nil && e.readCommitted && !e.follower() {
		aborted, kerror = e.aborted(part, &v, records)
	}
	if kerror != nil {
		e.urgent = true
		e.tell(part, e.refusal(part, kerror, live))
		return
	}
	e.bytes += len(records)
	diverges := v.diverging.Epoch != partition.None
	moved := v.watermark != part.toldWatermark
	if e.follower() && e.session.id != 0 {
		e.watermarkMoved = e.watermarkMoved || moved
		e.urgent = e.urgent || part.toldWatermark < 0 // the beginning of the session, or the end of an error
	}
	e.urgent = e.urgent || diverges || v.preferred != partition.None
	if e.incremental && len(records) == 0 && !diverges && !moved && v.start == part.toldStart && v.preferred == partition.None {
		return
	}
	e.tell(part, answer(part, &v, records, aborted))
}

// look finds the partition, checks that this request may read it, and notes a follower's progress.
func (e *evaluation) look(part *fetchPart, live *metadata.Snapshot) (v view, _ *kerr.Error) {
	h, err := e.resolve(part, live)
	if err != nil {
		return v, err
	}
	h.mu.Lock()
	out, err := e.lookLocked(h, part, &v, live)
	if err == nil && e.watching {
		h.listen(part, e.session)
	}
	h.mu.Unlock()
	e.r.settleNow(h, &out)
	e.wake = append(e.wake, out.wake...)
	return v, err
}

// resolve finds the replica a part names, by name or by id.
func (e *evaluation) resolve(part *fetchPart, live *metadata.Snapshot) (*hosted, *kerr.Error) {
	if !e.session.topicIDs {
		return e.r.find(part.TopicPartition)
	}
	if part.Topic == "" {
		name, ok := e.r.table().names[part.id]
		if !ok {
			name, ok = live.TopicName(part.id)
		}
		if !ok {
			return nil, kerr.UnknownTopicID
		}
		part.Topic = name
	}
	h, err := e.r.find(part.TopicPartition)
	if err == nil && h.topicID() != part.id {
		part.Topic = "" // the topic may have been deleted and created again: resolve the id anew next time
		return nil, kerr.InconsistentTopicID
	}
	return h, err
}

// lookLocked decides under the partition's lock.
func (e *evaluation) lookLocked(h *hosted, part *fetchPart, v *view, live *metadata.Snapshot) (out outcome, _ *kerr.Error) {
	if err := e.permitted(h, part); err != nil {
		return out, err
	}
	v.at, v.generation = h, h.generation.Load()
	v.start = h.log.StartOffset()
	v.diverging.Epoch, v.preferred = partition.None, e.preferredReplica(h, part, live)
	end := h.core.EndOffset()
	if part.lastEpoch >= 0 {
		own := endOfEpoch(h.log, part.lastEpoch)
		if own.Epoch == partition.None {
			return out, kerr.OffsetOutOfRange
		}
		if partition.Diverges(part.fetchOffset, part.lastEpoch, own) {
			v.diverging, v.nothingForReader = own, true
		}
	}
	if !v.nothingForReader && (part.fetchOffset < v.start || part.fetchOffset > end) {
		return out, kerr.OffsetOutOfRange
	}
	if e.arriving && e.follower() && !v.nothingForReader {
		assigned, effects := h.core.FollowerFetched(partition.Fetched{Replica: e.replica, Offset: part.fetchOffset, LogStart: part.logStart}, e.now, live)
		if !assigned {
			return out, kerr.NotLeaderForPartition
		}
		out = h.after(effects, 0)
		out.deleted = h.reached(live)
	}
	v.watermark = h.core.HighWatermark()
	v.stable = h.log.LastStableOffset(v.watermark)
	switch {
	case e.follower():
		v.limit = end
	case e.readCommitted:
		v.limit = v.stable
	default:
		v.limit = v.watermark
	}
	v.nothingForReader = v.nothingForReader || part.fetchOffset >= v.limit || e.follower() && e.r.holdsBack(h, e.replica, e.now) || v.preferred != partition.None
	return out, nil
}

func (e *evaluation) permitted(h *hosted, part *fetchPart) *kerr.Error {
	if e.leaderOnly {
		return h.core.CheckLeader(part.currentEpoch)
	}
	return h.core.CheckEpoch(part.currentEpoch)
}

// read reads records outside of the partition's lock. What it found counts only if the replica is still what it was: a log
// that is truncated and written again meanwhile would give what the reader may not see.
func (e *evaluation) read(part *fetchPart, v *view) ([]byte, *kerr.Error) {
	minOne := e.bytes == 0 && !e.hardMaxBytes
	maxBytes := min(part.maxBytes, e.maxBytes-e.bytes)
	if maxBytes <= 0 && !minOne {
		return nil, nil
	}
	got, err := e.readHolding(part, v, max(maxBytes, 0), minOne)
	if v.at.generation.Load() != v.generation {
		return nil, kerr.NotLeaderForPartition
	}
	if err != nil {
		e.r.checkDir(v.at.dir)
		return nil, codeOf(err)
	}
	v.next = got.NextOffset
	return got.Records, nil
}

// readHolding counts what a consumer's fetch reads; a follower takes what it is sent.
func (e *evaluation) readHolding(part *fetchPart, v *view, maxBytes int, minOne bool) (storage.ReadResult, error) {
	if e.follower() {
		return v.at.log.ReadInto(e.room, part.fetchOffset, maxBytes, v.limit, minOne)
	}
	reserved := e.holds.reserve(maxBytes)
	got, err := v.at.log.ReadInto(e.room, part.fetchOffset, reserved, v.limit, minOne)
	e.holds.settle(reserved, cap(got.Records))
	return got, err
}

// room lends memory for a read until the reply was written, or the evaluation is discarded.
func (e *evaluation) room(n int) []byte {
	b := e.r.cfg.Buffers.Get(n)
	e.buffers = append(e.buffers, b)
	return *b
}

func answer(part *fetchPart, v *view, records []byte, aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction) kmsg.FetchResponseTopicPartition {
	a := kmsg.NewFetchResponseTopicPartition()
	a.Partition = part.Partition
	a.HighWatermark, a.LastStableOffset, a.LogStartOffset = v.watermark, v.stable, v.start
	a.AbortedTransactions = aborted
	a.PreferredReadReplica = v.preferred
	a.RecordBatches = records
	if records == nil {
		a.RecordBatches = []byte{}
	}
	if v.diverging.Epoch != partition.None {
		a.DivergingEpoch.Epoch, a.DivergingEpoch.EndOffset = v.diverging.Epoch, v.diverging.End
	}
	return a
}

// aborted lists the aborted transactions that overlap what is returned, for a consumer to skip their records.
func (e *evaluation) aborted(part *fetchPart, v *view, records []byte) ([]kmsg.FetchResponseTopicPartitionAbortedTransaction, *kerr.Error) {
	list := []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	if len(records) == 0 {
		return list, nil
	}
	found, err := v.at.log.AbortedTransactions(part.fetchOffset, v.next)
	if err != nil {
		e.r.checkDir(v.at.dir)
		return nil, codeOf(err)
	}
	for _, t := range found {
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = t.ProducerID, t.FirstOffset
		list = append(list, a)
	}
	return list, nil
}

// refusal is the answer for a partition that cannot be read; since v16 it names the leader if that is the trouble.
func (e *evaluation) refusal(part *fetchPart, err *kerr.Error, live *metadata.Snapshot) kmsg.FetchResponseTopicPartition {
	a := kmsg.NewFetchResponseTopicPartition()
	a.Partition, a.ErrorCode = part.Partition, err.Code
	a.HighWatermark, a.LastStableOffset, a.LogStartOffset = -1, -1, -1
	switch err { // as in Kafka, which answers some without having looked, and what it cannot convert with null
	case kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InconsistentTopicID:
		a.RecordBatches, a.AbortedTransactions = []byte{}, []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	case kerr.UnsupportedCompressionType:
	default:
		a.RecordBatches = []byte{}
	}
	if e.version >= 16 && (err == kerr.NotLeaderForPartition || err == kerr.FencedLeaderEpoch) {
		if leader, epoch, ok := e.r.leaderHint(part.TopicPartition, live); ok {
			a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch = leader, epoch
			e.hints = append(e.hints, leader)
		}
	}
	return a
}

// tell adds a partition to the response.
func (e *evaluation) tell(part *fetchPart, a kmsg.FetchResponseTopicPartition) {
	last := len(e.topics) - 1
	if last < 0 || e.topics[last].Topic != part.Topic || e.topics[last].TopicID != part.id {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = part.Topic, part.id
		e.topics = append(e.topics, t)
		last++
	}
	e.topics[last].Partitions = append(e.topics[last].Partitions, a)
	e.told = append(e.told, part)
}

// response turns the evaluation into what is sent, and notes in the session what the other side now knows.
func (e *evaluation) response() *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version, resp.SessionID, resp.Topics = e.version, e.session.id, e.topics
	n, gave := 0, 0
	for i := range e.topics {
		for j := range e.topics[i].Partitions {
			a, part := &e.topics[i].Partitions[j], e.told[n]
			n++
			part.toldWatermark, part.toldStart = a.HighWatermark, a.LogStartOffset
			part.gave = len(a.RecordBatches) > 0
			e.recordSent(part, len(a.RecordBatches))
			if part.gave {
				gave++
			}
		}
	}
	if e.session.id != 0 && gave > 0 {
		e.session.rotate()
	}
	for _, id := range e.hints {
		e.nameBroker(resp, id)
	}
	return resp
}

func (e *evaluation) nameBroker(resp *kmsg.FetchResponse, id int32) {
	for i := range resp.Brokers {
		if resp.Brokers[i].NodeID == id {
			return
		}
	}
	live := e.r.cfg.Metadata.Snapshot()
	endpoint, ok := live.Endpoint(id, e.listener)
	if !ok {
		return
	}
	b := kmsg.NewFetchResponseBroker()
	b.NodeID, b.Host, b.Port = id, endpoint.Host, endpoint.Port
	if broker, ok := live.Broker(id); ok {
		b.Rack = broker.Rack
	}
	resp.Brokers = append(resp.Brokers, b)
}

// codeOf finds the Kafka error in err's chain.
func codeOf(err error) *kerr.Error {
	if code, ok := errors.AsType[*kerr.Error](err); ok {
		return code
	}
	if coded, ok := errors.AsType[*storage.Error](err); ok {
		return coded.Code
	}
	return kerr.UnknownServerError
}
