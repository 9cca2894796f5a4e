package controller

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
)

// This file keeps what is written within what ZooKeeper takes. Over a longer request it breaks the connection, and the
// session, which cannot know why, would send the request again for ever. Kafka does.

const (
	// maxRequest is the longest request that a ZooKeeper server takes, by its default jute.maxbuffer.
	maxRequest = 0xfffff
	// maxData is how much data a transaction may write. The rest is for the check of the controller epoch and for headers.
	maxData = maxRequest - 4<<10
	// opOverhead is what an operation takes besides its path and data: headers, its ACL, and the chroot.
	opOverhead = 256
)

// bytesOf bounds what operations take in a request.
func bytesOf(ops []Op) int {
	n := 0
	for _, op := range ops {
		n += opOverhead + len(op.Path) + len(op.Data)
	}
	return n
}

// fitting is how many of the partitions have room in a topic's node, each with so many replicas on brokers of the longest id.
func fitting(brokers []brokerRack, partitions int32, replicas int) int32 {
	longest := 0
	for _, b := range brokers {
		longest = max(longest, digits(b.id))
	}
	size := 0
	for p := range partitions {
		size += len(`"":[],`) + digits(p) + replicas*(longest+1)
		if size > maxData-opOverhead {
			return p
		}
	}
	return partitions
}

func digits(n int32) int {
	var text [11]byte
	return len(strconv.AppendInt(text[:0], int64(n), 10))
}

// checkAssignmentSize refuses an assignment that does not fit a topic's node.
func checkAssignmentSize(topic string, assignment []byte) *refusal {
	if len(assignment) <= maxData {
		return nil
	}
	return refuse(kerr.InvalidPartitions, "The assignment of topic '%s' takes %d bytes, and its node in ZooKeeper has room for %d.",
		topic, len(assignment), maxData)
}
