package api

// OffsetFetch, versions 0 to 9.
//
//	v0 reads the offsets that are kept in ZooKeeper, under /consumers
//	v2 all partitions (no topics named); an error for the group as a whole
//	v5 the leader epoch of the committed offset (KIP-320)
//	v7 only offsets that no open transaction may change (KIP-447)
//	v8 several groups (KIP-709)
//	v9 member id and epoch, of the protocol that this broker does not serve (KIP-848): ignored, as by Kafka
//
// Difference from Kafka 3.9: a request of v8 or later that names no group is answered with none. Kafka never answers it.

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) offsetFetch(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.OffsetFetchRequest)
	if req.Version == 0 {
		return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.fetchFromZooKeeper(ctx, req) })
	}
	resp := kmsg.NewPtrOffsetFetchResponse()
	if req.Version >= 8 {
		for i := range req.Groups {
			resp.Groups = append(resp.Groups, d.fetchGroup(&req.Groups[i], req.RequireStable))
		}
		return server.Now(resp)
	}
	one := kmsg.OffsetFetchRequestGroup{Group: req.Group}
	for i := range req.Topics {
		one.Topics = append(one.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: req.Topics[i].Topic, Partitions: req.Topics[i].Partitions})
	}
	if req.Topics != nil && one.Topics == nil {
		one.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	found := d.fetchGroup(&one, req.RequireStable)
	if req.Version == 1 && found.ErrorCode != 0 {
		found = refusedEach(&one, found.ErrorCode)
	}
	resp.ErrorCode = found.ErrorCode
	resp.Topics = oneGroup(&found)
	return server.Now(resp)
}

// refusedEach says of each partition what is said of the group as a whole since v2.
func refusedEach(req *kmsg.OffsetFetchRequestGroup, code int16) (g kmsg.OffsetFetchResponseGroup) {
	for i := range req.Topics {
		t := kmsg.NewOffsetFetchResponseGroupTopic()
		t.Topic = req.Topics[i].Topic
		for _, id := range req.Topics[i].Partitions {
			p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode = id, -1, -1, new(string), code
			t.Partitions = append(t.Partitions, p)
		}
		g.Topics = append(g.Topics, t)
	}
	return g
}

// fetchGroup answers for one group.
func (d *Deps) fetchGroup(req *kmsg.OffsetFetchRequestGroup, stable bool) kmsg.OffsetFetchResponseGroup {
	g := kmsg.NewOffsetFetchResponseGroup()
	g.Group = req.Group
	var asked []group.TopicPartition
	if req.Topics != nil {
		asked = []group.TopicPartition{}
	}
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			asked = append(asked, group.TopicPartition{Topic: req.Topics[i].Topic, Partition: p})
		}
	}
	asked = onlyOnce(asked)
	found, kerror := d.Groups.Fetch(req.Group, asked, stable)
	if kerror != nil {
		g.ErrorCode = kerror.Code
		return g
	}
	if req.Topics == nil {
		slices.SortFunc(found, func(a, b group.FetchedOffset) int {
			if by := strings.Compare(a.Topic, b.Topic); by != 0 {
				return by
			}
			return int(a.Partition) - int(b.Partition)
		})
	}
	g.Topics = byTopic(found)
	return g
}

// byTopic groups what was found, keeping the order of topics and partitions.
func byTopic(found []group.FetchedOffset) (topics []kmsg.OffsetFetchResponseGroupTopic) {
	at := map[string]int{}
	for i := range found {
		f := &found[i]
		n, ok := at[f.Topic]
		if !ok {
			n = len(topics)
			at[f.Topic] = n
			t := kmsg.NewOffsetFetchResponseGroupTopic()
			t.Topic = f.Topic
			topics = append(topics, t)
		}
		p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.ErrorCode = f.Partition, f.At, f.LeaderEpoch, codeNumber(f.Err)
		p.Metadata = &f.Metadata
		topics[n].Partitions = append(topics[n].Partitions, p)
	}
	return topics
}

// oneGroup gives a group's answer the shape that it had before v8.
func oneGroup(g *kmsg.OffsetFetchResponseGroup) (topics []kmsg.OffsetFetchResponseTopic) {
	for i := range g.Topics {
		t := kmsg.NewOffsetFetchResponseTopic()
		t.Topic = g.Topics[i].Topic
		for _, p := range g.Topics[i].Partitions {
			t.Partitions = append(t.Partitions, oldPartition(&p))
		}
		topics = append(topics, t)
	}
	return topics
}

func oldPartition(p *kmsg.OffsetFetchResponseGroupTopicPartition) kmsg.OffsetFetchResponseTopicPartition {
	o := kmsg.NewOffsetFetchResponseTopicPartition()
	o.Partition, o.Offset, o.LeaderEpoch, o.Metadata, o.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
	return o
}

// onlyOnce leaves out what was named before. No partitions stay none, and all (nil) stay all.
func onlyOnce(asked []group.TopicPartition) []group.TopicPartition {
	seen := make(map[group.TopicPartition]bool, len(asked))
	return slices.DeleteFunc(asked, func(tp group.TopicPartition) bool {
		again := seen[tp]
		seen[tp] = true
		return again
	})
}

// fetchFromZooKeeper reads offsets where consumers before 0.9 keep them.
func (d *Deps) fetchFromZooKeeper(ctx context.Context, req *kmsg.OffsetFetchRequest) kmsg.Response {
	var asked []group.TopicPartition
	for i := range req.Topics {
		for _, id := range req.Topics[i].Partitions {
			asked = append(asked, group.TopicPartition{Topic: req.Topics[i].Topic, Partition: id})
		}
	}
	resp, known := kmsg.NewPtrOffsetFetchResponse(), d.Metadata.Snapshot()
	at := map[string]int{}
	for _, tp := range onlyOnce(asked) {
		n, ok := at[tp.Topic]
		if !ok {
			n = len(resp.Topics)
			at[tp.Topic] = n
			t := kmsg.NewOffsetFetchResponseTopic()
			t.Topic = tp.Topic
			resp.Topics = append(resp.Topics, t)
		}
		_, exists := known.Partition(tp.Topic, tp.Partition)
		resp.Topics[n].Partitions = append(resp.Topics[n].Partitions, d.oldOffset(ctx, req.Group, tp.Topic, tp.Partition, exists))
	}
	return resp
}

func (d *Deps) oldOffset(ctx context.Context, id, topic string, partition int32, exists bool) kmsg.OffsetFetchResponseTopicPartition {
	p := kmsg.NewOffsetFetchResponseTopicPartition()
	p.Partition, p.Offset, p.Metadata = partition, -1, new(string)
	p.ErrorCode = kerr.UnknownTopicOrPartition.Code
	if !exists {
		return p
	}
	at, found, err := d.OldOffsets.Fetch(ctx, id, topic, partition)
	switch {
	case err != nil:
		d.Log.Warn("cannot read an offset from ZooKeeper", "group", id, "topic", topic, "error", err)
		p.ErrorCode = kerr.UnknownServerError.Code
	case found:
		p.Offset, p.ErrorCode = at, 0
	}
	return p
}
