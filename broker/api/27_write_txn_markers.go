package api

// WriteTxnMarkers, versions 0 and 1: a coordinator ends transactions in the partitions that this broker leads. An
// administrator's kafka-transactions --abort sends it too.
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) writeTxnMarkers(_ context.Context, r *server.Request) server.Reply {
	done := make(chan kmsg.Response, 1)
	d.Markers.Write(r.Request.(*kmsg.WriteTxnMarkersRequest), func(resp *kmsg.WriteTxnMarkersResponse) { done <- resp })
	return server.Later(done)
}
