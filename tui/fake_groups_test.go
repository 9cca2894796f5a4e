package tui

import (
	"time"

	"klab/cluster"
)

var topicConfigs = []cluster.ConfigEntry{
	{Name: "cleanup.policy", Value: "delete", Source: "DEFAULT_CONFIG", Default: true, Type: "LIST",
		Doc:      "This config designates the retention policy to use on log segments.",
		Synonyms: []cluster.ConfigSynonym{{Name: "log.cleanup.policy", Value: "delete", Source: "DEFAULT_CONFIG"}}},
	{Name: "min.insync.replicas", Value: "2", Source: "DYNAMIC_TOPIC_CONFIG", Type: "INT",
		Doc: "When a producer sets acks to \"all\" (or \"-1\"), this configuration specifies the minimum number of replicas that must acknowledge " +
			"a write for the write to be considered successful. If this minimum cannot be met, then the producer will raise an exception " +
			"(either NotEnoughReplicas or NotEnoughReplicasAfterAppend).",
		Synonyms: []cluster.ConfigSynonym{{Name: "min.insync.replicas", Value: "2", Source: "DYNAMIC_TOPIC_CONFIG"}, {Name: "min.insync.replicas", Value: "1", Source: "DEFAULT_CONFIG"}}},
	{Name: "retention.ms", Value: "604800000", Source: "DEFAULT_CONFIG", Default: true, Type: "LONG"},
}

var brokerConfigs = []cluster.ConfigEntry{
	{Name: "broker.id", Value: "1", Source: "STATIC_BROKER_CONFIG", ReadOnly: true, Type: "INT", Doc: "The broker id for this server."},
	{Name: "log.retention.hours", Value: "168", Source: "DEFAULT_CONFIG", Default: true, ReadOnly: true, Type: "INT"},
	{Name: "num.io.threads", Value: "16", Source: "DYNAMIC_BROKER_CONFIG", Type: "INT",
		Doc:      "The number of threads that the server uses for processing requests, which may include disk I/O",
		Synonyms: []cluster.ConfigSynonym{{Name: "num.io.threads", Value: "16", Source: "DYNAMIC_BROKER_CONFIG"}, {Name: "num.io.threads", Value: "8", Source: "DEFAULT_CONFIG"}}},
	{Name: "ssl.keystore.password", Source: "STATIC_BROKER_CONFIG", Sensitive: true, Type: "PASSWORD"},
}

// grouped is a healthy cluster with groups: one that falls behind, one that is empty, one in a rebalance, one not read yet.
func grouped() *fakeSource {
	f := healthy()
	at := noon.Add(-400 * time.Millisecond)
	billing := cluster.Group{
		Name: "billing", State: "Stable", Type: "classic", ProtocolType: "consumer", Coordinator: 2, Protocol: "cooperative-sticky", Epoch: -1,
		Lag: 12_340, At: at, MembersAt: at, OffsetsAt: at,
		Members: []cluster.GroupMember{
			{ID: "rdkafka-1f0c-77aa", ClientID: "rdkafka", Host: "/10.0.0.7", Assigned: []cluster.TopicPartitions{{Topic: "orders", Partitions: []int32{0, 1}}}},
			{ID: "worker-2-9a", InstanceID: "worker-2", ClientID: "java-2", Host: "/10.0.0.8", Assigned: []cluster.TopicPartitions{{Topic: "orders", Partitions: []int32{2, 3}}, {Topic: "payments", Partitions: []int32{0}}}},
		},
	}
	for i := range 40 {
		billing.Trend = append(billing.Trend, cluster.LagSample{At: at.Add(time.Duration(i-39) * time.Second), Lag: 12_340 - int64(39-i)*100})
	}
	for i := range int32(4) {
		p := cluster.GroupPartition{Topic: "orders", Partition: i, Committed: 10_421 - 3_000*int64(i), Epoch: 4, End: 10_421, EndAt: at, Lag: 3_000 * int64(i), Member: int(i / 2)}
		billing.Partitions = append(billing.Partitions, p)
	}
	billing.Partitions = append(billing.Partitions, cluster.GroupPartition{Topic: "payments", Committed: -1, Epoch: -1, End: 10_421, EndAt: at, Lag: -1, Member: 1, Metadata: ""})
	f.snap.GroupsAt = at
	f.snap.Groups = []cluster.Group{
		{Name: "audit-审计", State: "Empty", Type: "classic", Coordinator: 1, Lag: 7, Epoch: -1, At: at, MembersAt: at, OffsetsAt: at.Add(-8 * time.Second),
			Partitions: []cluster.GroupPartition{{Topic: "orders", Partition: 0, Committed: 10_414, End: 10_421, Lag: 7, Member: -1}}},
		billing,
		{Name: "search", State: "PreparingRebalance", Type: "classic", ProtocolType: "consumer", Coordinator: 3, Lag: -1, Epoch: -1, At: at},
		{Name: "streams-wordcount", State: "Stable", Type: "consumer", ProtocolType: "consumer", Protocol: "uniform", Coordinator: 1, Lag: 0, Epoch: 9, At: at, MembersAt: at, OffsetsAt: at},
	}
	f.timeline.Append(groupFact(-3*time.Second, cluster.KindGroupState, map[string]any{"group": "billing", "old": "Stable", "new": "PreparingRebalance"}))
	f.timeline.Append(groupFact(-2*time.Second, cluster.KindMemberJoined, map[string]any{"group": "billing", "instance": "worker-2", "members": 2}))
	f.timeline.Append(groupFact(-1900*time.Millisecond, cluster.KindGroupRebalanced, map[string]any{"group": "billing", "members": 2, "protocol": "cooperative-sticky"}))
	f.plan = []cluster.OffsetChange{
		{Topic: "orders", Partition: 0, Old: 10_414, New: 10_314, Start: 0, End: 10_421},
		{Topic: "orders", Partition: 1, Old: 40, New: 0, Start: 0, End: 10_321, Clamped: true},
	}
	f.txns = []cluster.Transaction{
		{ID: "billing-tx-0", State: "Ongoing", ProducerID: 4001, Coordinator: 1, Epoch: -1, Timeout: -1},
		{ID: "billing-tx-1", State: "CompleteCommit", ProducerID: 4002, Coordinator: 3, Epoch: -1, Timeout: -1},
		{ID: "old-job", State: "Empty", ProducerID: 17, Coordinator: 2, Epoch: -1, Timeout: -1},
	}
	f.hanging = []cluster.Hanging{{Producer: cluster.Producer{Topic: "orders", Partition: 3, ID: 4077, Epoch: 2, LastTime: noon.Add(-3 * time.Hour), TxnStart: 9_120}, TransactionalID: "old-job"}}
	return f
}

func groupFact(at time.Duration, kind string, fields map[string]any) cluster.Fact {
	f := fact(at, kind, -1, "", -1, fields)
	f.Source = "metadata"
	return f
}

// movingOrders is a healthy cluster in which two partitions of orders go to other brokers.
func movingOrders() *fakeSource {
	f := healthy()
	f.snap.ReassignmentsAt = noon
	f.snap.Reassignments = []cluster.Reassignment{
		{Topic: "orders", Partition: 0, Replicas: []int32{1, 2, 3}, Adding: []int32{3}, Removing: []int32{2}, Since: noon.Add(-4 * time.Second),
			Copies: []cluster.Copy{{Broker: 3, Records: 4_210, Bytes: 1_400_000, Of: 3_600_000, PerSecond: 340_000}}},
		{Topic: "orders", Partition: 4, Replicas: []int32{1, 2}, Removing: []int32{3}, Since: noon},
	}
	return f
}
