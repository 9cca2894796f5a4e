package tui

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"klab/cluster"
)

// noon is the time at which every golden is drawn.
var noon = time.Date(2026, 3, 1, 12, 3, 14, 0, time.Local)

// fakeSource is a cluster that tests make up. Its operations are noted in did.
type fakeSource struct {
	configs  []cluster.ConfigEntry // of a topic; nil: topicConfigs
	snap     *cluster.Snapshot
	timeline *cluster.Timeline
	executed []cluster.Executed
	tail     *fakeTail
	nodes    Znodes
	plan     []cluster.OffsetChange
	txns     []cluster.Transaction
	hanging  []cluster.Hanging
	wanted   []string
	err      error // of every operation
	did      []string
	payloads string // key and value of the last record written, with null marked
	watched  map[string]int
	closed   bool
}

func (f *fakeSource) Snapshot() *cluster.Snapshot { return f.snap }
func (f *fakeSource) Timeline() *cluster.Timeline { return f.timeline }
func (f *fakeSource) Executed(n int) []cluster.Executed {
	return f.executed[max(len(f.executed)-n, 0):]
}
func (f *fakeSource) Close() { f.closed = true }

func (f *fakeSource) Watch(topic string) func() {
	f.watched[topic]++
	return func() { f.watched[topic]-- }
}

func (f *fakeSource) note(format string, a ...any) error {
	f.did = append(f.did, fmt.Sprintf(format, a...))
	return f.err
}

func (f *fakeSource) CreateTopic(_ context.Context, t cluster.NewTopic) error {
	return f.note("create %s %d %d %v", t.Name, t.Partitions, t.ReplicationFactor, t.Config)
}
func (f *fakeSource) DeleteTopic(_ context.Context, topic string) error {
	return f.note("delete %s", topic)
}
func (f *fakeSource) AddPartitions(_ context.Context, topic string, total int) error {
	return f.note("partitions %s %d", topic, total)
}
func (f *fakeSource) ElectPreferred(_ context.Context, topic string, p ...int32) error {
	return f.note("elect %s %v", topic, p)
}
func (f *fakeSource) Configs(_ context.Context, r cluster.ConfigResource) ([]cluster.ConfigEntry, error) {
	if r.Kind == cluster.BrokerConfigs {
		return brokerConfigs, f.err
	}
	if f.configs != nil {
		return f.configs, f.err
	}
	return topicConfigs, f.err
}
func (f *fakeSource) Produce(_ context.Context, r cluster.ProduceRequest) (cluster.ProduceResult, error) {
	rec := r.Records[0]
	f.payloads = payloadWords(rec.Key) + " " + payloadWords(rec.Value)
	err := f.note("produce %s %q %q %v acks=%s codec=%s", r.Topic, rec.Key, rec.Value, rec.Headers, r.Acks, r.Codec)
	return cluster.ProduceResult{Acks: []cluster.Ack{{Partition: 2, Offset: 8113}}, Took: 2100 * time.Microsecond}, err
}
func payloadWords(data []byte) string {
	if data == nil {
		return `"" null`
	}
	return fmt.Sprintf("%q", data)
}
func (f *fakeSource) Tail(_ context.Context, o cluster.TailOptions) (Tail, error) {
	return f.tail, f.note("tail %s %v from %s", o.Topic, o.Partitions, o.From)
}
func (f *fakeSource) BrokerAction(_ context.Context, verb cluster.BrokerVerb, id int32) error {
	return f.note("%s %d", verb, id)
}
func (f *fakeSource) WantGroups(names ...string) { f.wanted = names }
func (f *fakeSource) ResetOffsets(_ context.Context, r cluster.ResetOffsets) ([]cluster.OffsetChange, error) {
	return f.plan, f.note("reset %s %v dry=%v", r.Group, r.Topics, r.DryRun)
}
func (f *fakeSource) DeleteGroup(_ context.Context, name string) error {
	return f.note("delete group %s", name)
}
func (f *fakeSource) DeleteOffsets(_ context.Context, d cluster.DeleteOffsets) error {
	return f.note("delete offsets %s %s", d.Group, d.Topic)
}
func (f *fakeSource) RemoveMember(_ context.Context, r cluster.RemoveMember) (int, error) {
	return 1, f.note("remove %s %s", r.Group, r.Member)
}
func (f *fakeSource) AlterConfigs(_ context.Context, a cluster.AlterConfigs) error {
	ch := a.Changes[0]
	return f.note("%s %s %s=%s", a.Resource, ch.Op, ch.Name, ch.Value)
}
func (f *fakeSource) Reassign(_ context.Context, r cluster.Reassign) error {
	return f.note("reassign %d first %s/%d to %v throttle %d", len(r.Plan), r.Plan[0].Topic, r.Plan[0].Partition, r.Plan[0].To, r.Throttle)
}
func (f *fakeSource) CancelReassign(_ context.Context, r cluster.CancelReassign) (int, error) {
	return 2, f.note("cancel %s", r.Topic)
}
func (f *fakeSource) Transactions(context.Context) ([]cluster.Transaction, error) {
	return f.txns, f.err
}
func (f *fakeSource) Transaction(_ context.Context, id string) (cluster.Transaction, error) {
	t := f.txns[0]
	t.ID, t.Epoch, t.Timeout, t.Start = id, 3, time.Minute, noon.Add(-12*time.Second)
	t.Partitions = []cluster.TopicPartitions{{Topic: "orders", Partitions: []int32{0, 2}}, {Topic: "__consumer_offsets", Partitions: []int32{7}}}
	return t, f.note("describe %s", id)
}
func (f *fakeSource) FindHanging(context.Context, cluster.FindHanging) ([]cluster.Hanging, error) {
	return f.hanging, f.err
}
func (f *fakeSource) AbortTransaction(_ context.Context, a cluster.AbortTransaction) error {
	return f.note("abort %s/%d at %d", a.Topic, a.Partition, a.Start)
}
func (f *fakeSource) Znodes() Znodes { return f.nodes }

