package cluster

import (
	"errors"
	"testing"
	"time"
)

func TestHealth(t *testing.T) {
	up := func(id int32) Broker { return Broker{ID: id, State: BrokerUp} }
	whole := Partition{Leader: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2, 3}, MinISR: 2}
	short := Partition{Leader: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2}, MinISR: 2}
	thin := Partition{Leader: 1, Replicas: []int32{1, 2, 3}, ISR: []int32{1}, MinISR: 2}
	dead := Partition{Leader: -1, Replicas: []int32{3}, ISR: []int32{3}, MinISR: 1}
	topics := func(ps ...Partition) []Topic { return []Topic{{Name: "t", Partitions: ps}} }
	for _, c := range []struct {
		name   string
		s      Snapshot
		level  Level
		en, zh string
	}{
		{"well", Snapshot{At: noon, Controller: 1, Brokers: []Broker{up(1), up(2)}, Topics: topics(whole, whole)}, HealthOK,
			"2 of 2 brokers · controller 1 · 2 partitions in sync", "2/2 个 broker · 控制器 1 · 2 个分区全部同步"},
		{"empty", Snapshot{At: noon, Controller: 1, Brokers: []Broker{up(1)}}, HealthOK,
			"1 of 1 brokers · controller 1 · no partitions yet", "1/1 个 broker · 控制器 1 · 还没有分区"},
		{"a broker killed", Snapshot{At: noon, Controller: 2, Brokers: []Broker{up(1), {ID: 2, State: BrokerKilled}}, Topics: topics(short, whole)}, HealthAttention,
			"1 of 2 brokers · controller 2 · 1 partition under-replicated", "1/2 个 broker · 控制器 2 · 1 个分区副本不足"},
		{"everything", Snapshot{At: noon, Controller: -1, Brokers: []Broker{up(1)}, Topics: topics(short, thin, dead)}, HealthAttention,
			"1 of 1 brokers · no controller · 1 partition without leader · 1 partition below min.insync.replicas · 2 partitions under-replicated",
			"1/1 个 broker · 没有控制器 · 1 个分区没有领导者 · 1 个分区低于 min.insync.replicas · 2 个分区副本不足"},
		{"never read", Snapshot{Controller: -1}, HealthUnknown, "no broker answers", "没有 broker 应答"},
		{"old", Snapshot{At: noon.Add(-time.Minute), Err: errors.New("x"), Controller: 1, Brokers: []Broker{up(1), up(2)}}, HealthUnknown,
			"no broker answers · last seen: 2 of 2 brokers", "没有 broker 应答 · 上次看到 2/2 个 broker"},
		{"slow but answering", Snapshot{At: noon.Add(-time.Minute), Controller: 1, Brokers: []Broker{up(1)}}, HealthOK,
			"1 of 1 brokers · controller 1 · no partitions yet", "1/1 个 broker · 控制器 1 · 还没有分区"},
	} {
		h := judge(&c.s, noon)
		if h.Level != c.level || h.Words != c.en || h.In(Chinese) != c.zh {
			t.Errorf("%s: %v %q %q", c.name, h.Level, h.Words, h.In(Chinese))
		}
	}
}
