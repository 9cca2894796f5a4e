package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupLab is three brokers, a topic of six partitions, and fast groups.
func groupLab(t *testing.T, props ...string) *lab {
	t.Helper()
	l := newLab(t, append([]string{
		"group.initial.rebalance.delay.ms", "0", "offsets.topic.num.partitions", "6", "group.min.session.timeout.ms", "500",
	}, props...)...)
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	l.eventually("every broker knows of three", func() bool {
		for _, b := range l.brokers {
			if len(b.Metadata().Brokers()) != 3 {
				return false
			}
		}
		return true
	})
	l.createTopic("orders", 6, 3, nil)
	l.inSync("orders", 3)
	return l
}

func (l *lab) produce(topic string, n int) {
	l.t.Helper()
	c := l.client()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for i := range n {
		if err := c.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// consume polls until n records came.
func (l *lab) consume(c *kgo.Client, n int) (records []*kgo.Record) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	for len(records) < n {
		f := c.PollFetches(ctx)
		if ctx.Err() != nil {
			l.t.Fatalf("%d of %d records came: %v", len(records), n, f.Errors())
		}
		records = append(records, f.Records()...)
	}
	return records
}

func TestAGroupConsumesCommitsAndResumes(t *testing.T) {
	l := groupLab(t)
	l.produce("orders", 50)
	first := l.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
	l.consume(first, 50)
	if err := first.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	l.produce("orders", 7)
	second := l.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
	if got := l.consume(second, 7); len(got) != 7 {
		t.Errorf("the second consumer read %d records, want the 7 that the first did not commit", len(got))
	}
	lags, err := kadm.NewClient(l.client()).Lag(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	g := lags["g"]
	if g.State != "Stable" || len(g.Members) != 1 || g.Lag.Total() != 7 {
		t.Errorf("the group is %s with %d members and lag %d, want Stable with 1 and 7", g.State, len(g.Members), g.Lag.Total())
	}
}

// members starts n consumers of a group that count what they read.
func (l *lab) members(group string, n int, opts ...kgo.Opt) []*kgo.Client {
	l.t.Helper()
	var all []*kgo.Client
	for range n {
		all = append(all, l.client(append([]kgo.Opt{
			kgo.ConsumerGroup(group), kgo.ConsumeTopics("orders"), kgo.SessionTimeout(2 * time.Second), kgo.HeartbeatInterval(200 * time.Millisecond),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		}, opts...)...))
	}
	return all
}

// assigned waits until a group is stable with so many members, and every partition of orders is somebody's. Members must be
// polled by somebody.
func (l *lab) assigned(group string, members int) kadm.DescribedGroup {
	l.t.Helper()
	adm := kadm.NewClient(l.client())
	var g kadm.DescribedGroup
	l.eventually(fmt.Sprintf("%s is stable with %d members", group, members), func() bool {
		all, err := adm.DescribeGroups(l.t.Context(), group)
		if err != nil || all[group].State != "Stable" || len(all[group].Members) != members {
			return false
		}
		g = all[group]
		taken := map[int32]bool{}
		for _, m := range g.Members {
			if c, ok := m.Assigned.AsConsumer(); ok {
				for _, t := range c.Topics {
					for _, p := range t.Partitions {
						taken[p] = true
					}
				}
			}
		}
		return len(taken) == 6
	})
	return g
}

// poll keeps consumers alive until the test ends.
func (l *lab) poll(all ...*kgo.Client) {
	ctx := l.t.Context()
	for _, c := range all {
		go func() {
			for ctx.Err() == nil && !c.PollFetches(ctx).IsClientClosed() {
			}
		}()
	}
}

func TestMembersComeAndGo(t *testing.T) {
	for name, balancer := range map[string]kgo.GroupBalancer{"eager": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) {
			l := groupLab(t)
			three := l.members("g", 3, kgo.Balancers(balancer))
			l.poll(three...)
			l.assigned("g", 3)
			three[0].Close() // leaves
			l.assigned("g", 2)
			l.poll(l.members("g", 1, kgo.Balancers(balancer))...)
			g := l.assigned("g", 3)
			if g.ProtocolType != "consumer" || g.Protocol != balancer.ProtocolName() {
				t.Errorf("%s %s", g.ProtocolType, g.Protocol)
			}
		})
	}
}

