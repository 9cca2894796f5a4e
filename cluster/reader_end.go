package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// quietEnd is after how long without a record a reader asks whether there are more. The last offsets of a partition may
	// never come: those of compacted, deleted or aborted records.
	quietEnd = time.Second
	// readPatience is after how long without a record it gives up on a partition that may have more. A leader that dies is
	// replaced within a session timeout, 18 s where nothing else is set.
	readPatience = 30 * time.Second
	// probeBytes is how much of a partition a question for its end looks at.
	probeBytes = 1 << 20
)

// closeEnded closes the partitions that hold nothing more up to their ends. since is when the last record came. The error is of
// one that has been silent for too long and may hold more.
func (c *Cluster) closeEnded(ctx context.Context, client *kgo.Client, r ReadRequest, p *progress, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, remoteAnswer)
	defer cancel()
	meta, err := kadm.NewClient(client).Metadata(ctx, r.Topic)
	for id, s := range p.open {
		var ended bool
		if err == nil {
			q := endQuestion{c: c, client: client, meta: meta, topic: r.Topic, partition: id, committed: r.Committed}
			if ended, err = q.ended(ctx, s); ended {
				delete(p.open, id)
				continue
			}
		}
		if silent := time.Since(since); silent >= readPatience {
			if err == nil {
				err = errors.New("its leader has more and does not send it")
			}
			return fmt.Errorf("partition %d was read to offset %d of %d, and nothing came for %.0f s: %w", id, s.first, s.end, silent.Seconds(), c.explain(err))
		}
	}
	return nil
}

// endQuestion asks a partition's leader for what is between an offset and where the partition ended, on another connection than
// the reader's: there it would wait behind the reader's own fetch.
type endQuestion struct {
	c         *Cluster
	client    *kgo.Client
	meta      kadm.Metadata
	topic     string
	partition int32
	committed bool
}

// ended reports whether there is no record left in a span.
func (q endQuestion) ended(ctx context.Context, s span) (bool, error) {
	for at := s.first; at < s.end; {
		found, err := q.fetch(ctx, at)
		if errors.Is(err, kerr.OffsetOutOfRange) { // retention has passed it
			at, err = q.start(ctx)
		}
		if err != nil {
			return false, err
		}
		if found == nil {
			continue
		}
		records, next := kgo.ProcessFetchPartition(q.options(at), found, kgo.DefaultDecompressor(), nil)
		switch {
		case records.Err != nil:
			return false, records.Err
		case len(records.Records) > 0:
			return false, nil // it is on its way
		case next <= at:
			readable := found.HighWatermark
			if q.committed {
				readable = found.LastStableOffset
			}
			return readable >= s.end, nil // a new leader's may lie behind for a moment
		}
		at = next
	}
	return true, nil
}

func (q endQuestion) options(at int64) kgo.ProcessFetchPartitionOpts {
	o := kgo.ProcessFetchPartitionOpts{Topic: q.topic, Partition: q.partition, Offset: at, IsolationLevel: kgo.ReadUncommitted()}
	if q.committed {
		o.IsolationLevel = kgo.ReadCommitted()
	}
	return o
}

// fetch asks for what follows an offset, without waiting for it.
func (q endQuestion) fetch(ctx context.Context, at int64) (*kmsg.FetchResponseTopicPartition, error) {
	l, err := q.leader()
	if err != nil {
		return nil, err
	}
	req, t, p := kmsg.NewPtrFetchRequest(), kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	req.MaxBytes, req.SessionEpoch = probeBytes, -1
	if q.committed {
		req.IsolationLevel = 1
	}
	t.Topic, t.TopicID = q.topic, q.meta.Topics[q.topic].ID
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = q.partition, at, probeBytes
	t.Partitions, req.Topics = append(t.Partitions, p), append(req.Topics, t)
	resp, err := l.request(ctx, req)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return nil, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return nil, errors.New("its leader answers with nothing")
	}
	found := &answer.Topics[0].Partitions[0]
	return found, kerr.ErrorForCode(found.ErrorCode)
}

// leader is the link to the partition's leader.
func (q endQuestion) leader() (*link, error) {
	detail, known := q.meta.Topics[q.topic].Partitions[q.partition]
	at := slices.IndexFunc(q.meta.Brokers, func(b kadm.BrokerDetail) bool { return b.NodeID == detail.Leader })
	if !known || at < 0 {
		return nil, kerr.LeaderNotAvailable
	}
	return q.c.link(address(q.meta.Brokers[at].Host, q.meta.Brokers[at].Port))
}

// start is where the partition begins.
func (q endQuestion) start(ctx context.Context) (int64, error) {
	all, err := kadm.NewClient(q.client).ListStartOffsets(ctx, q.topic)
	if err != nil {
		return 0, err
	}
	start, ok := all.Lookup(q.topic, q.partition)
	if !ok {
		return 0, kerr.LeaderNotAvailable
	}
	return start.Offset, start.Err
}
