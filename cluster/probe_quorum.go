package cluster

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How a broker's controller is found.
const (
	modeZooKeeper = 1 // the metadata names it
	modeKRaft     = 2 // the metadata names any broker (KIP-590), DescribeQuorum the leader of the controllers
)

// kraft says whether the broker is one of KRaft: only those serve DescribeQuorum. It asks once.
func (l *link) kraft(ctx context.Context) (bool, error) {
	if mode := l.mode.Load(); mode != 0 {
		return mode == modeKRaft, nil
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "klab", "1"
	resp, err := l.request(ctx, req)
	if err != nil {
		return false, err
	}
	mode := int32(modeZooKeeper)
	for _, k := range resp.(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey == int16(kmsg.DescribeQuorum) {
			mode = modeKRaft
		}
	}
	l.mode.Store(mode)
	return mode == modeKRaft, nil
}

// askQuorum reads who leads the controllers of a KRaft cluster. Whatever stands in the way, he is unknown then.
func (c *Cluster) askQuorum(ctx context.Context) {
	leader, _, err := hedged(ctx, c.askFirst(), c.askQuorumLeader)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		leader = Unknown
	}
	d := diff{at: time.Now(), on: true}
	c.update(func(m *model) { m.applyQuorum(leader, &d) })
	for _, f := range d.facts {
		c.timeline.Append(f)
	}
}

func (c *Cluster) askQuorumLeader(ctx context.Context, address string) (int32, error) {
	l, err := c.link(address)
	if err != nil {
		return Unknown, err
	}
	req, topic := kmsg.NewPtrDescribeQuorumRequest(), kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = "__cluster_metadata", append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, topic)
	resp, err := l.request(ctx, req)
	if err != nil {
		return Unknown, err
	}
	quorum := resp.(*kmsg.DescribeQuorumResponse)
	if err := kerr.ErrorForCode(quorum.ErrorCode); err != nil {
		return Unknown, withMessage(err, text(quorum.ErrorMessage))
	}
	for _, t := range quorum.Topics {
		for _, p := range t.Partitions {
			return p.LeaderID, withMessage(kerr.ErrorForCode(p.ErrorCode), text(p.ErrorMessage))
		}
	}
	return Unknown, nil
}
