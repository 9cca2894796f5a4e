package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/story"
	"klab/coordinator/znode"
)

// TestScripts plays the scripts in testdata: each line is a command, and the
// lines below it that begin with a bar are what the controller did. A
// script is meant to be read as a story.
func TestScripts(t *testing.T) { story.Play(t, play) }

// stage is where a script plays: a ZooKeeper and one controller.
type stage struct {
	t     *testing.T
	tree  *tree
	core  *Core
	cfg   CoreConfig
	epoch int32 // version of /controller_epoch that the controller writes under
	ids   uint64
	over  bool
	out   strings.Builder
	quiet bool
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, tree: newTree()}
	next := byte(100)
	s.cfg = CoreConfig{BrokerID: 1, Listener: "PLAINTEXT", DeleteTopics: true, ImbalancePercent: 10, NewTopicID: func() znode.UUID {
		next++
		return znode.UUID{15: next}
	}}
	s.tree.onWrite = func(op Op) error { s.narrateWrite(op); return nil }
	return s
}

// play runs a script and returns it with what happened.
func play(t *testing.T, script string) string {
	s := newStage(t)
	var out strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "|") {
			continue
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s.out.Reset()
		s.command(strings.Fields(line))
		out.WriteString(s.out.String())
	}
	return out.String()
}

func (s *stage) command(words []string) {
	s.t.Helper()
	args := words[1:]
	switch words[0] {
	case "broker": // broker ID...: registers, again if it was
		for _, id := range args {
			s.quietly(func() { s.tree.register(number(id), "") })
		}
		s.settle()
	case "kill": // kill ID...: sessions end at the same time
		for _, id := range args {
			s.quietly(func() { s.tree.delete(znode.BrokerPath(number(id))) })
		}
		s.settle()
	case "topic": // topic NAME 1,2,3 2,3,1: one list of replicas a partition
		s.quietly(func() { s.tree.topic(args[0], s.cfg.NewTopicID(), replicaLists(args[1:])) })
		s.settle()
	case "config": // config TOPIC KEY=VALUE
		key, value, _ := strings.Cut(args[1], "=")
		s.quietly(func() { s.tree.put(znode.TopicConfigPath(args[0]), znode.EncodeConfig(map[string]string{key: value})) })
	case "delete": // delete TOPIC
		s.quietly(func() { s.tree.put(znode.DeleteTopicPath(args[0]), nil) })
		s.settle()
	case "put": // put PATH DATA: somebody else writes
		s.quietly(func() { s.tree.put(args[0], []byte(strings.Join(args[1:], " "))) })
	case "watches": // deliver fired watches
		s.settle()
	case "lose": // lose N: the answers to the next N writes are lost once
		s.tree.loseNext = int(number(args[0]))
	case "elect": // elect: this broker becomes controller with nothing known
		s.core = NewCore(s.cfg)
		s.over = false
		var e Elected
		s.quietly(func() { e = s.tree.elect(s.cfg.BrokerID) })
		s.epoch = e.EpochVersion
		s.tree.watched, s.tree.fired = map[string]bool{}, nil
		s.step(e)
		s.settle()
	case "overthrow": // another broker becomes controller
		s.quietly(func() { s.tree.elect(9) })
	case "state": // state TOPIC PARTITION
		tp := TopicPartition{Topic: args[0], Partition: number(args[1])}
		n := s.tree.nodes[znode.PartitionStatePath(tp)]
		if n == nil {
			s.say("no state")
			return
		}
		s.say("v%d %s", n.version, n.data)
	default:
		s.request(words[0], args)
	}
}

