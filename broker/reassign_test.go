package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// reassign asks the controller to move partition 0 of a topic; nil cancels.
func (l *lab) reassign(c *kgo.Client, topic string, replicas []int32) error {
	l.t.Helper()
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: replicas}}}}
	resp, err := req.RequestWith(l.t.Context(), c)
	if err != nil {
		l.t.Fatal(err)
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// moving tells what ListPartitionReassignments says of a topic.
func (l *lab) moving(c *kgo.Client) []kmsg.ListPartitionReassignmentsResponseTopic {
	l.t.Helper()
	resp, err := kmsg.NewPtrListPartitionReassignmentsRequest().RequestWith(l.t.Context(), c)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.Topics
}

func (l *lab) write(c *kgo.Client, topic string, n, size int) {
	l.t.Helper()
	for i := range n {
		value := make([]byte, size)
		copy(value, fmt.Sprint(i))
		if err := c.ProduceSync(l.t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// hosts reports whether a broker has a log of the topic's partition 0.
func (l *lab) hosts(id int, topic string) bool {
	for _, dir := range l.brokers[id].replicas.LogDirs() {
		for _, r := range dir.Replicas {
			if r.Topic == topic {
				return true
			}
		}
	}
	return false
}

func TestAPartitionMovesToOtherBrokers(t *testing.T) {
	l := newLab(t)
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	l.controller()
	l.createTopic("t", 1, 1, nil)
	l.inSync("t", 1)
	c := l.client(kgo.UnknownTopicRetries(-1))
	l.write(c, "t", 20, 100)
	p, _ := l.brokers[1].Metadata().Partition("t", 0)
	old := p.Leader
	target := []int32{old%3 + 1, (old+1)%3 + 1}
	if err := l.reassign(c, "t", target); err != nil {
		t.Fatal(err)
	}
	l.eventually("the move is done", func() bool {
		for _, b := range l.brokers {
			p, _ := b.Metadata().Partition("t", 0)
			if fmt.Sprint(p.Replicas) != fmt.Sprint(target) || len(p.ISR) != 2 || p.Leader != target[0] {
				return false
			}
		}
		return len(l.moving(c)) == 0 && !l.hosts(int(old), "t")
	})
	data, _, err := l.brokers[1].zk.Get(t.Context(), znode.TopicPath("t"))
	if err != nil || strings.Contains(string(data), `_replicas":{"`) {
		t.Errorf("the topic's node is %s, %v", data, err)
	}
	l.write(c, "t", 1, 100)
	reader := l.client(kgo.ConsumeTopics("t"))
	for n := 0; n < 21; {
		fetches := reader.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		n += fetches.NumRecords()
	}
}

// TestAThrottledMoveIsSlowAndCanBeCancelled moves a megabyte at a rate that would take minutes.
func TestAThrottledMoveIsSlowAndCanBeCancelled(t *testing.T) {
	for _, side := range []string{"leader", "follower"} {
		t.Run(side, func(t *testing.T) {
			l := newLab(t, "replica.fetch.max.bytes", "60000")
			l.start(1)
			l.start(2)
			l.controller()
			configs := map[string]*string{side + ".replication.throttled.replicas": new("*")}
			l.createTopic("t", 1, 1, configs)
			l.inSync("t", 1)
			c := l.client(kgo.UnknownTopicRetries(-1), kgo.ProducerBatchCompression(kgo.NoCompression()))
			l.write(c, "t", 20, 50_000)
			p, _ := l.brokers[1].Metadata().Partition("t", 0)
			from, to := p.Leader, 3-p.Leader
			l.alter(l.brokers[1], "brokers/<default>", map[string]string{side + ".replication.throttled.rate": "1000"})
			for _, b := range l.brokers {
				l.eventually("the rate holds", func() bool { n, ok := b.cfg.Quota(side + ".replication.throttled.rate"); return ok && n == 1000 })
			}
			if err := l.reassign(c, "t", []int32{to}); err != nil {
				t.Fatal(err)
			}
			l.eventually("the first bytes arrived", func() bool { return l.hosts(int(to), "t") })
			moving := l.moving(c)
			if len(moving) != 1 || fmt.Sprint(moving[0].Partitions[0].AddingReplicas, moving[0].Partitions[0].RemovingReplicas) != fmt.Sprint([]int32{to}, []int32{from}) {
				t.Errorf("on the move: %+v", moving)
			}
			if err := l.reassign(c, "t", nil); err != nil {
				t.Fatal(err)
			}
			l.eventually("the move is undone", func() bool { return len(l.moving(c)) == 0 && !l.hosts(int(to), "t") })
			if err := l.reassign(c, "t", nil); err != kerr.NoReassignmentInProgress {
				t.Errorf("cancelled twice: %v", err)
			}
			if err := l.reassign(c, "t", []int32{to}); err != nil {
				t.Fatal(err)
			}
			l.alter(l.brokers[1], "brokers/<default>", nil)
			l.eventually("without a limit it is done", func() bool { return len(l.moving(c)) == 0 && !l.hosts(int(from), "t") })
		})
	}
}

func TestConsumersReadInTheirRack(t *testing.T) {
	l := newLab(t, "replica.selector.class", "org.apache.kafka.common.replica.RackAwareReplicaSelector")
	for id := 1; id <= 2; id++ {
		l.props["broker.rack"] = fmt.Sprint("rack", id)
		l.start(id)
	}
	l.controller()
	l.createTopic("t", 1, 2, nil)
	l.inSync("t", 2)
	c := l.client(kgo.UnknownTopicRetries(-1))
	l.write(c, "t", 3, 10)
	p, _ := l.brokers[1].Metadata().Partition("t", 0)
	follower := 3 - p.Leader
	fetch := func(broker int32, rack string, offset int64) kmsg.FetchResponseTopicPartition {
		t.Helper()
		topic, _ := l.brokers[1].Metadata().Topic("t")
		req := kmsg.NewPtrFetchRequest()
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch, req.Rack = 1000, 1, 1<<20, -1, rack
		q := kmsg.NewFetchRequestTopicPartition()
		q.FetchOffset, q.PartitionMaxBytes = offset, 1<<20
		req.Topics = []kmsg.FetchRequestTopic{{TopicID: topic.ID, Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{q}}}
		resp, err := c.Broker(int(broker)).RetriableRequest(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	}
	l.eventually("the leader sends a consumer of the follower's rack there", func() bool {
		got := fetch(p.Leader, fmt.Sprint("rack", follower), 0)
		return got.ErrorCode == 0 && got.PreferredReadReplica == follower && len(got.RecordBatches) == 0
	})
	for _, rack := range []string{"", "rack9", fmt.Sprint("rack", p.Leader)} {
		if got := fetch(p.Leader, rack, 0); got.PreferredReadReplica != -1 || len(got.RecordBatches) == 0 {
			t.Errorf("a consumer of %q is sent to %d, with %d bytes", rack, got.PreferredReadReplica, len(got.RecordBatches))
		}
	}
	l.eventually("the follower serves it", func() bool { return len(fetch(follower, fmt.Sprint("rack", follower), 0).RecordBatches) > 0 })
}

func TestMoreFetchersTakeOver(t *testing.T) {
	l := newLab(t)
	l.start(1)
	l.start(2)
	l.controller()
	l.createTopic("t", 6, 2, nil)
	l.inSync("t", 2)
	l.alter(l.brokers[1], "brokers/<default>", map[string]string{"num.replica.fetchers": "3"})
	for _, b := range l.brokers {
		l.eventually("it has three fetchers", func() bool { return b.replicas.Fetchers() == 3 })
	}
	c := l.client(kgo.UnknownTopicRetries(-1), kgo.RequiredAcks(kgo.AllISRAcks()))
	start := time.Now()
	l.write(c, "t", 30, 10)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("30 writes took %v: followers do not keep up", took)
	}
}
