package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
	"klab/coordinator/znode"
)

// stop is what a StopReplica request says about one partition.
type stop struct {
	tp          storage.TopicPartition
	leaderEpoch int32 // znode.NoEpoch, znode.EpochDuringDelete: whatever the replica's own is
	remove      bool
}

// StopReplicas carries out a StopReplica request of any version (kafka-formats D.2).
func (r *Replicas) StopReplicas(req *kmsg.StopReplicaRequest) *kmsg.StopReplicaResponse {
	r.control.Lock()
	defer r.control.Unlock()
	resp := kmsg.NewPtrStopReplicaResponse()
	if err := r.admitController(req.ControllerEpoch, req.BrokerEpoch); err != nil {
		resp.ErrorCode = err.Code
		return resp
	}
	r.controllerEpoch = req.ControllerEpoch
	var lost []Leadership
	for _, s := range stops(req) {
		p := kmsg.NewStopReplicaResponsePartition()
		p.Topic, p.Partition = s.tp.Topic, s.tp.Partition
		if err := r.stopReplica(s); err != nil {
			p.ErrorCode = err.Code
		} else {
			lost = append(lost, Leadership{TopicPartition: s.tp, LeaderEpoch: s.leaderEpoch})
		}
		resp.Partitions = append(resp.Partitions, p)
	}
	r.cfg.LeadershipChanged(lost)
	r.retireIdleFetchers()
	return resp
}

// stops gives all versions the shape of the last.
func stops(req *kmsg.StopReplicaRequest) (all []stop) {
	for i := range req.Topics {
		t := &req.Topics[i]
		add := func(partition, leaderEpoch int32, remove bool) {
			all = append(all, stop{storage.TopicPartition{Topic: t.Topic, Partition: partition}, leaderEpoch, remove})
		}
		switch {
		case req.Version == 0:
			add(t.Partition, znode.NoEpoch, req.DeletePartitions)
		case req.Version < 3:
			for _, id := range t.Partitions {
				add(id, znode.NoEpoch, req.DeletePartitions)
			}
		default:
			for _, p := range t.PartitionStates {
				add(p.Partition, p.LeaderEpoch, p.Delete)
			}
		}
	}
	return all
}

// stopReplica stops one replica and deletes its log if asked to. The caller holds r.control.
func (r *Replicas) stopReplica(s stop) *kerr.Error {
	h := r.table().hosted[s.tp]
	if h == nil {
		return r.deleteUnhosted(s)
	}
	if h.log == nil {
		return kerr.KafkaStorageError
	}
	h.mu.Lock()
	current := h.core.LeaderEpoch()
	h.mu.Unlock()
	if s.leaderEpoch != znode.NoEpoch && s.leaderEpoch != znode.EpochDuringDelete && s.leaderEpoch < current {
		return kerr.FencedLeaderEpoch
	}
	r.unfollow(h)
	r.idle(h, kerr.NotLeaderForPartition)
	if !s.remove {
		return nil
	}
	r.publish(func(t *table) {
		delete(t.hosted, s.tp)
		if id := h.topicID(); !id.IsZero() && !hostsTopic(t, s.tp.Topic) {
			delete(t.names, id)
		}
	})
	if err := h.dir.Delete(s.tp); err != nil {
		r.cfg.Log.Error("cannot delete a log", "partition", s.tp, "error", err)
		r.checkDir(h.dir)
		return codeOf(err)
	}
	return nil
}

func hostsTopic(t *table, topic string) bool {
	for tp := range t.hosted {
		if tp.Topic == topic {
			return true
		}
	}
	return false
}

// deleteUnhosted deletes a log that is on disk although the controller never named it since this broker started.
func (r *Replicas) deleteUnhosted(s stop) *kerr.Error {
	if !s.remove {
		return nil
	}
	for _, dir := range r.onlineDirs() {
		if _, ok := dir.Log(s.tp); !ok {
			continue
		}
		if err := dir.Delete(s.tp); err != nil {
			return codeOf(err)
		}
	}
	return nil
}
