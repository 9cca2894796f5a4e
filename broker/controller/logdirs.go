package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// logDirNotified deals with brokers' word that a log directory failed: all
// their replicas are told their states again, and those on the failed directory
// answer KAFKA_STORAGE_ERROR (KIP-112).
func (c *Core) logDirNotified() {
	c.notified(znode.LogDirEventNotificationPath, func(data [][]byte) {
		var brokers []int32
		for _, d := range data {
			id, err := znode.DecodeLogDirEvent(d)
			if err != nil {
				c.warn("%v", err)
				continue
			}
			if _, ok := c.brokers[id]; ok && !slices.Contains(brokers, id) {
				brokers = append(brokers, id)
			}
		}
		c.replicasOnline(c.replicasOn(brokers...))
	})
}

// isrNotified deals with ISR changes that leaders of an old inter-broker
// protocol wrote to ZooKeeper themselves.
func (c *Core) isrNotified() {
	c.notified(znode.ISRChangeNotificationPath, func(data [][]byte) {
		var changed []*partition
		for _, d := range data {
			list, err := znode.DecodePartitions(d)
			if err != nil {
				c.warn("%v", err)
			}
			for _, tp := range list {
				if p := c.partition(tp); p != nil && !slices.Contains(changed, p) {
					changed = append(changed, p)
				}
			}
		}
		c.then(
			func() { c.readStates(changed, func() {}) },
			func() {
				if len(changed) > 0 {
					c.sendMetadata(c.brokerIDs(), changed...)
				}
			},
			func() { c.completeCaughtUp(changed) },
		)
	})
}

// notified reads the notifications in dir, has them dealt with, and deletes them.
func (c *Core) notified(dir string, use func(data [][]byte)) {
	c.ask([]Query{{Kind: List, Path: dir, Watch: true}}, func(a []Answer) {
		names := slices.Sorted(slices.Values(a[0].Children))
		reads := make([]Query, len(names))
		removals := make([]Query, len(names))
		for i, name := range names {
			reads[i] = Query{Kind: Read, Path: dir + "/" + name}
			removals[i] = remove(dir + "/" + name)
		}
		c.ask(reads, func(answers []Answer) {
			data := make([][]byte, 0, len(answers))
			for _, a := range answers {
				if a.Err == nil {
					data = append(data, a.Data)
				}
			}
			c.then(
				func() { use(data) },
				func() { c.ask(removals, func([]Answer) {}) },
			)
		})
	})
}

// leaderAndISRReplied learns which of a broker's replicas are on failed log
// directories, and which are back.
func (c *Core) leaderAndISRReplied(r Replied) {
	resp, ok := r.Response.(*kmsg.LeaderAndISRResponse)
	if !ok {
		return
	}
	if resp.ErrorCode != 0 {
		c.warn("broker %d refused LeaderAndIsr: %v", r.Broker, kerr.ErrorForCode(resp.ErrorCode))
		return
	}
	var lost []replica
	for _, t := range resp.Topics {
		for _, e := range t.Partitions {
			tp := TopicPartition{Topic: c.names[t.TopicID], Partition: e.Partition}
			switch {
			case e.ErrorCode == 0:
				delete(c.offlineDirs[r.Broker], tp)
			case e.ErrorCode == kerr.KafkaStorageError.Code && !c.offlineDirs[r.Broker][tp]:
				if c.offlineDirs[r.Broker] == nil {
					c.offlineDirs[r.Broker] = make(map[TopicPartition]bool)
				}
				c.offlineDirs[r.Broker][tp] = true
				if p := c.partition(tp); p != nil {
					lost = append(lost, replica{p, r.Broker})
				}
			}
		}
	}
	if len(lost) > 0 {
		c.replicasLost(lost)
	}
}
