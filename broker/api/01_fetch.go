package api

// Fetch, versions 0 to 17.
//
//	v3  a limit for the whole response; the first batch is returned even if it is larger
//	v4  isolation level, last stable offset, aborted transactions
//	v5  log start offset
//	v7  incremental sessions (KIP-227)
//	v9  the leader epoch the client knows (KIP-320)
//	v11 rack (KIP-392)
//	v12 last fetched epoch and diverging epoch (KIP-595)
//	v13 topic ids (KIP-516)
//	v15 the replica's state in a tagged field (KIP-903)
//	v16 the current leader, when it is not this broker (KIP-951)
//
// Versions 0 and 1 get message sets of format 0, 2 and 3 of format 1, if message.downconversion.enable allows it.
//
// Differences from Kafka 3.9: what is converted is sent as it is, while Kafka fills up to the size before the conversion with
// a message that is cut off; the only replica.selector.class is RackAwareReplicaSelector; a parked fetch of a follower is
// answered 5 ms after the high watermark has moved (Kafka does so, at once, only with a replica selector); a batch that does
// not fit is left out whole; a partition that is asked for twice is answered twice; an unknown isolation level is
// read_uncommitted.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) fetch(_ context.Context, r *server.Request) server.Reply {
	done := make(chan kmsg.Response, 1)
	written := d.Replicas.Fetch(r.Request.(*kmsg.FetchRequest), r.Listener, func(resp *kmsg.FetchResponse) { done <- resp })
	return server.Later(done).After(written) // taken at once if it is there at once
}
