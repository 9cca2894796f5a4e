//go:build e2e || interop

package e2e

import (
	"fmt"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawEpochs are what a request between brokers has to name. They are read where brokers read them, in ZooKeeper.
type rawEpochs struct {
	controller int32
	broker     map[int32]int64
}

// epochs reads the epochs of the controller and of each broker's registration, which the transcript then calls by name.
func (s *rawScript) epochs() rawEpochs {
	s.t.Helper()
	conn, _, err := zk.Connect([]string{s.zookeeper}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	e := rawEpochs{broker: map[int32]int64{}}
	text, _, err := conn.Get("/controller_epoch")
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &e.controller); err != nil {
		s.t.Fatalf("/controller_epoch is %q", text)
	}
	for id := int32(1); id <= 3; id++ {
		_, stat, err := conn.Get(fmt.Sprintf("/brokers/ids/%d", id))
		if err != nil {
			s.t.Fatal(err)
		}
		e.broker[id] = stat.Czxid
	}
	s.symbols.learnEpochs(e)
	return e
}

// brokersSession is about what brokers ask of each other. A request that would change what a partition is comes from the
// controller alone; here are those that must change nothing, and those that are refused.
func brokersSession(s *rawScript) {
	s.topic("brokers-a", [][]int32{{1, 2, 3}}, keepForever)
	e, id := s.epochs(), s.topicID("brokers-a")
	leaderAndISRSteps(s, e, id)
	stopReplicaSteps(s, e)
	updateMetadataSteps(s, e)
	controlledShutdownSteps(s)
	alterPartitionSteps(s, e, id)
	producerIDSteps(s, e)
	heartbeat := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	heartbeat.Group, heartbeat.SubscribedTopicNames = "brokers-g", []string{"brokers-a"}
	s.each("heartbeat of the new protocol", 1, func(int16) kmsg.Request { return heartbeat })
	describe := kmsg.NewPtrConsumerGroupDescribeRequest()
	describe.Groups = []string{"brokers-g", ""}
	s.each("describe groups of the new protocol", 1, func(int16) kmsg.Request { return describe })
}

const olderEpoch = 1 // of a broker: before the first znode of a cluster

func leaderAndISRSteps(s *rawScript, e rawEpochs, id [16]byte) {
	step := func(name string, from int16, change func(*kmsg.LeaderAndISRRequest, *kmsg.LeaderAndISRRequestTopicPartition)) {
		s.versions("leader and isr "+name, 1, from, 7, func(v int16) kmsg.Request {
			req := kmsg.NewPtrLeaderAndISRRequest()
			req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = s.symbols.controller, e.controller, e.broker[1]
			p := kmsg.NewLeaderAndISRRequestTopicPartition()
			p.Topic, p.ControllerEpoch, p.Leader = "brokers-a", e.controller, 1
			p.ISR, p.Replicas = []int32{1, 2, 3}, []int32{1, 2, 3}
			change(req, &p)
			if p.Partition < 0 {
				return req
			}
			if v < 2 {
				req.PartitionStates = []kmsg.LeaderAndISRRequestTopicPartition{p}
				return req
			}
			t := kmsg.NewLeaderAndISRRequestTopicState()
			t.Topic, t.TopicID, t.PartitionStates = p.Topic, id, []kmsg.LeaderAndISRRequestTopicPartition{p}
			if p.Topic != "brokers-a" {
				t.TopicID = [16]byte{1}
			}
			req.TopicStates = []kmsg.LeaderAndISRRequestTopicState{t}
			return req
		})
	}
	step("of an older controller", 0, func(r *kmsg.LeaderAndISRRequest, _ *kmsg.LeaderAndISRRequestTopicPartition) { r.ControllerEpoch-- })
	step("for an older registration", 2, func(r *kmsg.LeaderAndISRRequest, _ *kmsg.LeaderAndISRRequestTopicPartition) {
		r.BrokerEpoch = olderEpoch
	})
	step("of no partition", 0, func(_ *kmsg.LeaderAndISRRequest, p *kmsg.LeaderAndISRRequestTopicPartition) { p.Partition = -1 })
	step("that is known already", 0, func(*kmsg.LeaderAndISRRequest, *kmsg.LeaderAndISRRequestTopicPartition) {})
	step("of an older leader epoch", 0, func(_ *kmsg.LeaderAndISRRequest, p *kmsg.LeaderAndISRRequestTopicPartition) { p.LeaderEpoch = -1 })
	step("of another topic's replicas", 0, func(_ *kmsg.LeaderAndISRRequest, p *kmsg.LeaderAndISRRequestTopicPartition) {
		p.Topic, p.Leader, p.ISR, p.Replicas = "brokers-none", 2, []int32{2, 3}, []int32{2, 3}
	})
}

func stopReplicaSteps(s *rawScript, e rawEpochs) {
	step := func(name, topic string, from int16, leaderEpoch int32, change func(*kmsg.StopReplicaRequest)) {
		s.versions("stop a replica "+name, 1, from, 4, func(v int16) kmsg.Request {
			req := kmsg.NewPtrStopReplicaRequest()
			req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = s.symbols.controller, e.controller, e.broker[1]
			t := kmsg.NewStopReplicaRequestTopic()
			t.Topic, t.Partitions = topic, []int32{0}
			p := kmsg.NewStopReplicaRequestTopicPartitionState()
			p.LeaderEpoch = leaderEpoch
			t.PartitionStates = []kmsg.StopReplicaRequestTopicPartitionState{p}
			req.Topics = []kmsg.StopReplicaRequestTopic{t}
			change(req)
			return req
		})
	}
	step("of an older controller", "brokers-a", 0, 0, func(r *kmsg.StopReplicaRequest) { r.ControllerEpoch-- })
	step("of an older registration", "brokers-a", 1, 0, func(r *kmsg.StopReplicaRequest) { r.BrokerEpoch = olderEpoch })
	step("in an older leader epoch", "brokers-a", 3, -3, func(*kmsg.StopReplicaRequest) {})
	step("that is not here", "brokers-none", 0, 0, func(*kmsg.StopReplicaRequest) {})
	step("that is not here, and delete it", "brokers-none", 0, 0, func(r *kmsg.StopReplicaRequest) {
		r.DeletePartitions = true
		r.Topics[0].PartitionStates[0].Delete = true
	})
}

func updateMetadataSteps(s *rawScript, e rawEpochs) {
	step := func(name string, from int16, change func(*kmsg.UpdateMetadataRequest)) {
		s.versions("update metadata "+name, 1, from, 8, func(int16) kmsg.Request {
			req := kmsg.NewPtrUpdateMetadataRequest()
			req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = s.symbols.controller, e.controller, e.broker[1]
			for id := int32(1); id <= 3; id++ {
				b, at := kmsg.NewUpdateMetadataRequestLiveBroker(), kmsg.NewUpdateMetadataRequestLiveBrokerEndpoint()
				at.Host, at.Port, at.ListenerName = "127.0.0.1", int32(s.firstPort)+id-1, "PLAINTEXT"
				b.ID, b.Host, b.Port = id, at.Host, at.Port
				b.Endpoints = []kmsg.UpdateMetadataRequestLiveBrokerEndpoint{at}
				req.LiveBrokers = append(req.LiveBrokers, b)
			}
			change(req)
			return req
		})
	}
	step("of an older controller", 0, func(r *kmsg.UpdateMetadataRequest) { r.ControllerEpoch-- })
	step("for an older registration", 5, func(r *kmsg.UpdateMetadataRequest) { r.BrokerEpoch = olderEpoch })
	step("that is known already", 0, func(*kmsg.UpdateMetadataRequest) {})
}

func controlledShutdownSteps(s *rawScript) {
	step := func(name string, to to, from int16, broker int32, epoch int64) {
		s.versions("controlled shutdown "+name, to, from, 3, func(int16) kmsg.Request {
			req := kmsg.NewPtrControlledShutdownRequest()
			req.BrokerID, req.BrokerEpoch = broker, epoch
			return req
		})
	}
	step("of an unknown broker", toController, 1, 9, -1)
	step("of an older registration", toController, 2, 1, olderEpoch)
	step("asked of another broker", toAny, 1, 9, -1)
	// The codec sends no body in version 0, whose header has no client id.
	s.frame("controlled shutdown of an unknown broker, the oldest version", toController, 7, 0, []byte{0, 0, 0, 9})
}

func alterPartitionSteps(s *rawScript, e rawEpochs, id [16]byte) {
	step := func(name string, to to, first, last int16, isr []int32, change func(*kmsg.AlterPartitionRequest, *kmsg.AlterPartitionRequestTopicPartition)) {
		s.versions("alter a partition "+name, to, first, last, func(int16) kmsg.Request {
			req := kmsg.NewPtrAlterPartitionRequest()
			req.BrokerID, req.BrokerEpoch = 1, e.broker[1]
			t := kmsg.NewAlterPartitionRequestTopic()
			t.Topic, t.TopicID = "brokers-a", id
			p := kmsg.NewAlterPartitionRequestTopicPartition()
			p.NewISR = isr
			for _, member := range isr {
				in := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
				in.BrokerID = member
				p.NewEpochISR = append(p.NewEpochISR, in)
			}
			t.Partitions = []kmsg.AlterPartitionRequestTopicPartition{p}
			req.Topics = []kmsg.AlterPartitionRequestTopic{t}
			change(req, &req.Topics[0].Partitions[0])
			return req
		})
	}
	all := []int32{1, 2, 3}
	same := func(*kmsg.AlterPartitionRequest, *kmsg.AlterPartitionRequestTopicPartition) {}
	step("to what it is", toController, 0, 3, all, same)
	step("at a broker that is not controller", toAny, 0, 3, all, same)
	step("of an older registration", toController, 0, 3, all, func(r *kmsg.AlterPartitionRequest, _ *kmsg.AlterPartitionRequestTopicPartition) {
		r.BrokerEpoch = olderEpoch
	})
	step("of an unknown broker", toController, 0, 3, all, func(r *kmsg.AlterPartitionRequest, _ *kmsg.AlterPartitionRequestTopicPartition) {
		r.BrokerID = 9
	})
	step("of an unknown topic", toController, 0, 1, all, func(r *kmsg.AlterPartitionRequest, _ *kmsg.AlterPartitionRequestTopicPartition) {
		r.Topics[0].Topic = "brokers-none"
	})
	step("of an unknown topic id", toController, 2, 3, all, func(r *kmsg.AlterPartitionRequest, _ *kmsg.AlterPartitionRequestTopicPartition) {
		r.Topics[0].TopicID = [16]byte{1}
	})
	step("that is not there", toController, 0, 3, all, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.Partition = 9
	})
	step("in an older leader epoch", toController, 0, 3, all, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.LeaderEpoch = -1
	})
	step("in a newer leader epoch", toController, 0, 3, all, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.LeaderEpoch = 9
	})
	step("in a newer partition epoch", toController, 0, 3, []int32{1, 2}, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.PartitionEpoch = 9
	})
	step("in an older partition epoch", toController, 0, 3, []int32{1, 2}, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.PartitionEpoch = -2
	})
	step("to recovering with an ISR of three", toController, 1, 3, all, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.LeaderRecoveryState = 1
	})
	step("to recovering", toController, 1, 3, []int32{1}, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.LeaderRecoveryState = 1
	})
	step("to a state that there is not", toController, 1, 3, all, func(_ *kmsg.AlterPartitionRequest, p *kmsg.AlterPartitionRequestTopicPartition) {
		p.LeaderRecoveryState = 7
	})
}

func producerIDSteps(s *rawScript, e rawEpochs) {
	step := func(name string, to to, broker int32, epoch int64) {
		s.each("allocate producer ids "+name, to, func(int16) kmsg.Request {
			req := kmsg.NewPtrAllocateProducerIDsRequest()
			req.BrokerID, req.BrokerEpoch = broker, epoch
			return req
		})
	}
	step("for a broker", toController, 2, e.broker[2])
	step("for an older registration", toController, 2, olderEpoch)
	step("for an unknown broker", toController, 9, e.broker[2])
	step("at a broker that is not controller", toAny, 2, e.broker[2])
}
