package api

// Produce, versions 0 to 11.
//
//	v2  log append time
//	v3  record batches (magic 2), transactional id
//	v5  log start offset
//	v7  zstd (KIP-110)
//	v8  which records were refused (KIP-467)
//	v10 the current leader, when it is not this broker (KIP-951)
//
// Versions 0 to 2 carry message sets (magic 0 and 1), which storage brings to format 2, or a record batch.
//
// Differences from Kafka 3.9: records whose offset deltas are not 0, 1, 2 … are refused; an unknown codec and bytes that do
// not decompress are the batch's fault, there an UNKNOWN_SERVER_ERROR.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// adminClient is the client id that may write to internal topics.
const adminClient = "__admin_client"

func (d *Deps) produce(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ProduceRequest)
	p := produce{Deps: d, req: req, listener: r.Listener}
	p.admit(r.ClientID)
	p.verify() // may wait, so that the producer's batches are appended in its order
	done := make(chan kmsg.Response, 1)
	d.Replicas.Append(&replica.Append{
		Acks:       req.Acks,
		Timeout:    time.Duration(req.TimeoutMillis) * time.Millisecond,
		Origin:     storage.Client,
		LeadsSince: replica.AnyEpoch,
		Batches:    p.batches,
		Done:       func(results []replica.Appended) { done <- p.answer(results) },
	})
	p.forgetRecords()
	if req.Acks != 0 {
		return server.Later(done).Taken() // sent at once if it is there at once
	}
	<-done // acks=0 waits for nobody
	if p.failed != nil {
		return server.Close(p.failed) // the only way to tell a client that asked for no reply
	}
	return server.None()
}

// produce is one request under way.
type produce struct {
	*Deps
	req      *kmsg.ProduceRequest
	listener string
	batches  []replica.Batch
	refused  []error // by partition of the request, in order; nil for those in batches
	failed   error   // the first error of any partition
}

// forgetRecords lets go of the records when they are in the log: the reply may take as long as the in-sync replicas do.
func (p *produce) forgetRecords() {
	for i := range p.batches {
		p.batches[i].Records = nil
	}
	for i := range p.req.Topics {
		for j := range p.req.Topics[i].Partitions {
			p.req.Topics[i].Partitions[j].Records = nil
		}
	}
}

// admit checks every partition of the request and collects those to append.
func (p *produce) admit(clientID string) {
	n := 0
	for i := range p.req.Topics {
		n += len(p.req.Topics[i].Partitions)
	}
	p.batches, p.refused = make([]replica.Batch, 0, n), make([]error, 0, n)
	for i := range p.req.Topics {
		t := &p.req.Topics[i]
		for j := range t.Partitions {
			err := p.check(t.Topic, &t.Partitions[j].Records, clientID)
			p.refused = append(p.refused, err)
			if err == nil {
				p.batches = append(p.batches, replica.Batch{
					TopicPartition: storage.TopicPartition{Topic: t.Topic, Partition: t.Partitions[j].Partition},
					Records:        t.Partitions[j].Records,
				})
			}
		}
	}
}

// check may leave out bytes after the batch.
func (p *produce) check(topic string, records *[]byte, clientID string) error {
	switch {
	case p.req.Acks < -1 || p.req.Acks > 1:
		return kerr.InvalidRequiredAcks
	case internaltopic.Is(topic) && clientID != adminClient:
		return kerr.InvalidTopicException
	}
	whole, err := checkRecords(*records, p.req.Version)
	*records = whole
	return err
}

// checkRecords returns the one record batch that a request of this version carries, or the message set of an old one, and
// why there is none. Bytes of a further batch that is cut off are left out. Storage checks the rest (kafka-formats B.12).
func checkRecords(records []byte, version int16) ([]byte, error) {
	b, err := batch.Next(records)
	nothing := err == io.EOF || errors.Is(err, batch.ErrShort)
	switch {
	case nothing && version < 3:
		return nil, errNothing
	case nothing: // Kafka counts a batch that is cut off as none
		return nil, kerr.InvalidRecord
	case err != nil:
		return nil, misshapen(records)
	case b.Legacy() && version < 3:
		return records, nil
	case b.Legacy():
		return nil, kerr.InvalidRecord
	case b.Codec() == batch.Zstd && version < 7:
		return nil, kerr.UnsupportedCompressionType
	}
	if _, err := batch.Next(records[len(b):]); err == nil {
		return nil, kerr.InvalidRecord // one batch is all that a request may hold
	}
	return b, nil
}