// healthy is a cluster of three brokers with two topics.
func healthy() *fakeSource {
	started := noon.Add(-3*time.Minute - 10*time.Second)
	snap := &cluster.Snapshot{
		Seq: 1, At: noon.Add(-200 * time.Millisecond), Name: "pseudo", ClusterID: "Xy7-abcdefghijklmnopqr", Controller: 2, Launched: true,
		ZooKeeper: &cluster.ZooKeeper{Connect: "127.0.0.1:2181", PID: 4000, State: "running"},
		Topics: []cluster.Topic{
			topicOf("__transaction_state", 2, true),
			topicOf("orders", 6, false),
			topicOf("payments", 2, false),
		},
	}
	for id := range int32(3) {
		snap.Brokers = append(snap.Brokers, cluster.Broker{
			ID: id + 1, Host: "127.0.0.1", Port: 9093 + id, State: cluster.BrokerUp, Controller: id == 1, Started: started,
			Leads: 3, Replicas: 10, InSync: 10, LogBytes: 3_140_000, RSS: 14_300_000, PID: 4001 + int(id),
		})
	}
	snap.Health = cluster.Health{Level: cluster.HealthOK, UpBrokers: 3, AllBrokers: 3, Controller: 2, Partitions: 10}
	f := &fakeSource{snap: snap, timeline: cluster.NewTimeline(1000), watched: map[string]int{}, tail: newFakeTail(), nodes: fakeZnodes{}}
	f.timeline.Append(fact(-190*time.Second, cluster.KindControllerElected, 2, "", -1, map[string]any{"epoch": 1}))
	f.timeline.Append(fact(-60*time.Second, cluster.KindTopicCreated, -1, "orders", -1, map[string]any{"partitions": 6, "replication": 3}))
	return f
}

func topicOf(name string, partitions int32, internal bool) cluster.Topic {
	t := cluster.Topic{Name: name, ID: "abcdefghijklmnopqrstuv", Internal: internal, Bytes: int64(partitions) * 1_100_000}
	for id := range partitions {
		first := id%3 + 1
		p := cluster.Partition{
			ID: id, Leader: first, Epoch: 4, Replicas: []int32{first, first%3 + 1, (first+1)%3 + 1}, ISR: []int32{1, 2, 3},
			LogStart: 0, HighWatermark: 10_421 - 100*int64(id), MinISR: 2, At: noon.Add(-100 * time.Millisecond),
		}
		for _, b := range p.Replicas {
			p.Logs = append(p.Logs, cluster.ReplicaLog{Broker: b, EndOffset: p.HighWatermark, Bytes: 360_000, CaughtUp: noon, At: noon})
		}
		t.Partitions = append(t.Partitions, p)
	}
	return t
}

func fact(at time.Duration, kind string, broker int32, topic string, partition int32, fields map[string]any) cluster.Fact {
	return cluster.Fact{
		Time: noon.Add(at), Source: "broker 2", Kind: kind, Broker: broker, Topic: topic, Partition: partition,
		SinceCause: cluster.NoCause, Fields: fields,
	}
}

