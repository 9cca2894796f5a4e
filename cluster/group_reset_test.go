package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhereAResetGoes(t *testing.T) {
	key := partitionKey{"orders", 0}
	now := groupsAt
	for _, c := range []struct {
		to                            string
		committed, start, end, atTime int64
		want                          int64
		clamped                       bool
	}{
		{"earliest", 50, 10, 100, -1, 10, false},
		{"latest", 50, 10, 100, -1, 100, false},
		{"current", 50, 10, 100, -1, 50, false},
		{"current", -1, 10, 100, -1, 100, false},
		{"current", 5, 10, 100, -1, 5, false},
		{"current", 50, -1, -1, -1, 50, false},
		{"current", -1, -1, -1, -1, -1, false},
		{"70", 50, 10, 100, -1, 70, false},
		{"7", 50, 10, 100, -1, 10, true},
		{"700", 50, 10, 100, -1, 100, true},
		{"-20", 50, 10, 100, -1, 30, false},
		{"-90", 50, 10, 100, -1, 10, true},
		{"+20", 50, 10, 100, -1, 70, false},
		{"-20", -1, 10, 100, -1, -1, false},
		{"30m", 50, 10, 100, 60, 60, false},
		{"PT30M", 50, 10, 100, -1, 100, false},
		{"P7D", 50, 10, 100, 12, 12, false},
		{"2026-01-31T15:04:05", 50, 10, 100, 60, 60, false},
		{"earliest", 50, -1, -1, -1, -1, false},
	} {
		to, err := ParseReset(c.to, now)
		if err != nil {
			t.Fatal(err)
		}
		o := to.newOffset(key, resetFacts{c.committed, c.start, c.end, c.atTime})
		if o.New != c.want || o.Clamped != c.clamped || (o.New < 0) != (o.Problem != "") {
			t.Errorf("%s: %+v, want %d", c.to, o, c.want)
		}
	}
	for _, bad := range []string{"", "yesterday", "--5", "earliest "} {
		if _, err := ParseReset(bad, now); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	plan, err := ReadResetPlan(strings.NewReader("# saved\norders,0,42\n"))
	if err != nil || plan.newOffset(key, resetFacts{50, 10, 100, -1}).New != 42 {
		t.Errorf("plan = %+v, %v", plan, err)
	}
	for _, bad := range []string{"", "orders,0\n", "orders,x,1\n", "orders,0,y\n"} {
		if _, err := ReadResetPlan(strings.NewReader(bad)); err == nil {
			t.Errorf("plan %q is accepted", bad)
		}
	}
}

func TestGroupsAreReadResetAndDeleted(t *testing.T) {
	c := connect(t, fakeKafka(t))
	ctx := within(t, 30*time.Second)
	if err := c.CreateTopic(ctx, NewTopic{Name: "orders", Partitions: 2, ReplicationFactor: 3}); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, err := c.Produce(ctx, ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: []byte("v"), Partition: new(int32(i % 2))}}}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for rec, err := range c.ReadAsGroup(ctx, GroupRead{Group: "billing", Topic: "orders", From: FromBeginning(), Max: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(rec.Value)
	}
	groups, err := c.ReadGroups(ctx, "billing")
	if n != 10 || err != nil || len(groups) != 1 || groups[0].State != "Empty" || groups[0].Lag != 0 || len(groups[0].Partitions) != 2 {
		t.Fatalf("read %d; groups = %+v, %v", n, groups, err)
	}
	back := ResetOffsets{Group: "billing", To: ShiftBy(-2), DryRun: true}
	plan, err := c.ResetOffsets(ctx, back)
	if err != nil || len(plan) != 2 || plan[0].Old != 5 || plan[0].New != 3 || !plan[0].Moves() {
		t.Fatalf("plan = %+v, %v", plan, err)
	}
	if groups, _ := c.ReadGroups(ctx, "billing"); groups[0].Lag != 0 {
		t.Errorf("a dry run changed the lag to %d", groups[0].Lag)
	}
	back.DryRun = false
	if _, err := c.ResetOffsets(ctx, back); err != nil {
		t.Fatal(err)
	}
	if groups, _ := c.ReadGroups(ctx, "billing"); groups[0].Lag != 4 {
		t.Errorf("after the reset the lag is %d", groups[0].Lag)
	}
	if _, err := c.ResetOffsets(ctx, ResetOffsets{Group: "absent", To: ToEarliest()}); !errors.Is(err, ErrNoGroup) {
		t.Errorf("err = %v", err)
	}
	if _, err := c.ResetOffsets(ctx, ResetOffsets{Group: "billing", To: ToEarliest(), Topics: []TopicPartitions{{"orders", []int32{9}}}}); err == nil || !strings.Contains(err.Error(), "no partition 9") {
		t.Errorf("err = %v", err)
	}
	if err := c.DeleteGroup(ctx, "billing"); err != nil {
		t.Error(err)
	}
	if groups, err := c.ListGroups(ctx); err != nil || slices.ContainsFunc(groups, func(g Group) bool { return g.Name == "billing" && !groupMissed(c, g.Name) }) {
		t.Errorf("groups = %+v, %v", groups, err)
	}
}