// misshapen says what is wrong with the first bytes of a batch, in Kafka's words where it has some.
func misshapen(records []byte) error {
	if size := int32(binary.BigEndian.Uint32(records[8:])); size < minRecordOverhead {
		return refuse(kerr.CorruptMessage, "Record size %d is less than the minimum record overhead (%d)", size, minRecordOverhead)
	}
	if magic := int8(records[16]); magic < 0 || magic > 2 {
		return refuse(kerr.CorruptMessage, "Invalid magic found in record: %d", magic)
	}
	return kerr.CorruptMessage
}

// minRecordOverhead is the least size of an old message without key and value, in bytes.
const minRecordOverhead = 14

// errNothing marks a set without a whole message: it is acknowledged, at no offset. Only versions 0 to 2 may send one.
var errNothing = errors.New("there is nothing to append")

func refuse(code *kerr.Error, format string, args ...any) error {
	return &storage.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// answer makes the response from what was refused and what became of the rest.
func (p *produce) answer(results []replica.Appended) kmsg.Response {
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = p.req.Version
	resp.Topics = make([]kmsg.ProduceResponseTopic, 0, len(p.req.Topics))
	asked, appended := 0, 0
	for i := range p.req.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic = p.req.Topics[i].Topic
		if len(p.req.Topics[i].Partitions) == 0 {
			continue
		}
		t.Partitions = make([]kmsg.ProduceResponseTopicPartition, 0, len(p.req.Topics[i].Partitions))
		for j := range p.req.Topics[i].Partitions {
			result := replica.Appended{Err: p.refused[asked], Info: storage.AppendInfo{LogStartOffset: -1}}
			if result.Err == nil {
				result = results[appended]
				result.Err = quiet(result.Err)
				appended++
			}
			asked++
			t.Partitions = append(t.Partitions, p.partition(resp, t.Topic, p.req.Topics[i].Partitions[j].Partition, &result))
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

func (p *produce) partition(resp *kmsg.ProduceResponse, topic string, id int32, result *replica.Appended) kmsg.ProduceResponseTopicPartition {
	a := kmsg.NewProduceResponseTopicPartition()
	a.Partition = id
	if result.Err == nil {
		a.BaseOffset, a.LogAppendTime, a.LogStartOffset = result.Info.FirstOffset, result.Info.LogAppendTime, result.Info.LogStartOffset
		return a
	}
	a.BaseOffset, a.LogAppendTime, a.LogStartOffset = -1, -1, result.Info.LogStartOffset
	if result.Err == errNothing {
		return a
	}
	if p.failed == nil {
		p.failed = fmt.Errorf("cannot append to %s-%d: %w", topic, id, result.Err)
	}
	code := codeOf(result.Err)
	a.ErrorCode = code.Code
	if detail, ok := errors.AsType[*storage.Error](result.Err); ok {
		a.ErrorMessage = &detail.Message
		for _, record := range detail.Records {
			e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			e.RelativeOffset, e.ErrorMessage = record.Index, &record.Message
			a.ErrorRecords = append(a.ErrorRecords, e)
		}
	}
	if p.req.Version >= 10 && code == kerr.NotLeaderForPartition {
		p.hint(resp, &a, storage.TopicPartition{Topic: topic, Partition: id})
	}
	return a
}

// quiet keeps of an append's error what Kafka tells the producer: the message only if it names records.
func quiet(err error) error {
	if detail, ok := errors.AsType[*storage.Error](err); ok && len(detail.Records) == 0 {
		return detail.Code
	}
	return err
}

// hint names the leader to a client that asked the wrong broker, and where it is.
func (p *produce) hint(resp *kmsg.ProduceResponse, a *kmsg.ProduceResponseTopicPartition, tp storage.TopicPartition) {
	leader, epoch, ok := p.Replicas.LeaderHint(tp)
	if !ok {
		return
	}
	a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch = leader, epoch
	if slices.ContainsFunc(resp.Brokers, func(b kmsg.ProduceResponseBroker) bool { return b.NodeID == leader }) {
		return
	}
	if e, rack, ok := whereabouts(p.Metadata.Snapshot(), leader, p.listener); ok {
		b := kmsg.NewProduceResponseBroker()
		b.NodeID, b.Host, b.Port, b.Rack = leader, e.Host, e.Port, rack
		resp.Brokers = append(resp.Brokers, b)
	}
}

func whereabouts(now *metadata.Snapshot, id int32, listener string) (e metadata.Endpoint, rack *string, ok bool) {
	if e, ok = now.Endpoint(id, listener); !ok {
		return e, nil, false
	}
	b, _ := now.Broker(id)
	return e, b.Rack, true
}

// codeOf finds the Kafka error in err's chain.
func codeOf(err error) *kerr.Error {
	if code, ok := errors.AsType[*kerr.Error](err); ok {
		return code
	}
	return kerr.UnknownServerError
}
