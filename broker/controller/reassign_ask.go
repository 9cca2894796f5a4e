package controller

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// reassignmentAsked deals with an AlterPartitionReassignments request: replicas null cancels what is under way. It answers
// when every partition's new assignment is recorded and its replicas were told; the move itself takes its time.
func (c *Core) reassignmentAsked(ev ReassignmentAsked) {
	verdicts := make(map[TopicPartition]*refusal)
	next := make(map[*partition]znode.ReplicaAssignment)
	for i := range ev.Request.Topics {
		t := &ev.Request.Topics[i]
		for j := range t.Partitions {
			tp := TopicPartition{Topic: t.Topic, Partition: t.Partitions[j].Partition}
			p := c.partition(tp)
			a, why := c.judgeReassignment(p, t.Partitions[j].Replicas)
			verdicts[tp] = why
			if why == nil {
				next[p] = a
			}
		}
	}
	c.then(
		func() {
			c.dropLegacyReassignments(func(tp TopicPartition, _ []int32) bool { _, ok := next[c.partition(tp)]; return ok })
		},
		func() {
			c.reassign(next, func(refused map[*partition]*refusal) {
				for p, why := range refused {
					verdicts[p.TopicPartition] = why
				}
				c.emit(Reply{ev.ID, reassignmentsResponse(ev.Request, verdicts)})
			})
		},
	)
}

func noSuchPartition() *refusal {
	return refuse(kerr.UnknownTopicOrPartition, "The partition does not exist.")
}

// judgeReassignment decides what a partition's assignment shall become, with Kafka's checks in Kafka's order. p is nil for
// a partition that is not known.
func (c *Core) judgeReassignment(p *partition, target []int32) (znode.ReplicaAssignment, *refusal) {
	var now znode.ReplicaAssignment
	if p != nil {
		now = p.assignment
	}
	if target == nil {
		if !now.IsReassigning() {
			return now, refuse(kerr.NoReassignmentInProgress, "%s", "No partition reassignment is in progress.")
		}
		target = minus(now.Replicas, now.Adding)
	} else if why := c.checkTarget(now, target); why != nil {
		return now, why
	}
	if p == nil || p.topic.deletion.queued {
		return now, noSuchPartition()
	}
	return p.reassignTo(target), nil
}

func (c *Core) checkTarget(now znode.ReplicaAssignment, target []int32) *refusal {
	switch {
	case len(target) == 0:
		return refuse(kerr.InvalidReplicaAssignment, "Empty replica list specified in partition reassignment.")
	case hasDuplicates(target):
		return refuse(kerr.InvalidReplicaAssignment, "Duplicate replica ids in partition reassignment replica list: %s", seqOf("ArrayBuffer", target))
	case slices.Min(target) < 0:
		return refuse(kerr.InvalidReplicaAssignment, "Invalid broker id in replica list: %s", seqOf("ArrayBuffer", target))
	}
	adding := reassigned(now, target).Adding
	if slices.ContainsFunc(adding, func(id int32) bool { return !c.isLive(id) }) {
		live := keep(c.brokerIDs(), c.isLive)
		return refuse(kerr.InvalidReplicaAssignment, "Replica assignment has brokers that are not alive. Replica list: %s, live broker list: %s",
			seqOf("ArrayBuffer", adding), seqOf("Set", live))
	}
	return nil
}

// seqOf writes ids as a Scala collection shows itself, which is what Kafka's messages hold.
func seqOf(kind string, ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	return kind + "(" + strings.Join(words, ", ") + ")"
}

func reassignmentsResponse(req *kmsg.AlterPartitionAssignmentsRequest, verdicts map[TopicPartition]*refusal) *kmsg.AlterPartitionAssignmentsResponse {
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.SetVersion(req.GetVersion())
	resp.ErrorMessage = new(string)
	for _, tp := range slices.SortedFunc(maps.Keys(verdicts), TopicPartition.Compare) {
		out := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
		out.Partition = tp.Partition
		if why := verdicts[tp]; why != nil {
			out.ErrorCode, out.ErrorMessage = why.err.Code, &why.message
		}
		if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != tp.Topic {
			resp.Topics = append(resp.Topics, kmsg.AlterPartitionAssignmentsResponseTopic{Topic: tp.Topic})
		}
		last := &resp.Topics[len(resp.Topics)-1]
		last.Partitions = append(last.Partitions, out)
	}
	return resp
}