// groupMissed says whether the coordinator did not list the group the last time.
func groupMissed(c *Cluster, name string) (missed bool) {
	c.update(func(m *model) { missed = m.groups.byName[name] == nil || m.groups.byName[name].missed })
	return missed
}

func TestAGroupWithMembersIsNotReset(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	ctx := within(t, 30*time.Second)
	if err := c.CreateTopic(ctx, NewTopic{Name: "orders", Partitions: 2, ReplicationFactor: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Produce(ctx, ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: []byte("v")}}}); err != nil {
		t.Fatal(err)
	}
	for _, err := range c.ReadAsGroup(ctx, GroupRead{Group: "billing", Topic: "orders", From: FromBeginning(), Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		other := connect(t, fake)
		g, err := other.ReadGroups(ctx, "billing")
		if err != nil || len(g) != 1 || g[0].State != "Stable" || len(g[0].Members) != 1 || g[0].Members[0].Count() != 2 || g[0].Members[0].ClientID != "klab" {
			t.Errorf("groups = %+v, %v", g, err)
		}
		if _, err := other.ResetOffsets(ctx, ResetOffsets{Group: "billing", To: ToEarliest(), Topics: []TopicPartitions{{Topic: "orders"}}}); !errors.Is(err, ErrGroupActive) {
			t.Errorf("err = %v", err)
		}
		if plan, err := other.ResetOffsets(ctx, ResetOffsets{Group: "billing", To: ToEarliest(), Topics: []TopicPartitions{{Topic: "orders"}}, DryRun: true}); err != nil || len(plan) != 2 {
			t.Errorf("the plan of an active group: %+v, %v", plan, err)
		}
		break
	}
}

func TestDocumentationIsText(t *testing.T) {
	doc := `The "compact" policy will enable <a href="#compaction">log compaction</a>, as <code>a &lt; b</code>; a <broker> is none.`
	if got, want := plain(doc), `The "compact" policy will enable log compaction, as a < b; a <broker> is none.`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestConfigurationsAreChangedOneByOne(t *testing.T) {
	c := connect(t, fakeKafka(t))
	ctx := within(t, 30*time.Second)
	if err := c.CreateTopic(ctx, NewTopic{Name: "orders", Partitions: 1, ReplicationFactor: 1, Config: map[string]string{"retention.ms": "1000"}}); err != nil {
		t.Fatal(err)
	}
	value := func(name string) ConfigEntry {
		entries, err := c.Configs(ctx, TopicResource("orders"))
		i := slices.IndexFunc(entries, func(e ConfigEntry) bool { return e.Name == name })
		if err != nil || i < 0 {
			t.Fatalf("%s: %v", name, err)
		}
		return entries[i]
	}
	alter := func(op ConfigOp, name, v string) {
		t.Helper()
		if err := c.AlterConfigs(ctx, AlterConfigs{Resource: TopicResource("orders"), Changes: []ConfigChange{{name, op, v}}}); err != nil {
			t.Error(err)
		}
	}
	alter(ConfigSet, "min.insync.replicas", "2")
	if e := value("min.insync.replicas"); e.Value != "2" || !e.Dynamic() || value("retention.ms").Value != "1000" {
		t.Errorf("after set: %+v", e)
	}
	alter(ConfigDelete, "min.insync.replicas", "")
	if e := value("min.insync.replicas"); e.Dynamic() || value("retention.ms").Value != "1000" {
		t.Errorf("after delete: %+v", e)
	}
	if err := c.AlterConfigs(ctx, AlterConfigs{Resource: TopicResource("absent"), Changes: []ConfigChange{{"retention.ms", ConfigSet, "1"}}}); err == nil {
		t.Error("a topic that is not there is configured")
	}
	if _, err := c.Configs(ctx, BrokerResource(9)); err == nil || !strings.Contains(err.Error(), "there is no broker 9") {
		t.Errorf("err = %v", err)
	}
}