func TestAStaticMemberRestartsWithoutARebalance(t *testing.T) {
	l := groupLab(t)
	other := l.members("g", 1, kgo.InstanceID("two")) // and leads: franz-go's leader balances anew after a restart, and rejoins if the plan differs
	l.poll(other...)
	l.assigned("g", 1)
	first := l.members("g", 1, kgo.InstanceID("one"))
	l.poll(first...)
	before := l.assigned("g", 2)
	_, generation := other[0].GroupMetadata()
	first[0].Close() // a static member does not leave
	again := l.members("g", 1, kgo.InstanceID("one"))
	l.poll(again...)
	l.eventually("the member has another id", func() bool {
		id, _ := again[0].GroupMetadata()
		return id != ""
	})
	after := l.assigned("g", 2)
	if _, now := other[0].GroupMetadata(); now != generation {
		t.Errorf("generation %d became %d", generation, now)
	}
	ids := map[string]int{}
	for _, g := range []kadm.DescribedGroup{before, after} {
		for _, m := range g.Members {
			ids[m.MemberID]++
		}
	}
	if len(ids) != 3 {
		t.Errorf("the members before and after are %v", ids)
	}
}

func TestTheCoordinatorDies(t *testing.T) {
	l := groupLab(t)
	l.produce("orders", 20)
	two := l.members("g", 2)
	l.poll(two...)
	l.assigned("g", 2)
	l.inSync("__consumer_offsets", 3)
	adm := kadm.NewClient(l.client())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 0, 5, -1)
	if err := adm.CommitAllOffsets(ctx, "standalone", offsets); err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"g", "standalone"} {
		found := adm.FindGroupCoordinators(ctx, group)
		id := int(found[group].NodeID)
		if b := l.brokers[id]; b != nil {
			delete(l.brokers, id)
			b.Abandon()
			break
		}
	}
	got, err := adm.FetchOffsets(ctx, "standalone")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := got.Lookup("orders", 0); !ok || o.At != 5 {
		t.Errorf("the offset is %+v, %t", o, ok)
	}
	l.assigned("g", 2)
}

func TestADeletedTopicsOffsetsGo(t *testing.T) {
	l := groupLab(t)
	l.createTopic("gone", 1, 3, nil)
	l.inSync("gone", 3)
	adm := kadm.NewClient(l.client())
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 0, 5, -1)
	offsets.AddOffset("gone", 0, 7, -1)
	if err := adm.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopics(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	l.eventually("only the offset of orders is left", func() bool {
		got, err := adm.FetchOffsets(t.Context(), "g")
		_, left := got.Lookup("gone", 0)
		_, kept := got.Lookup("orders", 0)
		return err == nil && kept && !left
	})
	deleted, err := adm.DeleteGroups(t.Context(), "g")
	if err != nil || deleted["g"].Err != nil {
		t.Errorf("%v %+v", err, deleted)
	}
	listed, err := adm.ListGroups(t.Context())
	if err != nil || len(listed) != 0 {
		t.Errorf("%v %v", err, listed)
	}
}

func TestAShutdownAnswersWhoWaits(t *testing.T) {
	l := groupLab(t, "group.initial.rebalance.delay.ms", "60000")
	waiting := l.members("g", 1)
	l.poll(waiting...)
	adm := kadm.NewClient(l.client())
	l.eventually("the group prepares", func() bool {
		all, err := adm.DescribeGroups(t.Context(), "g")
		return err == nil && all["g"].State == "PreparingRebalance"
	})
	for id, b := range l.brokers {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := b.Shutdown(ctx); err != nil {
			t.Errorf("broker %d: %v", id, err)
		}
		cancel()
	}
}

// TestWhoAsksForAnInternalTopicMakesItWhatItIs has clients ask for Kafka's own topics, which may create them, before anybody
// needed a coordinator.
func TestWhoAsksForAnInternalTopicMakesItWhatItIs(t *testing.T) {
	l := groupLab(t, "transaction.state.log.num.partitions", "4")
	admin := kadm.NewClient(l.client(kgo.AllowAutoTopicCreation()))
	for topic, partitions := range map[string]int{"__consumer_offsets": 6, "__transaction_state": 4} {
		l.eventually(topic+" is there", func() bool {
			found, err := admin.ListTopicsWithInternal(t.Context(), topic)
			if err != nil || found[topic].Err != nil {
				return false
			}
			made := found[topic].Partitions
			if len(made) != partitions || len(made[0].Replicas) != 3 {
				t.Fatalf("%s has partitions %v, want %d with 3 replicas", topic, made, partitions)
			}
			return true
		})
		configs, err := admin.DescribeTopicConfigs(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range configs[0].Configs {
			if c.Key == "cleanup.policy" && c.MaybeValue() != "compact" {
				t.Errorf("%s has cleanup.policy=%s", topic, c.MaybeValue())
			}
		}
	}
}