// request has the core deal with what brokers and people ask.
func (s *stage) request(verb string, args []string) {
	s.ids++
	switch verb {
	case "alter": // alter BROKER TOPIC PARTITION epoch=E version=V isr=1,2 [recovering] [stale]
		req := kmsg.NewPtrAlterPartitionRequest()
		req.SetVersion(3)
		req.BrokerID = number(args[0])
		req.BrokerEpoch = s.core.brokers[req.BrokerID].epoch
		t := kmsg.AlterPartitionRequestTopic{Topic: args[1]}
		if topic := s.core.topics[args[1]]; topic != nil {
			t.TopicID = topic.id
		}
		p := kmsg.AlterPartitionRequestTopicPartition{Partition: number(args[2])}
		for _, arg := range args[3:] {
			key, value, _ := strings.Cut(arg, "=")
			switch key {
			case "epoch":
				p.LeaderEpoch = number(value)
			case "version":
				p.PartitionEpoch = number(value)
			case "isr":
				for _, id := range numbers(value) {
					p.NewEpochISR = append(p.NewEpochISR, kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{BrokerID: id})
				}
			case "recovering":
				p.LeaderRecoveryState = znode.Recovering
			case "stale":
				req.BrokerEpoch--
			default:
				s.t.Fatalf("alter: %s", arg)
			}
		}
		t.Partitions = append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
		s.step(AlterPartitionAsked{s.ids, req})
	case "shutdown": // shutdown BROKER
		req := kmsg.NewPtrControlledShutdownRequest()
		req.SetVersion(3)
		req.BrokerID = number(args[0])
		req.BrokerEpoch = s.core.brokers[req.BrokerID].epoch
		s.step(ShutdownAsked{s.ids, req})
	case "prefer", "unclean": // prefer [TOPIC PARTITION]
		req := kmsg.NewPtrElectLeadersRequest()
		req.SetVersion(2)
		if verb == "unclean" {
			req.ElectionType = electionUnclean
		}
		if len(args) > 0 {
			req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: args[0], Partitions: numbers(args[1])}}
		}
		s.step(ElectionAsked{s.ids, req})
	case "reassign": // reassign TOPIC PARTITION=1,2,3 PARTITION=cancel
		req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
		t := kmsg.AlterPartitionAssignmentsRequestTopic{Topic: args[0]}
		for _, arg := range args[1:] {
			id, list, _ := strings.Cut(arg, "=")
			p := kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: number(id)}
			switch list {
			case "cancel":
			case "":
				p.Replicas = []int32{}
			default:
				p.Replicas = numbers(list)
			}
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
		s.step(ReassignmentAsked{s.ids, req})
		s.settle()
	case "reassigning": // reassigning [TOPIC PARTITIONS]
		req := kmsg.NewPtrListPartitionReassignmentsRequest()
		if len(args) > 0 {
			req.Topics = []kmsg.ListPartitionReassignmentsRequestTopic{{Topic: args[0], Partitions: numbers(args[1])}}
		}
		s.step(ReassignmentsListed{s.ids, req})
	case "rebalance":
		s.step(RebalanceDue{})
	case "allow-unclean": // allow-unclean TOPIC
		s.step(UncleanElectionEnabled{args[0]})
	case "stopped": // stopped BROKER TOPIC PARTITIONS [ERROR]: answers a StopReplica that deletes
		req := kmsg.NewPtrStopReplicaRequest()
		resp := kmsg.NewPtrStopReplicaResponse()
		var code int16
		if len(args) > 3 {
			code = int16(number(args[3]))
		}
		t := kmsg.StopReplicaRequestTopic{Topic: args[1]}
		for _, id := range numbers(args[2]) {
			t.PartitionStates = append(t.PartitionStates, kmsg.StopReplicaRequestTopicPartitionState{Partition: id, Delete: true})
			resp.Partitions = append(resp.Partitions, kmsg.StopReplicaResponsePartition{Topic: args[1], Partition: id, ErrorCode: code})
		}
		req.Topics = append(req.Topics, t)
		s.step(Replied{number(args[0]), req, resp})
		s.settle()
	case "refused": // refused BROKER TOPIC PARTITION ERROR: answers a LeaderAndIsr
		resp := kmsg.NewPtrLeaderAndISRResponse()
		resp.Topics = []kmsg.LeaderAndISRResponseTopic{{TopicID: s.core.topics[args[1]].id, Partitions: []kmsg.LeaderAndISRResponseTopicPartition{
			{Partition: number(args[2]), ErrorCode: int16(number(args[3]))}}}}
		s.step(Replied{number(args[0]), kmsg.NewPtrLeaderAndISRRequest(), resp})
	default:
		s.t.Fatalf("unknown command %q", verb)
	}
}

// settle delivers fired watches until there are none.
func (s *stage) settle() {
	for s.core != nil && !s.over && len(s.tree.fired) > 0 {
		path := s.tree.fired[0]
		s.tree.fired = s.tree.fired[1:]
		s.step(NodeChanged{path})
	}
}

// step takes the core through an event, with ZooKeeper's answers.
func (s *stage) step(ev Event) {
	for !s.over {
		var ask *Ask
		for _, effect := range s.core.Step(ev) {
			if a, ok := effect.(Ask); ok {
				ask = &a
				continue
			}
			s.narrate(effect)
		}
		if ask == nil || s.over {
			return
		}
		ev = Answered{s.tree.run(ask.Queries, s.epoch)}
	}
}

func (s *stage) quietly(do func()) {
	s.quiet = true
	do()
	s.quiet = false
}

func (s *stage) say(format string, args ...any) {
	if !s.quiet {
		fmt.Fprintf(&s.out, "| "+format+"\n", args...)
	}
}

func (s *stage) narrateWrite(op Op) {
	verb := [...]string{"create", "set", "delete"}[op.Kind]
	if op.Kind == OpSet {
		verb = fmt.Sprintf("set v%d", op.Version)
	}
	s.say("%s", strings.TrimSpace(fmt.Sprintf("zk %s %s %s", verb, op.Path, op.Data)))
}

func (s *stage) narrate(effect Effect) {
	switch e := effect.(type) {
	case OpenChannel:
		s.say("open channel to %d at %s", e.Broker.ID, e.Broker.Endpoints[0].Addr())
	case CloseChannel:
		s.say("close channel to %d", e.Broker)
	case Send:
		s.say("-> %d %s", e.Broker, describeRequest(e.Request))
	case Reply:
		s.say("reply %s", describeResponse(e.Response))
	case Tell:
		s.say("%s", describeFact(e))
	case Warn:
		s.say("warn %s", e.Text)
	case Resign:
		s.over = true
		s.say("resign: %s (fenced %t)", e.Reason, e.Fenced)
	}
}

