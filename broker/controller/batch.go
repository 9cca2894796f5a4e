package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// Versions of the controller's requests. They are fixed by
// inter.broker.protocol.version 3.9, not negotiated.
const (
	leaderAndISRVersion   = 7
	stopReplicaVersion    = 4
	updateMetadataVersion = 8
)

// batch gathers what a state change must tell the brokers. Flush sends, to each
// broker, LeaderAndIsr, then UpdateMetadata, then StopReplica.
type batch struct {
	leaderAndISR map[int32]map[*partition]bool // broker -> partition -> is new
	stop         map[int32]map[*partition]bool // broker -> partition -> delete
	metadata     map[*partition]bool           // partitions that UpdateMetadata tells
	audience     map[int32]bool                // brokers that get UpdateMetadata
}

// addLeaderAndISR tells brokers about a partition's state, and all brokers by
// UpdateMetadata.
func (c *Core) addLeaderAndISR(brokers []int32, p *partition, isNew bool) {
	if c.batch.leaderAndISR == nil {
		c.batch.leaderAndISR = make(map[int32]map[*partition]bool)
	}
	for _, id := range brokers {
		put(c.batch.leaderAndISR, id, p, isNew)
	}
	c.addMetadata(c.brokerIDs(), p)
}

func (c *Core) addStop(broker int32, p *partition, remove bool) {
	if c.batch.stop == nil {
		c.batch.stop = make(map[int32]map[*partition]bool)
	}
	put(c.batch.stop, broker, p, remove)
}

// put sets a flag that once true stays true within the batch.
func put(m map[int32]map[*partition]bool, broker int32, p *partition, flag bool) {
	if m[broker] == nil {
		m[broker] = make(map[*partition]bool)
	}
	m[broker][p] = m[broker][p] || flag
}

// addMetadata tells brokers about partitions; with no partition it tells them
// which brokers are live.
func (c *Core) addMetadata(brokers []int32, partitions ...*partition) {
	if c.batch.audience == nil {
		c.batch.audience, c.batch.metadata = make(map[int32]bool), make(map[*partition]bool)
	}
	for _, id := range brokers {
		c.batch.audience[id] = true
	}
	for _, p := range partitions {
		c.batch.metadata[p] = true
	}
}

