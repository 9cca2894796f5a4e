package controller

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"klab/coordinator/znode"
)

// world is a ZooKeeper, brokers that come and go, and controllers, of which all
// but the last elected are deposed and do not know it. Each controller has at
// most one Ask under way, whose answers arrive later, in whatever order rapid
// chooses; a write may be applied and its answer lost, as a reconnect does.
type world struct {
	t           *rapid.T
	tree        *tree
	controllers []*office
	unclean     bool
	last        map[string]znode.PartitionState // what the state nodes held, by path
	allowed     map[string][][]int32            // sorted replicas that a partition may end up with, by state path
}

// office is one controller with what is on its way to it.
type office struct {
	core         *Core
	broker       int32
	epochVersion int32
	events       []Event // watches and requests not yet delivered
	answers      *Answered
	over         bool
}

func (w *world) office() *office { return w.controllers[len(w.controllers)-1] }

// elect deposes whoever is controller.
func (w *world) elect(broker int32) {
	e := w.tree.elect(broker)
	o := &office{core: NewCore(CoreConfig{BrokerID: broker, Listener: "PLAINTEXT", DeleteTopics: true, UncleanElection: w.unclean, ImbalancePercent: 10, NewTopicID: znode.NewUUID}),
		broker: broker, epochVersion: e.EpochVersion}
	w.controllers = append(w.controllers, o)
	w.handle(o, e)
}

// handle steps a controller and runs what it asks at once; the answers wait.
func (w *world) handle(o *office, ev Event) {
	for _, effect := range o.core.Step(ev) {
		switch effect := effect.(type) {
		case Resign:
			if o == w.office() {
				w.t.Fatalf("the controller in office resigned: %s", effect.Reason)
			}
			o.over = true
		case Ask:
			w.run(o, effect.Queries)
		}
	}
}

func (w *world) run(o *office, queries []Query) {
	if rapid.IntRange(0, 9).Draw(w.t, "lost answers") == 0 {
		w.tree.loseNext = rapid.IntRange(1, 3).Draw(w.t, "how many")
	}
	o.answers = &Answered{w.tree.run(queries, o.epochVersion)}
	w.tree.loseNext = 0
	w.watches()
}

// watches hands fired watches to every controller: they are shared, which is
// more events than each would get.
func (w *world) watches() {
	for _, path := range w.tree.fired {
		w.tree.watched[path] = true // re-armed for the others
		for _, o := range w.controllers {
			if ev := (NodeChanged{path}); !slices.Contains(o.events, Event(ev)) {
				o.events = append(o.events, ev)
			}
		}
	}
	w.tree.fired = nil
}

// advance delivers one thing to a controller and reports whether there was one.
func (w *world) advance(o *office) bool {
	switch {
	case o.over:
		return false
	case o.answers != nil:
		a := *o.answers
		o.answers = nil
		w.handle(o, a)
	case len(o.events) > 0:
		ev := o.events[0]
		o.events = o.events[1:]
		w.handle(o, ev)
	default:
		return false
	}
	return true
}

