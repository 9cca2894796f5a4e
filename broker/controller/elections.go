package controller

import (
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// Election types of ElectLeaders (KIP-460).
const (
	electionPreferred int8 = 0
	electionUnclean   int8 = 1
)

// verdict is what came of one partition in ElectLeaders.
type verdict struct {
	err     *kerr.Error // nil: elected
	message string
}

// electionAsked holds the elections of an ElectLeaders request. Topics null
// means all partitions; those that need no election are then left out.
func (c *Core) electionAsked(ev ElectionAsked) {
	if ev.Request.ElectionType != electionPreferred && ev.Request.ElectionType != electionUnclean {
		c.emit(Reply{ev.ID, unknownElection(ev.Request)})
		return
	}
	all := ev.Request.Topics == nil
	wanted := c.wantedElections(ev.Request)
	verdicts := make(map[TopicPartition]verdict, len(wanted))
	var candidates []*partition
	for _, tp := range wanted {
		p := c.partition(tp)
		switch {
		case p == nil:
			verdicts[tp] = verdict{kerr.UnknownTopicOrPartition, "The partition does not exist."}
		case p.topic.deletion.queued:
			verdicts[tp] = verdict{kerr.InvalidTopicException, "The topic is being deleted"}
		case !c.needsElection(p, ev.Request.ElectionType):
			if !all {
				verdicts[tp] = verdict{kerr.ElectionNotNeeded, "Leader election not needed for topic partition."}
			}
		default:
			verdicts[tp] = verdict{}
			candidates = append(candidates, p)
		}
	}
	how, none := preferredStrategy(), kerr.PreferredLeaderNotAvailable
	if ev.Request.ElectionType == electionUnclean {
		how, none = uncleanStrategy(), kerr.EligibleLeadersNotAvailable
	}
	c.online(candidates, how, func(failed map[*partition]string) {
		for p, why := range failed {
			verdicts[p.TopicPartition] = verdict{none, "Failed to elect leader for partition " + p.String() + ": " + why}
		}
		c.emit(Reply{ev.ID, electLeadersResponse(ev.Request.GetVersion(), verdicts)})
	})
}

// unknownElection answers for a type of election that does not exist.
func unknownElection(req *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	resp := electLeadersResponse(req.GetVersion(), nil)
	resp.ErrorCode = kerr.UnknownServerError.Code
	for _, t := range req.Topics {
		out := kmsg.ElectLeadersResponseTopic{Topic: t.Topic}
		for _, id := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.ElectLeadersResponseTopicPartition{Partition: id, ErrorCode: kerr.UnknownServerError.Code})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (c *Core) wantedElections(req *kmsg.ElectLeadersRequest) []TopicPartition {
	var wanted []TopicPartition
	if req.Topics == nil {
		for _, p := range c.allPartitions() {
			wanted = append(wanted, p.TopicPartition)
		}
	}
	for _, t := range req.Topics {
		for _, id := range t.Partitions {
			wanted = append(wanted, TopicPartition{Topic: t.Topic, Partition: id})
		}
	}
	slices.SortFunc(wanted, TopicPartition.Compare)
	return slices.Compact(wanted)
}

// needsElection reports whether the election could change the leader.
func (c *Core) needsElection(p *partition, election int8) bool {
	if election == electionUnclean {
		return p.leader() == znode.NoLeader || !c.isLive(p.leader())
	}
	return len(p.assignment.Replicas) > 0 && p.leader() != p.assignment.Replicas[0]
}

func electLeadersResponse(version int16, verdicts map[TopicPartition]verdict) *kmsg.ElectLeadersResponse {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.SetVersion(version)
	for _, tp := range slices.SortedFunc(maps.Keys(verdicts), TopicPartition.Compare) {
		v := verdicts[tp]
		out := kmsg.ElectLeadersResponseTopicPartition{Partition: tp.Partition}
		if v.err != nil {
			out.ErrorCode, out.ErrorMessage = v.err.Code, &v.message
		}
		if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != tp.Topic {
			resp.Topics = append(resp.Topics, kmsg.ElectLeadersResponseTopic{Topic: tp.Topic})
		}
		last := &resp.Topics[len(resp.Topics)-1]
		last.Partitions = append(last.Partitions, out)
	}
	return resp
}

// preferredElectionNotified deals with /admin/preferred_replica_election, by
// which old tools ask for elections, deletes it, and waits for the next.
func (c *Core) preferredElectionNotified() {
	path := znode.PreferredElectionPath
	c.ask([]Query{{Kind: Look, Path: path, Watch: true}, {Kind: Read, Path: path}}, func(a []Answer) {
		if errors.Is(a[1].Err, session.ErrNoNode) {
			return
		}
		wanted, err := znode.DecodePartitions(a[1].Data)
		if err != nil {
			c.warn("%s is ignored: %v", path, err)
		}
		var candidates []*partition
		for _, tp := range wanted {
			if p := c.partition(tp); p != nil && !p.topic.deletion.queued && c.needsElection(p, electionPreferred) {
				candidates = append(candidates, p)
			}
		}
		c.then(
			func() { c.online(candidates, preferredStrategy(), c.warnFailed) },
			func() { c.ask([]Query{remove(path)}, func([]Answer) {}) },
			func() { c.ask([]Query{{Kind: Look, Path: path, Watch: true}}, func([]Answer) {}) },
		)
	})
}

func (c *Core) warnFailed(failed map[*partition]string) {
	for _, p := range inOrder(keysOf(failed)) {
		c.warn("no leader was elected for partition %s: %s", p, failed[p])
	}
}

func keysOf(failed map[*partition]string) map[*partition]bool {
	keys := make(map[*partition]bool, len(failed))
	for p := range failed {
		keys[p] = true
	}
	return keys
}

// rebalance gives leadership back to preferred leaders that lead too few of
// their partitions: more than the allowed share is led by others.
func (c *Core) rebalance() {
	mine := make(map[int32]int)
	astray := make(map[int32][]*partition)
	for _, p := range c.partitions(func(p *partition) bool { return !p.topic.deletion.queued && len(p.assignment.Replicas) > 0 }) {
		preferred := p.assignment.Replicas[0]
		mine[preferred]++
		if p.leadership != nil && p.leader() != preferred {
			astray[preferred] = append(astray[preferred], p)
		}
	}
	var tasks []func()
	for _, id := range slices.Sorted(maps.Keys(astray)) {
		if len(astray[id])*100 <= mine[id]*c.cfg.ImbalancePercent {
			continue
		}
		able := slices.DeleteFunc(astray[id], func(p *partition) bool { _, ok := electPreferred(&c.cluster, p, false); return !ok })
		tasks = append(tasks, func() { c.online(able, preferredStrategy(), c.warnFailed) })
	}
	c.then(tasks...)
}