// reassignmentsListed answers a ListPartitionReassignments request. Topics null means all.
func (c *Core) reassignmentsListed(ev ReassignmentsListed) {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.SetVersion(ev.Request.GetVersion())
	resp.ErrorMessage = new(string)
	wanted := make(map[TopicPartition]bool)
	for _, t := range ev.Request.Topics {
		for _, id := range t.Partitions {
			wanted[TopicPartition{Topic: t.Topic, Partition: id}] = true
		}
	}
	moving := c.partitions(func(p *partition) bool {
		return p.assignment.IsReassigning() && (ev.Request.Topics == nil || wanted[p.TopicPartition])
	})
	for _, p := range moving {
		if n := len(resp.Topics); n == 0 || resp.Topics[n-1].Topic != p.Topic {
			resp.Topics = append(resp.Topics, kmsg.ListPartitionReassignmentsResponseTopic{Topic: p.Topic})
		}
		last := &resp.Topics[len(resp.Topics)-1]
		last.Partitions = append(last.Partitions, kmsg.ListPartitionReassignmentsResponseTopicPartition{Partition: p.Partition,
			Replicas: p.assignment.Replicas, AddingReplicas: p.assignment.Adding, RemovingReplicas: p.assignment.Removing})
	}
	c.emit(Reply{ev.ID, resp})
}

// legacyReassignmentNotified deals with /admin/reassign_partitions, by which old tools ask. Entries leave the node as they
// are done or turn out impossible; the node goes with the last. next takes the partitions that were started by it.
func (c *Core) legacyReassignmentNotified(next func(started map[*partition]bool)) {
	path := znode.ReassignPartitionsPath
	c.ask([]Query{{Kind: Look, Path: path, Watch: true}, {Kind: Read, Path: path}}, func(a []Answer) {
		if errors.Is(a[1].Err, session.ErrNoNode) {
			next(nil)
			return
		}
		asked, err := znode.DecodeReassignments(a[1].Data)
		if err != nil {
			c.warn("%s is ignored: %v", path, err)
		}
		wanted := make(map[*partition]znode.ReplicaAssignment)
		failed := make(map[TopicPartition]bool)
		for tp, target := range asked {
			p := c.partition(tp)
			if p == nil || p.topic.deletion.queued || len(target) == 0 || hasDuplicates(target) {
				failed[tp] = true
				c.warn("%s asks to reassign %s to %v, which is not possible", path, tp, target)
				continue
			}
			next := p.reassignTo(target)
			if !p.assignment.IsReassigning() || !equalAssignments(p.assignment, next) { // else it is under way
				wanted[p] = next
			}
		}
		c.then(
			func() {
				c.reassign(wanted, func(refused map[*partition]*refusal) {
					for _, p := range inOrder(keySet(refused)) {
						failed[p.TopicPartition] = true
						c.warn("%s asks to reassign %s, which is not possible: %s", path, p, refused[p].message)
					}
				})
			},
			func() { c.dropLegacyReassignments(func(tp TopicPartition, _ []int32) bool { return failed[tp] }) },
			func() { next(keySet(wanted)) },
		)
	})
}

// isFinal picks the entries of /admin/reassign_partitions that were done.
func isFinal(partitions []*partition) func(TopicPartition, []int32) bool {
	return func(tp TopicPartition, target []int32) bool {
		return slices.ContainsFunc(partitions, func(p *partition) bool {
			return p.TopicPartition == tp && slices.Equal(p.assignment.Replicas, target)
		})
	}
}

// dropLegacyReassignments removes entries from /admin/reassign_partitions, and the node with the last of them.
func (c *Core) dropLegacyReassignments(drop func(tp TopicPartition, target []int32) bool) {
	path := znode.ReassignPartitionsPath
	c.ask([]Query{{Kind: Read, Path: path}}, func(a []Answer) {
		if a[0].Err != nil {
			return
		}
		asked, err := znode.DecodeReassignments(a[0].Data)
		if err != nil {
			c.ask([]Query{remove(path)}, func([]Answer) { c.watchLegacyReassignments() })
			return
		}
		before := len(asked)
		maps.DeleteFunc(asked, drop)
		switch {
		case len(asked) == before && before > 0:
		case len(asked) == 0:
			c.ask([]Query{remove(path)}, func([]Answer) { c.watchLegacyReassignments() })
		default:
			c.ask([]Query{write(Op{Kind: OpSet, Path: path, Data: znode.EncodeReassignments(asked), Version: a[0].Version})}, func(again []Answer) {
				if again[0].Err != nil {
					c.then(func() { c.dropLegacyReassignments(drop) })
				}
			})
		}
	})
}

// watchLegacyReassignments waits for the next list.
func (c *Core) watchLegacyReassignments() {
	c.then(func() {
		c.ask([]Query{{Kind: Look, Path: znode.ReassignPartitionsPath, Watch: true}}, func([]Answer) {})
	})
}