// flush sends the batch to those brokers that are registered and empties it.
func (c *Core) flush() {
	b := c.batch
	c.batch = batch{}
	for _, id := range slices.Sorted(maps.Keys(b.leaderAndISR)) {
		if _, ok := c.brokers[id]; ok {
			c.emit(Send{id, c.leaderAndISRRequest(id, b.leaderAndISR[id])})
		}
	}
	var states []kmsg.UpdateMetadataRequestTopicState
	var live []kmsg.UpdateMetadataRequestLiveBroker
	for i, id := range slices.Sorted(maps.Keys(b.audience)) {
		if i == 0 {
			states, live = c.metadataStates(b.metadata), c.liveBrokers()
		}
		if _, ok := c.brokers[id]; ok {
			c.emit(Send{id, c.updateMetadataRequest(id, states, live)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.stop)) {
		if _, ok := c.brokers[id]; ok {
			c.emit(Send{id, c.stopReplicaRequest(id, b.stop[id])})
		}
	}
}

// sendMetadata tells brokers at once which brokers are live, and about partitions.
func (c *Core) sendMetadata(brokers []int32, partitions ...*partition) {
	c.addMetadata(brokers, partitions...)
	c.flush()
}

// inOrder sorts the partitions of a batch, so that requests are the same each time.
func inOrder(m map[*partition]bool) []*partition {
	return slices.SortedFunc(maps.Keys(m), func(a, b *partition) int { return a.Compare(b.TopicPartition) })
}

func (c *Core) leaderAndISRRequest(broker int32, partitions map[*partition]bool) *kmsg.LeaderAndISRRequest {
	req := kmsg.NewPtrLeaderAndISRRequest()
	req.SetVersion(leaderAndISRVersion)
	req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = c.cfg.BrokerID, c.epoch, c.brokers[broker].epoch
	leaders := make(map[int32]bool)
	for _, p := range inOrder(partitions) {
		s := kmsg.NewLeaderAndISRRequestTopicPartition()
		s.Partition, s.ControllerEpoch = p.Partition, p.leadership.ControllerEpoch
		s.Leader, s.LeaderEpoch, s.ISR = p.leadership.Leader, p.leadership.LeaderEpoch, p.leadership.ISR
		s.ZKVersion, s.LeaderRecoveryState = p.leadership.version, p.leadership.LeaderRecoveryState
		s.Replicas, s.AddingReplicas, s.RemovingReplicas = p.assignment.Replicas, p.assignment.Adding, p.assignment.Removing
		s.IsNew = partitions[p]
		leaders[s.Leader] = true
		if n := len(req.TopicStates); n == 0 || req.TopicStates[n-1].Topic != p.Topic {
			req.TopicStates = append(req.TopicStates, kmsg.LeaderAndISRRequestTopicState{Topic: p.Topic, TopicID: p.topic.id})
		}
		last := &req.TopicStates[len(req.TopicStates)-1]
		last.PartitionStates = append(last.PartitionStates, s)
	}
	for _, id := range c.brokerIDs() {
		if e, ok := c.brokers[id].Endpoint(c.cfg.Listener); ok && leaders[id] {
			req.LiveLeaders = append(req.LiveLeaders, kmsg.LeaderAndISRRequestLiveLeader{BrokerID: id, Host: e.Host, Port: e.Port})
		}
	}
	return req
}

// metadataStates lists the partitions that have a state. Leader -2 makes a
// broker forget a partition whose topic is being deleted.
func (c *Core) metadataStates(partitions map[*partition]bool) []kmsg.UpdateMetadataRequestTopicState {
	var states []kmsg.UpdateMetadataRequestTopicState
	for _, p := range inOrder(partitions) {
		if p.leadership == nil {
			continue
		}
		s := kmsg.NewUpdateMetadataRequestTopicPartition()
		s.Partition, s.ControllerEpoch = p.Partition, p.leadership.ControllerEpoch
		s.Leader, s.LeaderEpoch, s.ISR = p.leadership.Leader, p.leadership.LeaderEpoch, p.leadership.ISR
		s.ZKVersion, s.Replicas = p.leadership.version, p.assignment.Replicas
		s.OfflineReplicas = keep(s.Replicas, func(id int32) bool { return !c.isOnline(id, p.TopicPartition) })
		if p.topic.deletion.queued {
			s.Leader, s.LeaderEpoch = znode.LeaderDuringDelete, znode.EpochDuringDelete
		}
		if n := len(states); n == 0 || states[n-1].Topic != p.Topic {
			states = append(states, kmsg.UpdateMetadataRequestTopicState{Topic: p.Topic, TopicID: p.topic.id})
		}
		last := &states[len(states)-1]
		last.PartitionStates = append(last.PartitionStates, s)
	}
	return states
}

func (c *Core) liveBrokers() []kmsg.UpdateMetadataRequestLiveBroker {
	var live []kmsg.UpdateMetadataRequestLiveBroker
	for _, id := range c.brokerIDs() {
		b := c.brokers[id]
		lb := kmsg.UpdateMetadataRequestLiveBroker{ID: id}
		if b.Rack != "" {
			lb.Rack = new(b.Rack)
		}
		for _, e := range b.Endpoints {
			lb.Endpoints = append(lb.Endpoints, kmsg.UpdateMetadataRequestLiveBrokerEndpoint{
				Host: e.Host, Port: e.Port, ListenerName: e.Listener, SecurityProtocol: protocolID(e.SecurityProtocol)})
		}
		live = append(live, lb)
	}
	return live
}

func protocolID(name string) int16 {
	return int16(max(0, slices.Index([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, name)))
}

func (c *Core) updateMetadataRequest(broker int32, states []kmsg.UpdateMetadataRequestTopicState, live []kmsg.UpdateMetadataRequestLiveBroker) *kmsg.UpdateMetadataRequest {
	req := kmsg.NewPtrUpdateMetadataRequest()
	req.SetVersion(updateMetadataVersion)
	req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = c.cfg.BrokerID, c.epoch, c.brokers[broker].epoch
	req.TopicStates, req.LiveBrokers = states, live
	return req
}

func (c *Core) stopReplicaRequest(broker int32, partitions map[*partition]bool) *kmsg.StopReplicaRequest {
	req := kmsg.NewPtrStopReplicaRequest()
	req.SetVersion(stopReplicaVersion)
	req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = c.cfg.BrokerID, c.epoch, c.brokers[broker].epoch
	for _, p := range inOrder(partitions) {
		s := kmsg.StopReplicaRequestTopicPartitionState{Partition: p.Partition, LeaderEpoch: stopEpoch(p), Delete: partitions[p]}
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != p.Topic {
			req.Topics = append(req.Topics, kmsg.StopReplicaRequestTopic{Topic: p.Topic})
		}
		last := &req.Topics[len(req.Topics)-1]
		last.PartitionStates = append(last.PartitionStates, s)
	}
	return req
}

// stopEpoch is the leader epoch by which a broker judges a StopReplica.
func stopEpoch(p *partition) int32 {
	switch {
	case p.topic.deletion.queued:
		return znode.EpochDuringDelete
	case p.leadership == nil:
		return znode.NoEpoch
	}
	return p.leadership.LeaderEpoch
}
