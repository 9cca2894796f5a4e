package api

// UpdateMetadata, versions 0 to 8: the controller tells every broker what the cluster looks like.
//
//	v3  listener names (KIP-103)
//	v4  offline replicas (KIP-112)
//	v5  broker epoch, partitions grouped by topic (KIP-380)
//	v7  topic ids (KIP-516)
//
// No differences from Kafka 3.9 in ZooKeeper mode.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) updateMetadata(_ context.Context, r *server.Request) server.Reply {
	resp, deleted := d.Replicas.UpdateMetadata(r.Request.(*kmsg.UpdateMetadataRequest))
	gone := map[string]bool{}
	for _, tp := range deleted {
		if !gone[tp.Topic] && d.TopicDeleted != nil {
			gone[tp.Topic] = true
			d.TopicDeleted(tp.Topic)
		}
	}
	return server.Now(resp)
}
