package api

// OffsetCommit, versions 0 to 9.
//
//	v0 keeps offsets in ZooKeeper, under /consumers
//	v1 group membership, a timestamp a partition (this version only)
//	v2 a retention of the client's own, up to v4
//	v6 the leader epoch of the committed offset (KIP-320)
//	v7 static members (KIP-345)
//
// No differences from Kafka 3.9.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/metadata"
	"klab/broker/server"
)

func (d *Deps) offsetCommit(ctx context.Context, r *server.Request) server.Reply {
	c := offsetCommit{req: r.Request.(*kmsg.OffsetCommitRequest)}
	c.sort(d.Metadata.Snapshot(), d.Clock())
	if c.req.Version > 0 {
		c.offsets = lastOfEach(c.offsets)
	}
	if len(c.offsets) == 0 {
		return server.Now(c.answer(nil))
	}
	if c.req.Version == 0 {
		return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
			return c.answer(d.commitToZooKeeper(ctx, c.req.Group, c.offsets))
		})
	}
	done := make(chan kmsg.Response, 1)
	d.Groups.Commit(c.req.Group, &group.Commit{
		Membership: group.Membership{MemberID: c.req.MemberID, InstanceID: c.req.InstanceID, Generation: c.req.Generation},
		Offsets:    c.offsets,
	}, func(errs []*kerr.Error) { done <- c.answer(errs) })
	return server.Later(done)
}

// offsetCommit is one request under way.
type offsetCommit struct {
	req     *kmsg.OffsetCommitRequest
	offsets []group.CommittedOffset // of partitions that exist
	unknown []group.TopicPartition
}

// sort finds the partitions that exist. Others are refused, and do not hinder these.
func (c *offsetCommit) sort(known *metadata.Snapshot, now time.Time) {
	expires := int64(-1)
	if c.req.Version >= 2 && c.req.Version <= 4 && c.req.RetentionTimeMillis != -1 {
		expires = now.UnixMilli() + c.req.RetentionTimeMillis
	}
	for i := range c.req.Topics {
		t := &c.req.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			_, ok := known.Partition(t.Topic, p.Partition)
			if !ok {
				c.unknown = append(c.unknown, group.TopicPartition{Topic: t.Topic, Partition: p.Partition})
				continue
			}
			o := committedOffset(t.Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, now)
			o.Expires = expires
			if c.req.Version == 1 && p.Timestamp != -1 {
				o.Committed = p.Timestamp
			}
			c.offsets = append(c.offsets, o)
		}
	}
}

func committedOffset(topic string, partition int32, at int64, epoch int32, meta *string, now time.Time) group.CommittedOffset {
	o := group.CommittedOffset{
		TopicPartition: group.TopicPartition{Topic: topic, Partition: partition},
		Offset:         group.Offset{At: at, LeaderEpoch: epoch, Committed: now.UnixMilli(), Expires: -1},
	}
	if meta != nil {
		o.Metadata = *meta
	}
	return o
}

// answer says what became of each partition; errs are those of the offsets.
func (c *offsetCommit) answer(errs []*kerr.Error) kmsg.Response {
	resp := kmsg.NewPtrOffsetCommitResponse()
	for _, t := range outcomes(c.unknown, c.offsets, errs) {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic = t.topic
		for _, o := range t.partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = o.partition, o.code
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// codeNumber is the code of an error that may be nil.
func codeNumber(err *kerr.Error) int16 {
	if err == nil {
		return 0
	}
	return err.Code
}

// commitToZooKeeper writes offsets where consumers before 0.9 keep them.
func (d *Deps) commitToZooKeeper(ctx context.Context, id string, offsets []group.CommittedOffset) []*kerr.Error {
	limits := group.Limits{MetadataMax: d.Config.Int("offset.metadata.max.bytes")}
	errs := make([]*kerr.Error, len(offsets))
	for i, o := range offsets {
		if limits.MetadataTooLarge(o.Metadata) {
			errs[i] = kerr.OffsetMetadataTooLarge
			continue
		}
		if err := d.OldOffsets.Commit(ctx, id, o.Topic, o.Partition, o.At); err != nil {
			d.Log.Warn("cannot commit an offset to ZooKeeper", "group", id, "topic", o.Topic, "error", err)
			errs[i] = kerr.UnknownServerError
		}
	}
	return errs
}
