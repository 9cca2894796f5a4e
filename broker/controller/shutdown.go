package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// controlledShutdown hands the leaderships of a broker over and takes it out of
// the ISRs (KIP-143). Partitions without another replica keep their leader. The
// broker may go when nothing remains.
func (c *Core) controlledShutdown(ev ShutdownAsked) {
	id := ev.Request.BrokerID
	resp := kmsg.NewPtrControlledShutdownResponse()
	resp.SetVersion(ev.Request.GetVersion())
	b, ok := c.brokers[id]
	switch {
	case !ok:
		resp.ErrorCode = kerr.BrokerNotAvailable.Code
	case ev.Request.GetVersion() >= 2 && ev.Request.BrokerEpoch >= 0 && ev.Request.BrokerEpoch < b.epoch:
		resp.ErrorCode = kerr.StaleBrokerEpoch.Code
	}
	if resp.ErrorCode != 0 {
		c.emit(Reply{ev.ID, resp})
		return
	}
	c.shuttingDown[id] = true
	led, followed := c.toHandOver(id)
	c.then(
		func() { c.online(led, shutdownStrategy(), nil) },
		func() { c.replicasOffline(followed) },
		func() {
			remaining, _ := c.toHandOver(id)
			for _, p := range remaining {
				resp.PartitionsRemaining = append(resp.PartitionsRemaining,
					kmsg.ControlledShutdownResponsePartitionsRemaining{Topic: p.Topic, Partition: p.Partition})
			}
			c.emit(Reply{ev.ID, resp})
		},
	)
}

// toHandOver returns the partitions of more than one replica that a broker
// leads, and its replicas of those it follows.
func (c *Core) toHandOver(broker int32) (led []*partition, followed []replica) {
	for _, r := range c.replicasOn(broker) {
		switch {
		case len(r.assignment.Replicas) < 2 || r.leadership == nil || r.topic.deletion.queued:
		case r.leadership.Leader == broker:
			led = append(led, r.partition)
		default:
			followed = append(followed, r)
		}
	}
	return led, followed
}