// leaderKilled is the healthy cluster two seconds after broker 3 was killed.
func leaderKilled() *fakeSource {
	f := healthy()
	s := f.snap
	s.Brokers[2].State, s.Brokers[2].Since = cluster.BrokerKilled, noon.Add(-2*time.Second)
	s.Brokers[2].InSync, s.Brokers[2].Leads, s.Brokers[2].LogBytes, s.Brokers[2].RSS = 0, 0, -1, -1
	s.Health = cluster.Health{Level: cluster.HealthAttention, UpBrokers: 2, AllBrokers: 3, Controller: 2, Partitions: 10, UnderReplicated: 10}
	for i := range s.Topics {
		for j := range s.Topics[i].Partitions {
			killReplica(&s.Topics[i].Partitions[j])
		}
	}
	f.timeline.Append(cluster.Fact{Time: noon.Add(-2796 * time.Millisecond), Source: "supervisor", Kind: cluster.KindProcessKilled, Broker: 3, Partition: -1, By: "you"})
	after := func(ms time.Duration, kind string, broker int32, topic string, partition int32, fields map[string]any) {
		f.timeline.Append(cluster.Fact{
			Time: noon.Add(ms*time.Millisecond - 2796*time.Millisecond), Source: "broker 2", Kind: kind, Broker: broker, Topic: topic,
			Partition: partition, Cause: 3, SinceCause: ms * time.Millisecond, Fields: fields,
		})
	}
	after(2087, cluster.KindSessionExpired, 3, "", -1, nil)
	after(2108, cluster.KindLeaderElected, -1, "orders", 2, map[string]any{"old": 3, "new": 1, "old_epoch": 4, "epoch": 5})
	after(2110, cluster.KindISRShrunk, -1, "orders", 2, map[string]any{"old": []int32{1, 2, 3}, "new": []int32{1, 2}})
	after(2127, cluster.KindFirstWrite, -1, "orders", 2, map[string]any{"offset": 10424})
	return f
}

func killReplica(p *cluster.Partition) {
	p.ISR, p.Offline = []int32{1, 2}, []int32{3}
	if p.Leader == 3 {
		p.Leader, p.Epoch = 1, 5
	}
	for i := range p.Logs {
		switch l := &p.Logs[i]; l.Broker {
		case 3:
			l.EndOffset, l.Lag, l.CaughtUp = 6_310, p.HighWatermark+2-6_310, noon.Add(-12*time.Second)
		case p.Leader:
			l.EndOffset = p.HighWatermark + 2
		default:
			l.Lag, l.CaughtUp = 2, noon.Add(-100*time.Millisecond)
		}
	}
}

// offline is the cluster with only broker 1 left, of which some partitions have no leader.
func offline() *fakeSource {
	f := leaderKilled()
	s := f.snap
	s.Brokers[1].State, s.Brokers[1].Controller, s.Controller = cluster.BrokerPaused, false, -1
	s.Brokers[1].Since, s.Brokers[0].InSync = noon.Add(-40*time.Second), 6
	s.Health = cluster.Health{Level: cluster.HealthAttention, UpBrokers: 1, AllBrokers: 3, Controller: -1, Partitions: 10, UnderReplicated: 10, Offline: 4, UnderMinISR: 6}
	for i := range s.Topics {
		for j := range s.Topics[i].Partitions {
			p := &s.Topics[i].Partitions[j]
			p.ISR = []int32{1}
			if p.Leader == 2 {
				p.Leader, p.ISR = -1, []int32{2}
			}
		}
	}
	return f
}

// fakeTail is a ring that tests fill.
type fakeTail struct {
	records []cluster.Record
	frozen  int64 // -1: not paused
	gone    int64 // how many left the ring
	dropped int64
	perSec  float64
	err     error
	closed  bool
}

func newFakeTail() *fakeTail { return &fakeTail{frozen: -1} }

func (t *fakeTail) add(r cluster.Record) {
	r.Seq = int64(len(t.records)) + 1
	t.records = append(t.records, r)
}

func (t *fakeTail) Bounds() (int64, int64) {
	if t.frozen >= 0 {
		return t.gone + 1, t.frozen
	}
	return t.gone + 1, int64(len(t.records))
}

func (t *fakeTail) Window(seq int64, n int) []cluster.Record {
	first, last := t.Bounds()
	seq = max(seq, first)
	return t.records[min(seq-1, last):min(seq-1+int64(max(n, 0)), last)]
}

func (t *fakeTail) Since(cursor int64, n int) ([]cluster.Record, int64, int64) {
	records := t.Window(cursor+1, n)
	return records, cursor + int64(len(records)), 0
}

func (t *fakeTail) Pause()  { t.frozen = int64(len(t.records)) }
func (t *fakeTail) Resume() { t.frozen = -1 }
func (t *fakeTail) Close()  { t.closed = true }

func (t *fakeTail) Stats() cluster.TailStats {
	s := cluster.TailStats{Read: int64(len(t.records)), Dropped: t.dropped, PerSec: t.perSec, Paused: t.frozen >= 0, Err: t.err}
	if s.Paused {
		s.Waiting = s.Read - t.frozen
	}
	return s
}

