// Package wire puts right what the codec has otherwise than Kafka. kmsg 1.15.1 has two fields of StopReplica v4 the wrong way
// round: Kafka writes isKRaftController before the controller's epoch (kafka-wire-schemas, 5 StopReplica). A broker that reads
// one as the other takes a controller of epoch 1 for one of epoch 256, and refuses every controller after it.
package wire

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is req as Kafka has it in bytes. What is read by way of it is in req.
func Request(req kmsg.Request) kmsg.Request {
	if stop, ok := req.(*kmsg.StopReplicaRequest); ok {
		return stopReplica{stop}
	}
	return req
}

type stopReplica struct{ *kmsg.StopReplicaRequest }

// Where the two fields of version 4 are in a body: after the controller's id, an epoch of four bytes and one of the flag.
const (
	swappedFrom = 4
	epochSize   = 4
	swappedTo   = swappedFrom + epochSize + 1
)

func (r stopReplica) AppendTo(dst []byte) []byte {
	from := len(dst)
	dst = r.StopReplicaRequest.AppendTo(dst)
	if r.Version >= 4 {
		rotate(dst[from+swappedFrom:from+swappedTo], epochSize)
	}
	return dst
}

func (r stopReplica) ReadFrom(src []byte) error {
	if r.Version >= 4 && len(src) >= swappedTo {
		src = slices.Clone(src)
		rotate(src[swappedFrom:swappedTo], 1)
	}
	return r.StopReplicaRequest.ReadFrom(src)
}

// rotate brings b[n:] before b[:n].
func rotate(b []byte, n int) { copy(b, append(slices.Clone(b[n:]), b[:n]...)) }
