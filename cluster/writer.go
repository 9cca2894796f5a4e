package cluster

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// NewRecord is a record to be written.
type NewRecord struct {
	Topic     string
	Partition *int32 // nil: by the key's hash, or sticky without key
	Key       []byte // nil: null
	Value     []byte // nil: null
	Headers   []Header
	Time      time.Time // zero: now
}

// Ack is the acknowledgement of one record.
type Ack struct {
	Partition int32
	Offset    int64 // -1 with acks=0
	Took      time.Duration
	At        time.Time // when the acknowledgement arrived
}

// WriterOptions says how a Writer writes.
type WriterOptions struct {
	Acks    Acks
	Codec   Codec
	Linger  time.Duration // wait this long for a batch to fill; 0: send at once
	Timeout time.Duration // give a record up after this; 0: two minutes, Kafka's delivery.timeout.ms

	TransactionalID string // write in transactions: see Begin. Empty: do not
}

// Writer writes records. With AcksAll it is idempotent. It retries within Timeout what Kafka calls retriable, every 5 to
// 20 ms. It is safe for concurrent use; records of one partition keep the order of the calls.
type Writer struct {
	cluster  *Cluster
	acks     Acks
	client   *kgo.Client
	timeout  time.Duration
	attempts *attempts
	acked    atomic.Int64
	failed   atomic.Int64
}

// OpenWriter makes a Writer. Close it.
func (c *Cluster) OpenWriter(o WriterOptions) (*Writer, error) {
	inner, err := kgo.DefaultCompressor(o.Codec.kgo())
	if err != nil {
		return nil, fmt.Errorf("cannot use codec %s: %w", o.Codec, err)
	}
	counted := &attempts{inner: inner}
	opts := append(o.Acks.options(),
		kgo.RecordPartitioner(partitioner()), kgo.ProducerLinger(o.Linger), kgo.WithCompressor(counted), kgo.WithHooks(counted),
		kgo.RequestRetries(1<<20), kgo.UnknownTopicRetries(3),
	)
	if o.TransactionalID != "" {
		opts = append(opts, kgo.TransactionalID(o.TransactionalID))
	} else if o.Acks == AcksAll || o.Acks == "" {
		opts = append(opts, kgo.AllowIdempotentProduceCancellation())
	}
	client, err := c.newClient(opts...)
	if err != nil {
		return nil, err
	}
	return &Writer{cluster: c, acks: cmp.Or(o.Acks, AcksAll), client: client, timeout: cmp.Or(o.Timeout, 2*time.Minute), attempts: counted}, nil
}

// Begin begins a transaction, of a Writer that was opened with a TransactionalID. Its first record fences every other
// producer with that id.
func (w *Writer) Begin() error { return w.client.BeginTransaction() }

// End commits the transaction, or aborts it. Call it after Flush.
func (w *Writer) End(ctx context.Context, commit bool) error {
	if err := w.client.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return fmt.Errorf("cannot end the transaction: %w", w.cluster.explain(err))
	}
	return nil
}

// Send hands a record over, and calls done with its fate exactly once, from another goroutine. It blocks while too many
// records are on their way.
func (w *Writer) Send(ctx context.Context, r NewRecord, done func(Ack, error)) {
	start := time.Now()
	// The client's own delivery timeout counts from the record's timestamp, which may be any time.
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	w.client.Produce(ctx, r.kgo(), func(sent *kgo.Record, err error) {
		cancel()
		if err != nil {
			w.failed.Add(1)
			done(Ack{}, &WriteError{Topic: r.Topic, Partition: sent.Partition, Err: err})
			return
		}
		w.acked.Add(1)
		now := time.Now()
		done(Ack{Partition: sent.Partition, Offset: sent.Offset, Took: now.Sub(start), At: now}, nil)
	})
}

// Write writes one record and waits for its acknowledgement.
func (w *Writer) Write(ctx context.Context, r NewRecord) (Ack, error) {
	type fate struct {
		ack Ack
		err error
	}
	result := make(chan fate, 1)
	w.Send(ctx, r, func(ack Ack, err error) { result <- fate{ack, err} })
	f := <-result
	return f.ack, f.err
}

// Flush waits until every record sent so far has met its fate.
func (w *Writer) Flush(ctx context.Context) error { return w.client.Flush(ctx) }

// Retries is how many batches were sent again, as far as their fate is known. Call it after Flush.
func (w *Writer) Retries() int64 { return w.attempts.retries(w.acked.Load()) }

// Close gives up what is still on its way.
func (w *Writer) Close() { w.client.Close() }

func (r NewRecord) kgo() *kgo.Record {
	rec := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Timestamp: r.Time, Partition: anyPartition}
	if r.Partition != nil {
		rec.Partition = *r.Partition
	}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return rec
}

// anyPartition in a record leaves the choice to the partitioner.
const anyPartition = -1

// partitioner obeys a record's own partition, and otherwise chooses as Kafka's Java client does: murmur2 of the key, or
// one partition a batch without key.
func partitioner() kgo.Partitioner {
	byKey := kgo.StickyKeyPartitioner(nil)
	return kgo.BasicConsistentPartitioner(func(topic string) func(*kgo.Record, int) int {
		choose := byKey.ForTopic(topic)
		return func(r *kgo.Record, n int) int {
			if r.Partition != anyPartition {
				return int(r.Partition)
			}
			return choose.Partition(r, n)
		}
	})
}

// attempts counts how often batches are sent. The client tells a program neither that nor its retries, but it encodes a
// batch for each attempt, which passes through the compressor.
type attempts struct {
	inner   kgo.Compressor // nil: no compression
	sent    atomic.Int64   // batches
	written atomic.Int64   // batches acknowledged
	records atomic.Int64   // records in those
}

func (a *attempts) Compress(dst *bytes.Buffer, src []byte, flags ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	a.sent.Add(1)
	if a.inner == nil {
		return nil, kgo.CodecNone
	}
	return a.inner.Compress(dst, src, flags...)
}

// OnProduceBatchWritten is the client's hook; it comes a little after the records' own acknowledgements.
func (a *attempts) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.ProduceBatchMetrics) {
	a.written.Add(1)
	a.records.Add(int64(m.NumRecords))
}

// retries waits a moment for the hook to have told of as many records as were acknowledged.
func (a *attempts) retries(acked int64) int64 {
	for wait := time.Millisecond; a.records.Load() < acked && wait < 100*time.Millisecond; wait *= 2 {
		time.Sleep(wait)
	}
	return max(0, a.sent.Load()-a.written.Load())
}