// recordsOf is a topic with plain, Chinese, hostile, binary and null payloads.
func recordsOf() *fakeTail {
	t := newFakeTail()
	add := func(partition int32, offset int64, key, value []byte, headers ...cluster.Header) {
		t.add(cluster.Record{
			Topic: "orders", Partition: partition, Offset: offset, Time: noon.Add(time.Duration(offset-10_430) * 2 * time.Millisecond),
			Key: key, Value: value, Headers: headers, LeaderEpoch: 5, ProducerID: 4000, Codec: "none",
		})
	}
	for i := range int64(40) {
		add(int32(i%3), 10_370+i, fmt.Appendf(nil, "order-%d", i), fmt.Appendf(nil, `{"id":%d,"state":"NEW"}`, i))
	}
	add(0, 10_419, []byte("order-17"), []byte(`{"id":17,"state":"PAID","total":40.5,"note":"订单已付款"}`),
		cluster.Header{Key: "source", Value: []byte("web")}, cluster.Header{Key: "trace", Value: []byte{0, 0xff, 0x1b}}, cluster.Header{Key: "empty"})
	add(2, 10_420, []byte("order-18"), nil)
	add(1, 10_421, nil, []byte("\x1b[31mnot a colour\x1b]0;title"))
	add(1, 10_422, []byte("订单-19"), []byte("a\rspoofed \u202egnp.exe"))
	return t
}

// fakeZnodes is a small tree.
type fakeZnodes struct{}

var znodeTree = map[string]string{
	"/": "", "/admin": "", "/brokers": "", "/brokers/ids": "", "/brokers/topics": "", "/cluster": "", "/config": "", "/controller": `{"version":2,"brokerid":2,"timestamp":"1772366400000","kraftControllerEpoch":-1}`,
	"/controller_epoch": "1", "/isr_change_notification": "",
	"/brokers/ids/1": `{"port":9093}`, "/brokers/ids/2": `{"port":9094}`, "/brokers/ids/3": `{"port":9095}`,
	"/cluster/id": `{"version":"1","id":"Xy7-abcdefghijklmnopqr"}`,
}

func (fakeZnodes) Children(_ context.Context, at string) ([]string, error) {
	var names []string
	for p := range znodeTree {
		if p != "/" && path.Dir(p) == at {
			names = append(names, path.Base(p))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (fakeZnodes) Get(_ context.Context, at string) (cluster.Znode, error) {
	data, ok := znodeTree[at]
	if !ok {
		return cluster.Znode{}, errors.New("cannot read znode " + at + ": it does not exist")
	}
	n := cluster.Znode{Data: []byte(data), Version: 0, Modified: noon.Add(-3 * time.Minute), ModifiedZxid: 0x1f}
	if at == "/controller" || path.Dir(at) == "/brokers/ids" {
		n.EphemeralOwner = 0x1000abcd0002
	}
	return n, nil
}

// fakeLessons is a catalogue of three lessons, and plays one of them.
type fakeLessons struct{ player *fakePlayer }

func (l fakeLessons) List(lang cluster.Lang) []LessonInfo {
	if lang == cluster.Chinese {
		return []LessonInfo{
			{ID: "log", Title: "第一条消息", Minutes: 3, Steps: 6, Done: true},
			{ID: "failover", Title: "领导者宕机", Minutes: 4, Steps: 7},
			{ID: "cache", Title: "页缓存", Minutes: 5, Steps: 8, Why: "需要 Linux"},
		}
	}
	return []LessonInfo{
		{ID: "log", Title: "The first message", Minutes: 3, Steps: 6, Done: true},
		{ID: "failover", Title: "A leader dies", Minutes: 4, Steps: 7},
		{ID: "cache", Title: "The page cache", Minutes: 5, Steps: 8, Why: "needs Linux"},
	}
}

func (l fakeLessons) Start(context.Context, Source, string, cluster.Lang) (Player, error) {
	return l.player, nil
}

// fakePlayer shows what tests put into view and notes the intents.
type fakePlayer struct {
	view LessonView
	did  []string
}

func (p *fakePlayer) View(cluster.Lang) LessonView { return p.view }
func (p *fakePlayer) Next()                        { p.did = append(p.did, "next") }
func (p *fakePlayer) Previous()                    { p.did = append(p.did, "previous") }
func (p *fakePlayer) ToggleAuto()                  { p.did = append(p.did, "auto") }
func (p *fakePlayer) FreePlay()                    { p.did = append(p.did, "free") }
func (p *fakePlayer) Answer(i int)                 { p.did = append(p.did, fmt.Sprint("answer ", i)) }
func (p *fakePlayer) Do(key string)                { p.did = append(p.did, "do "+key) }
func (p *fakePlayer) Leave()                       { p.did = append(p.did, "leave") }

var errNoCoordinator = errors.New("cannot list consumer groups: COORDINATOR_NOT_AVAILABLE: the coordinator is not available")

func itoa(n int) string { return fmt.Sprint(n) }