func describeFact(e Tell) string {
	words := []string{"fact " + e.Fact.Kind}
	if e.Fact.Topic != "" {
		words = append(words, fmt.Sprintf("%s-%d", e.Fact.Topic, e.Fact.Partition))
	}
	for _, key := range slices.Sorted(maps.Keys(e.Fact.Fields)) {
		if key != "epoch" || e.Fact.Kind != "broker.up" {
			words = append(words, fmt.Sprintf("%s=%v", key, e.Fact.Fields[key]))
		}
	}
	return strings.Join(words, " ")
}

func describeRequest(req kmsg.Request) string {
	var words []string
	switch req := req.(type) {
	case *kmsg.LeaderAndISRRequest:
		words = append(words, "LeaderAndIsr")
		for _, t := range req.TopicStates {
			for _, p := range t.PartitionStates {
				word := fmt.Sprintf("%s-%d[leader %d epoch %d isr %v v%d", t.Topic, p.Partition, p.Leader, p.LeaderEpoch, p.ISR, p.ZKVersion)
				if p.LeaderRecoveryState != 0 {
					word += " recovering"
				}
				if p.IsNew {
					word += " new"
				}
				if len(p.AddingReplicas)+len(p.RemovingReplicas) > 0 {
					word += fmt.Sprintf(" replicas %v adding %v removing %v", p.Replicas, p.AddingReplicas, p.RemovingReplicas)
				}
				words = append(words, word+"]")
			}
		}
	case *kmsg.UpdateMetadataRequest:
		var live []int32
		for _, b := range req.LiveBrokers {
			live = append(live, b.ID)
		}
		words = append(words, fmt.Sprintf("UpdateMetadata live %v", live))
		for _, t := range req.TopicStates {
			for _, p := range t.PartitionStates {
				word := fmt.Sprintf("%s-%d[leader %d epoch %d isr %v", t.Topic, p.Partition, p.Leader, p.LeaderEpoch, p.ISR)
				if len(p.OfflineReplicas) > 0 {
					word += fmt.Sprintf(" offline %v", p.OfflineReplicas)
				}
				words = append(words, word+"]")
			}
		}
	case *kmsg.StopReplicaRequest:
		words = append(words, "StopReplica")
		for _, t := range req.Topics {
			for _, p := range t.PartitionStates {
				word := fmt.Sprintf("%s-%d[epoch %d", t.Topic, p.Partition, p.LeaderEpoch)
				if p.Delete {
					word += " delete"
				}
				words = append(words, word+"]")
			}
		}
	}
	return strings.Join(words, " ")
}

func describeResponse(resp kmsg.Response) string {
	var words []string
	code := func(c int16) string {
		if c == 0 {
			return "ok"
		}
		return kerr.TypedErrorForCode(c).Message
	}
	switch resp := resp.(type) {
	case *kmsg.AlterPartitionResponse:
		words = append(words, "AlterPartition "+code(resp.ErrorCode))
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				words = append(words, fmt.Sprintf("%d[%s leader %d epoch %d isr %v v%d]", p.Partition, code(p.ErrorCode), p.LeaderID, p.LeaderEpoch, p.ISR, p.PartitionEpoch))
			}
		}
	case *kmsg.ControlledShutdownResponse:
		words = append(words, "ControlledShutdown "+code(resp.ErrorCode)+" remaining")
		for _, p := range resp.PartitionsRemaining {
			words = append(words, fmt.Sprintf("%s-%d", p.Topic, p.Partition))
		}
	case *kmsg.AlterPartitionAssignmentsResponse:
		words = append(words, "AlterPartitionReassignments "+code(resp.ErrorCode))
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				word := code(p.ErrorCode)
				if p.ErrorMessage != nil {
					word += ": " + *p.ErrorMessage
				}
				words = append(words, fmt.Sprintf("%s-%d[%s]", t.Topic, p.Partition, word))
			}
		}
	case *kmsg.ListPartitionReassignmentsResponse:
		words = append(words, "ListPartitionReassignments "+code(resp.ErrorCode))
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				words = append(words, fmt.Sprintf("%s-%d[replicas %v adding %v removing %v]", t.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas))
			}
		}
	case *kmsg.ElectLeadersResponse:
		words = append(words, "ElectLeaders "+code(resp.ErrorCode))
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				words = append(words, fmt.Sprintf("%s-%d[%s]", t.Topic, p.Partition, code(p.ErrorCode)))
			}
		}
	}
	return strings.Join(words, " ")
}

func number(s string) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

func numbers(s string) (out []int32) {
	for word := range strings.SplitSeq(cmp.Or(s, ""), ",") {
		out = append(out, number(word))
	}
	return out
}

func replicaLists(args []string) map[int32][]int32 {
	out := make(map[int32][]int32, len(args))
	for i, arg := range args {
		out[int32(i)] = numbers(arg)
	}
	return out
}