// watch checks each change of a state node.
func (w *world) observe(op Op) error {
	if op.Kind == OpDelete || len(op.Data) == 0 || op.Path[len(op.Path)-6:] != "/state" {
		return nil
	}
	now, err := znode.DecodePartitionState(TopicPartition{}, op.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	old, existed := w.last[op.Path]
	w.last[op.Path] = now
	current, _ := znode.DecodeControllerEpoch(w.tree.nodes[znode.ControllerEpochPath].data)
	switch {
	case now.ControllerEpoch != current:
		w.t.Fatalf("%s was written by controller epoch %d while %d is in office", op.Path, now.ControllerEpoch, current)
	case len(now.ISR) == 0:
		w.t.Fatalf("%s has an empty ISR", op.Path)
	case now.Leader != znode.NoLeader && !slices.Contains(now.ISR, now.Leader):
		w.t.Fatalf("%s: leader %d is not in ISR %v", op.Path, now.Leader, now.ISR)
	case existed && now.LeaderEpoch < old.LeaderEpoch:
		w.t.Fatalf("%s: the leader epoch fell from %d to %d", op.Path, old.LeaderEpoch, now.LeaderEpoch)
	case existed && now.Leader != old.Leader && now.LeaderEpoch == old.LeaderEpoch:
		w.t.Fatalf("%s: leader %d became %d in epoch %d", op.Path, old.Leader, now.Leader, now.LeaderEpoch)
	case existed && !w.unclean && now.Leader != znode.NoLeader && !slices.Contains(old.ISR, now.Leader):
		w.t.Fatalf("%s: leader %d was not in ISR %v", op.Path, now.Leader, old.ISR)
	case existed && !w.unclean && now.LeaderRecoveryState != znode.Recovered:
		w.t.Fatalf("%s: RECOVERING without an unclean election", op.Path)
	}
	return nil
}

// alter has a leader wish for an ISR, by what ZooKeeper holds; the request
// reaches some controller.
func (w *world) alter(o *office) {
	var paths []string
	for path := range w.last {
		if w.tree.nodes[path] != nil {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return
	}
	slices.Sort(paths)
	path := rapid.SampledFrom(paths).Draw(w.t, "partition")
	s := w.last[path]
	if w.tree.nodes[znode.BrokerPath(s.Leader)] == nil {
		return
	}
	var name string
	var id int32
	for topic := range w.topics() {
		for p := range int32(3) {
			if znode.PartitionStatePath(TopicPartition{Topic: topic, Partition: p}) == path {
				name, id = topic, p
			}
		}
	}
	assignment := w.topics()[name]
	isr := []int32{s.Leader}
	for _, r := range assignment.Partitions[id].Replicas {
		if r != s.Leader && rapid.Bool().Draw(w.t, "in sync") {
			isr = append(isr, r)
		}
	}
	w.wish(o, path, assignment.ID, id, isr)
}

func (w *world) topics() map[string]znode.TopicAssignment {
	out := make(map[string]znode.TopicAssignment)
	for _, name := range w.tree.children(znode.TopicsPath) {
		out[name], _ = znode.DecodeTopicAssignment(name, w.tree.nodes[znode.TopicPath(name)].data)
	}
	return out
}

// allow notes replicas that somebody asked for.
func (w *world) allow(tp TopicPartition, replicas []int32) {
	path := znode.PartitionStatePath(tp)
	w.allowed[path] = append(w.allowed[path], slices.Sorted(slices.Values(replicas)))
}

// reassign asks some controller to move a partition, or to cancel that.
func (w *world) reassign(o *office) {
	names := w.tree.children(znode.TopicsPath)
	if len(names) == 0 {
		return
	}
	tp := TopicPartition{Topic: rapid.SampledFrom(names).Draw(w.t, "topic"), Partition: rapid.Int32Range(0, 1).Draw(w.t, "partition")}
	wish := kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: tp.Partition}
	if rapid.IntRange(0, 3).Draw(w.t, "cancel") > 0 {
		wish.Replicas = rapid.Permutation([]int32{1, 2, 3, 4}).Draw(w.t, "replicas")[:rapid.IntRange(1, 3).Draw(w.t, "count")]
		w.allow(tp, wish.Replicas)
	}
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: tp.Topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{wish}}}
	o.events = append(o.events, ReassignmentAsked{1, req})
}

// drain delivers everything that is on its way.
func (w *world) drain() {
	for moved := true; moved; {
		moved = false
		for _, o := range slices.Clone(w.controllers) {
			moved = w.advance(o) || moved
		}
	}
}

// conclude has all brokers live and every follower catch up, after which every move must have come to its end.
func (w *world) conclude() {
	for id := range int32(4) {
		w.tree.register(id+1, "")
	}
	w.watches()
	w.drain()
	for range 3 { // a move that replaced another may need two changes of the ISR
		for name, t := range w.topics() {
			for id, a := range t.Partitions {
				if path := znode.PartitionStatePath(TopicPartition{Topic: name, Partition: id}); w.tree.nodes[path] != nil {
					w.wish(w.office(), path, t.ID, id, a.Replicas)
				}
			}
		}
		w.drain()
	}
	for name, t := range w.topics() {
		for id, a := range t.Partitions {
			tp := TopicPartition{Topic: name, Partition: id}
			w.concluded(tp, a)
		}
	}
}

func (w *world) concluded(tp TopicPartition, a znode.ReplicaAssignment) {
	path := znode.PartitionStatePath(tp)
	sorted := slices.Sorted(slices.Values(a.Replicas))
	p := w.office().core.partition(tp)
	switch {
	case w.last[path].Leader == znode.NoLeader:
		// The last of its ISR was deposed with it and only an unclean election would help; such a move waits.
		w.t.Fatalf("%s has no leader although all brokers are live: %+v, assigned %v", tp, w.last[path], a)
	case a.IsReassigning():
		w.t.Fatalf("%s is still on the move: %+v, ISR %v", tp, a, w.last[path].ISR)
	case !slices.ContainsFunc(w.allowed[path], func(r []int32) bool { return slices.Equal(r, sorted) }):
		w.t.Fatalf("%s ended on %v, which nobody asked for: %v", tp, a.Replicas, w.allowed[path])
	case len(minus(w.last[path].ISR, a.Replicas)) > 0:
		w.t.Fatalf("%s: ISR %v is not among its replicas %v", tp, w.last[path].ISR, a.Replicas)
	case !equalAssignments(p.assignment, a) || len(p.replicas) != len(a.Replicas):
		w.t.Fatalf("%s: the controller knows %+v and replicas %v, ZooKeeper has %+v", tp, p.assignment, p.replicas, a)
	}
}

