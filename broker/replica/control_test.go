package replica

import (
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

func TestControllersRequestsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.epoch = 5
		l.elect(0, 1, []int32{1}, []int32{1}, 1)
		b := l.brokers[1]

		stale := kmsg.NewPtrLeaderAndISRRequest()
		stale.Version, stale.ControllerEpoch, stale.BrokerEpoch = 7, 4, -1
		if got := b.BecomeLeaderOrFollower(stale).ErrorCode; got != kerr.StaleControllerEpoch.Code {
			t.Errorf("LeaderAndIsr of a replaced controller: %v", kerr.ErrorForCode(got))
		}
		update := kmsg.NewPtrUpdateMetadataRequest()
		update.Version, update.ControllerEpoch, update.BrokerEpoch = 8, 4, -1
		if resp, _ := b.UpdateMetadata(update); resp.ErrorCode != kerr.StaleControllerEpoch.Code {
			t.Errorf("UpdateMetadata of a replaced controller: %v", kerr.ErrorForCode(resp.ErrorCode))
		}
		b.cfg.BrokerEpoch = func() int64 { return 100 }
		late := kmsg.NewPtrStopReplicaRequest()
		late.Version, late.ControllerEpoch, late.BrokerEpoch = 4, 5, 99
		if got := b.StopReplicas(late).ErrorCode; got != kerr.StaleBrokerEpoch.Code {
			t.Errorf("StopReplica for an earlier registration: %v", kerr.ErrorForCode(got))
		}
	})
}

func leaderAndISR(l *lab, id storage.TopicID, change func(*kmsg.LeaderAndISRRequestTopicPartition)) *kmsg.LeaderAndISRRequest {
	req := kmsg.NewPtrLeaderAndISRRequest()
	req.Version, req.ControllerEpoch, req.BrokerEpoch = 7, l.epoch, -1
	topic := kmsg.NewLeaderAndISRRequestTopicState()
	p := kmsg.NewLeaderAndISRRequestTopicPartition()
	p.Leader, p.LeaderEpoch, p.ISR, p.Replicas, p.IsNew = 1, 3, []int32{1}, []int32{1}, true
	change(&p)
	topic.Topic, topic.TopicID, topic.PartitionStates = labTopic, id, append(topic.PartitionStates, p)
	req.TopicStates = append(req.TopicStates, topic)
	return req
}

func TestLeaderAndISROfOnePartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		id := l.topicID
		steps := []struct {
			name   string
			id     storage.TopicID
			change func(*kmsg.LeaderAndISRRequestTopicPartition)
			want   *kerr.Error
		}{
			{"no topic id yet", storage.TopicID{}, func(*kmsg.LeaderAndISRRequestTopicPartition) {}, nil},
			{"the same epoch brings the topic id", id, func(*kmsg.LeaderAndISRRequestTopicPartition) {}, nil},
			{"the same epoch brings nothing", id, func(*kmsg.LeaderAndISRRequestTopicPartition) {}, kerr.StaleControllerEpoch},
			{"an older epoch", id, func(p *kmsg.LeaderAndISRRequestTopicPartition) { p.LeaderEpoch = 2 }, kerr.StaleControllerEpoch},
			{"another topic id", storage.TopicID{7}, func(p *kmsg.LeaderAndISRRequestTopicPartition) { p.LeaderEpoch = 9 }, kerr.InconsistentTopicID},
			{"not a replica", id, func(p *kmsg.LeaderAndISRRequestTopicPartition) {
				p.LeaderEpoch, p.Replicas = 9, []int32{2}
			}, kerr.UnknownTopicOrPartition},
			{"a newer epoch", id, func(p *kmsg.LeaderAndISRRequestTopicPartition) { p.LeaderEpoch = 4 }, nil},
		}
		for _, s := range steps {
			resp := l.brokers[1].BecomeLeaderOrFollower(leaderAndISR(l, s.id, s.change))
			if got := kerr.TypedErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); got != s.want {
				t.Errorf("%s: %v, want %v", s.name, got, s.want)
			}
		}
		if got := l.brokers[1].table().hosted[tp(0)].log.TopicID(); got != id {
			t.Errorf("the log's topic id is %v", got)
		}
	})
}

func TestStopReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		b := l.brokers[2]
		stop := func(epoch int32, remove bool) *kerr.Error {
			req := kmsg.NewPtrStopReplicaRequest()
			req.Version, req.ControllerEpoch, req.BrokerEpoch = 4, l.epoch, -1
			topic := kmsg.NewStopReplicaRequestTopic()
			p := kmsg.NewStopReplicaRequestTopicPartitionState()
			p.LeaderEpoch, p.Delete = epoch, remove
			topic.Topic, topic.PartitionStates = labTopic, append(topic.PartitionStates, p)
			req.Topics = append(req.Topics, topic)
			return kerr.TypedErrorForCode(b.StopReplicas(req).Partitions[0].ErrorCode)
		}
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		if got := stop(0, true); got != kerr.FencedLeaderEpoch {
			t.Errorf("an older epoch: %v", got)
		}
		if got := stop(1, false); got != nil {
			t.Errorf("the current epoch: %v", got)
		}
		if len(b.fetchers) != 0 {
			t.Error("the fetcher goes on with nothing to fetch")
		}
		if got := stop(-2, true); got != nil {
			t.Errorf("topic deletion: %v", got)
		}
		if _, there := b.dir.Log(tp(0)); there || b.table().hosted[tp(0)] != nil || len(b.table().names) != 0 {
			t.Error("the replica is still there")
		}
		if got := stop(-2, true); got != nil {
			t.Errorf("deleting what is not there: %v", got)
		}
	})
}
