package txn

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/replica"
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// MarkerWriter writes the markers that coordinators send to the partitions that this broker leads. All fields are needed.
type MarkerWriter struct {
	Replicas *replica.Replicas
	Timeout  time.Duration // request.timeout.ms
	Clock    func() time.Time
	// GroupEnded tells the group coordinator that a transaction ended in a partition of __consumer_offsets: its pending
	// offsets count now, or are dropped. It is called once the marker is replicated, and must not block.
	GroupEnded func(partition int32, producerID int64, commit bool)
}

// Write writes every marker of a request and calls done once, with the results grouped by producer, when all are
// replicated or have failed. done must not block. Errors of a partition: UNKNOWN_TOPIC_OR_PARTITION if it has no replica
// here, INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, and those of any append.
func (w *MarkerWriter) Write(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse)) {
	m := &marking{writer: w, done: done, results: make(map[int64]map[storage.TopicPartition]int16), waiting: 1}
	for i := range req.Markers {
		m.write(&req.Markers[i])
	}
	m.settle()
}

// marking is one request under way.
type marking struct {
	writer *MarkerWriter
	done   func(*kmsg.WriteTxnMarkersResponse)

	mu      sync.Mutex
	order   []int64 // producers, as they were first named
	results map[int64]map[storage.TopicPartition]int16
	waiting int
}

// write writes one transaction's markers.
func (m *marking) write(marker *kmsg.WriteTxnMarkersRequestMarker) {
	m.note(marker.ProducerID, storage.TopicPartition{}, 0, false)
	kind := batch.Abort
	if marker.Committed {
		kind = batch.Commit
	}
	var batches []replica.Batch
	now := m.writer.Clock().UnixMilli()
	for _, t := range marker.Topics {
		for _, p := range t.Partitions {
			tp := storage.TopicPartition{Topic: t.Topic, Partition: p}
			if _, err := m.writer.Replicas.Log(tp); err != nil {
				m.note(marker.ProducerID, tp, kerr.UnknownTopicOrPartition.Code, true)
				continue
			}
			control := batch.BuildMarker(batch.Marker{Type: kind, CoordinatorEpoch: marker.CoordinatorEpoch}, marker.ProducerID, marker.ProducerEpoch, now)
			batches = append(batches, replica.Batch{TopicPartition: tp, Records: control})
		}
	}
	if len(batches) == 0 {
		return
	}
	m.mu.Lock()
	m.waiting++
	m.mu.Unlock()
	m.writer.Replicas.Append(&replica.Append{
		Acks: -1, Timeout: m.writer.Timeout, Origin: storage.Coordinator, LeadsSince: replica.AnyEpoch, Batches: batches,
		Done: func(results []replica.Appended) { m.written(marker, results) },
	})
}

func (m *marking) written(marker *kmsg.WriteTxnMarkersRequestMarker, results []replica.Appended) {
	for _, r := range results {
		code := int16(0)
		if r.Err != nil {
			code = codeOf(r.Err).Code
		} else if r.Topic == internaltopic.ConsumerOffsets {
			m.writer.GroupEnded(r.Partition, marker.ProducerID, marker.Committed)
		}
		m.note(marker.ProducerID, r.TopicPartition, code, true)
	}
	m.settle()
}

// note keeps the result of one partition, or only that a producer was named.
func (m *marking) note(producerID int64, tp storage.TopicPartition, code int16, has bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.results[producerID] == nil {
		m.results[producerID] = make(map[storage.TopicPartition]int16)
		m.order = append(m.order, producerID)
	}
	if has {
		m.results[producerID][tp] = code
	}
}

// settle answers once nothing is waited for.
func (m *marking) settle() {
	m.mu.Lock()
	m.waiting--
	last := m.waiting == 0
	m.mu.Unlock()
	if last {
		m.done(m.response())
	}
}

func (m *marking) response() *kmsg.WriteTxnMarkersResponse {
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	for _, id := range m.order {
		one := kmsg.NewWriteTxnMarkersResponseMarker()
		one.ProducerID = id
		for _, tp := range sortedKeys(m.results[id]) {
			if n := len(one.Topics); n == 0 || one.Topics[n-1].Topic != tp.Topic {
				t := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
				t.Topic = tp.Topic
				one.Topics = append(one.Topics, t)
			}
			p := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
			p.Partition, p.ErrorCode = tp.Partition, m.results[id][tp]
			last := &one.Topics[len(one.Topics)-1]
			last.Partitions = append(last.Partitions, p)
		}
		resp.Markers = append(resp.Markers, one)
	}
	return resp
}