// wish sends an AlterPartition by what ZooKeeper holds.
func (w *world) wish(o *office, path string, topic znode.UUID, partition int32, isr []int32) {
	s := w.last[path]
	broker := w.tree.nodes[znode.BrokerPath(s.Leader)]
	if broker == nil {
		return
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	req.SetVersion(2)
	req.BrokerID, req.BrokerEpoch = s.Leader, broker.czxid
	req.Topics = []kmsg.AlterPartitionRequestTopic{{TopicID: topic, Partitions: []kmsg.AlterPartitionRequestTopicPartition{
		{Partition: partition, LeaderEpoch: s.LeaderEpoch, PartitionEpoch: w.tree.nodes[path].version, NewISR: isr}}}}
	o.events = append(o.events, AlterPartitionAsked{1, req})
}

// act does one thing to the world.
func (w *world) act() {
	id := rapid.Int32Range(1, 4).Draw(w.t, "broker")
	o := rapid.SampledFrom(w.controllers).Draw(w.t, "controller")
	switch rapid.IntRange(0, 13).Draw(w.t, "action") {
	case 0:
		w.tree.register(id, "")
	case 1:
		if w.tree.nodes[znode.BrokerPath(id)] != nil {
			w.tree.delete(znode.BrokerPath(id))
		}
	case 2:
		w.elect(id)
	case 3:
		name := fmt.Sprintf("t%d", rapid.IntRange(0, 3).Draw(w.t, "topic"))
		if w.tree.nodes[znode.TopicPath(name)] == nil {
			replicas := map[int32][]int32{0: {id, id%4 + 1, (id+1)%4 + 1}, 1: {id%4 + 1, id}}
			w.tree.topic(name, znode.NewUUID(), replicas)
			for p, list := range replicas {
				w.allow(TopicPartition{Topic: name, Partition: p}, list)
			}
		}
	case 4:
		b := w.tree.nodes[znode.BrokerPath(id)]
		if b != nil {
			req := kmsg.NewPtrControlledShutdownRequest()
			req.SetVersion(3)
			req.BrokerID, req.BrokerEpoch = id, b.czxid
			o.events = append(o.events, ShutdownAsked{1, req})
		}
	case 5:
		o.events = append(o.events, RebalanceDue{})
	case 6:
		req := kmsg.NewPtrElectLeadersRequest()
		o.events = append(o.events, ElectionAsked{1, req})
	case 7:
		w.alter(o)
	case 8:
		w.reassign(o)
	default:
		w.advance(o)
	}
	w.watches()
}

// settled checks what must hold once everything was delivered.
func (w *world) settled() {
	core := w.office().core
	for name, assignment := range w.topics() {
		for id := range assignment.Partitions {
			tp := TopicPartition{Topic: name, Partition: id}
			p := core.partition(tp)
			if p == nil {
				w.t.Fatalf("the controller does not know %s", tp)
			}
			node := w.tree.nodes[znode.PartitionStatePath(tp)]
			if (node == nil) != (p.leadership == nil) {
				w.t.Fatalf("%s: state node %v, known %v", tp, node, p.leadership)
			}
			if node == nil {
				for _, id := range p.assignment.Replicas {
					if core.isOnline(id, tp) {
						w.t.Fatalf("%s has no state although replica %d is online", tp, id)
					}
				}
				continue
			}
			stored, _ := znode.DecodePartitionState(tp, node.data)
			if p.leadership.version != node.version || !equalStates(stored, p.leadership.PartitionState) {
				w.t.Fatalf("%s: the controller knows %+v, ZooKeeper has v%d %+v", tp, *p.leadership, node.version, stored)
			}
			live := slices.ContainsFunc(stored.ISR, func(id int32) bool { return core.isLive(id) })
			if live && !core.isOnlineOrShuttingDown(stored.Leader, tp) {
				w.t.Fatalf("%s: leader %d is not online, ISR %v has a live member", tp, stored.Leader, stored.ISR)
			}
		}
	}
	if got, want := core.brokerIDs(), len(w.tree.children(znode.BrokersPath)); len(got) != want {
		w.t.Fatalf("the controller knows brokers %v, %d are registered", got, want)
	}
}

// TestControllersNeverConflict lets controllers, deposed ones included, act
// with delayed and lost answers while brokers come and go.
func TestControllersNeverConflict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, tree: newTree(), last: make(map[string]znode.PartitionState), allowed: make(map[string][][]int32), unclean: rapid.Bool().Draw(t, "unclean")}
		w.tree.onWrite = w.observe
		for id := range int32(4) {
			w.tree.register(id+1, "")
		}
		w.elect(1)
		for range rapid.IntRange(10, 120).Draw(t, "steps") {
			w.act()
		}
		w.drain()
		w.settled()
		w.conclude()
		w.settled()
	})
}
