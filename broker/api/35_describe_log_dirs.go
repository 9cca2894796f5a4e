package api

// DescribeLogDirs, versions 0 to 4 (KIP-113).
//
//	v3 an error for the whole request
//	v4 total and usable bytes of the volume (KIP-827)
//
// No difference from Kafka 3.9.

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) describeLogDirs(ctx context.Context, r *server.Request) server.Reply {
	wanted := wantedPartitions(r.Request.(*kmsg.DescribeLogDirsRequest))
	return d.later(ctx, r, func(context.Context) kmsg.Response {
		resp := kmsg.NewPtrDescribeLogDirsResponse()
		for _, dir := range d.Replicas.LogDirs() {
			resp.Dirs = append(resp.Dirs, d.describeLogDir(dir, wanted))
		}
		return resp
	})
}

// wantedPartitions is the set that was asked for; nil means all.
func wantedPartitions(req *kmsg.DescribeLogDirsRequest) map[storage.TopicPartition]bool {
	if req.Topics == nil {
		return nil
	}
	wanted := make(map[storage.TopicPartition]bool)
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			wanted[storage.TopicPartition{Topic: t.Topic, Partition: p}] = true
		}
	}
	return wanted
}

func (d *Deps) describeLogDir(dir replica.LogDir, wanted map[storage.TopicPartition]bool) kmsg.DescribeLogDirsResponseDir {
	out := kmsg.NewDescribeLogDirsResponseDir()
	out.Dir = dir.Path
	if dir.Err != nil {
		out.ErrorCode = kerr.KafkaStorageError.Code
		return out
	}
	if total, usable, err := d.FS.Usage(dir.Path); err == nil {
		out.TotalBytes, out.UsableBytes = total, usable
	}
	slices.SortFunc(dir.Replicas, func(a, b replica.LogDirReplica) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	for _, l := range dir.Replicas {
		if wanted != nil && !wanted[l.TopicPartition] {
			continue
		}
		if n := len(out.Topics); n == 0 || out.Topics[n-1].Topic != l.Topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = l.Topic
			out.Topics = append(out.Topics, t)
		}
		p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		p.Partition, p.Size, p.OffsetLag = l.Partition, l.Size, l.OffsetLag
		t := &out.Topics[len(out.Topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
	return out
}
