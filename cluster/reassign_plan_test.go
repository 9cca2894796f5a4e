package cluster

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func planner(partitions int, rf int, brokers ...int32) Planner {
	p := Planner{}
	for _, id := range brokers {
		p.Brokers = append(p.Brokers, Broker{ID: id, State: BrokerUp})
	}
	t := Topic{Name: "orders"}
	for i := range partitions {
		part := Partition{ID: int32(i)}
		for r := range rf {
			part.Replicas = append(part.Replicas, brokers[(i+r)%rf]) // all on the first rf brokers
		}
		t.Partitions = append(t.Partitions, part)
	}
	p.Topics = []Topic{t}
	return p
}

// after is the assignment that a plan leads to.
func (p Planner) after(plan ReassignPlan) [][]int32 {
	var all [][]int32
	for _, part := range p.Topics[0].Partitions {
		replicas := part.Replicas
		for _, m := range plan {
			if m.Partition == part.ID {
				replicas = m.To
			}
		}
		all = append(all, replicas)
	}
	return all
}

func TestPlans(t *testing.T) {
	p := planner(6, 3, 1, 2, 3, 4)
	removed, err := p.RemoveBroker(2)
	if err != nil || len(removed) != 6 || slices.ContainsFunc(p.after(removed), func(r []int32) bool { return slices.Contains(r, 2) }) {
		t.Errorf("remove broker 2: %+v, %v", removed, err)
	}
	if _, err := planner(6, 3, 1, 2, 3).RemoveBroker(2); err == nil {
		t.Error("three replicas fit on two brokers")
	}
	less, err := p.ReplicationFactor(1)
	if err != nil || len(less) != 6 {
		t.Errorf("rf 1: %+v, %v", less, err)
	}
	for i, r := range p.after(less) {
		if r[0] != p.Topics[0].Partitions[i].Replicas[0] {
			t.Errorf("partition %d lost its preferred leader: %v", i, r)
		}
	}
	if _, err := p.ReplicationFactor(5); err == nil {
		t.Error("five replicas fit on four brokers")
	}
	if same, err := p.ReplicationFactor(3); err != nil || len(same) != 0 {
		t.Errorf("rf as it is moves %v, %v", same, err)
	}
}

func TestBalancedPlansAreEvenAndValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "brokers")
		rf := rapid.IntRange(1, n).Draw(t, "rf")
		var brokers []int32
		for i := range n {
			brokers = append(brokers, int32(i+1))
		}
		p := planner(rapid.IntRange(1, 30).Draw(t, "partitions"), rf, brokers...)
		plan, err := p.Balance()
		if err != nil {
			t.Fatal(err)
		}
		holds, first := map[int32]int{}, map[int32]int{}
		for _, id := range brokers {
			holds[id], first[id] = 0, 0
		}
		for _, replicas := range p.after(plan) {
			if sorted := slices.Sorted(slices.Values(replicas)); len(replicas) != rf || len(slices.Compact(sorted)) != rf {
				t.Fatalf("replicas %v", replicas)
			}
			first[replicas[0]]++
			for _, id := range replicas {
				holds[id]++
			}
		}
		if spread(holds) > 1 || spread(first) > 2 {
			t.Fatalf("held %v, led %v", holds, first)
		}
	})
}

func spread(counts map[int32]int) int {
	low, high := 1<<30, 0
	for _, n := range counts {
		low, high = min(low, n), max(high, n)
	}
	return high - low
}

func TestPlansAreKafkasFiles(t *testing.T) {
	var plan ReassignPlan
	const file = `{"version":1,"partitions":[{"topic":"orders","partition":2,"replicas":[3,1],"log_dirs":["any","any"]}]}`
	if err := json.Unmarshal([]byte(file), &plan); err != nil || len(plan) != 1 || !slices.Equal(plan[0].To, []int32{3, 1}) {
		t.Fatalf("plan = %+v, %v", plan, err)
	}
	data, err := json.Marshal(plan)
	if want := `{"version":1,"partitions":[{"topic":"orders","partition":2,"replicas":[3,1]}]}`; err != nil || string(data) != want {
		t.Errorf("written as %s, %v", data, err)
	}
	for _, bad := range []string{`{"partitions":[{"topic":"x","partition":0,"replicas":[]}]}`, `{"partitions":[{"partition":0,"replicas":[1]}]}`,
		`{"partitions":[{"topic":"x","partition":0,"replicas":[1],"log_dirs":["/data"]}]}`} {
		if err := json.Unmarshal([]byte(bad), &plan); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func held(id int32, replicas ...int32) Partition {
	return Partition{ID: id, Replicas: replicas, ISR: replicas}
}

// threeTopics are on brokers 1, 2 and 3, of which 1 holds most and 2 nothing; topic __consumer_offsets is Kafka's own.
func threeTopics() *Snapshot {
	return &Snapshot{
		Brokers: []Broker{{ID: 1, State: BrokerUp}, {ID: 2, State: BrokerUp}, {ID: 3, State: BrokerUp}, {ID: 4, State: BrokerDown}},
		Topics: []Topic{
			{Name: "__consumer_offsets", Internal: true, Partitions: []Partition{held(0, 3), held(1, 2), held(2, 2), held(3, 2)}},
			{Name: "orders", Partitions: []Partition{held(0, 3), held(1, 1)}},
			{Name: "payments", Partitions: []Partition{held(0, 1)}},
		},
	}
}

// Removing a broker leaves nothing on it, unless topics are named, and what is chosen goes where least is of everything.
func TestRemovingABrokerTakesEverythingOff(t *testing.T) {
	s := threeTopics()
	p, err := NewPlanner(s)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.RemoveBroker(3)
	if err != nil || len(plan) != 2 || plan[0].Topic != "__consumer_offsets" || plan[1].Topic != "orders" {
		t.Errorf("plan = %+v, %v", plan, err)
	}
	p, err = NewPlanner(s, TopicPartitions{Topic: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = p.RemoveBroker(3); err != nil || len(plan) != 1 || !slices.Equal(plan[0].To, []int32{1}) {
		t.Errorf("broker 1 holds two and broker 2 three, and the plan is %+v, %v", plan, err)
	}
	for _, unknown := range []int32{77, 4} {
		if plan, err := p.RemoveBroker(unknown); err == nil {
			t.Errorf("broker %d has nothing, and is removed by %+v", unknown, plan)
		}
	}
}

func TestAPlanForSomePartitions(t *testing.T) {
	p, err := NewPlanner(threeTopics(), TopicPartitions{"orders", []int32{0}}, TopicPartitions{"payments", nil})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := p.ReplicationFactor(2)
	if err != nil || len(plan) != 2 || plan[0].Topic != "orders" || plan[0].Partition != 0 || plan[1].Topic != "payments" {
		t.Errorf("plan = %+v, %v", plan, err)
	}
	for _, bad := range []TopicPartitions{{"absent", nil}, {"orders", []int32{0, 99}}} {
		if _, err := NewPlanner(threeTopics(), bad); err == nil {
			t.Errorf("%+v is planned for", bad)
		}
	}
}
