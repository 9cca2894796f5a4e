package cluster

import "time"

// diff collects the facts that lie between two readings of the metadata. The zero diff collects nothing.
type diff struct {
	at    time.Time
	on    bool
	facts []Fact

	moving bool // a partition has other replicas than before
}

func (d *diff) add(f Fact) {
	if !d.on {
		return
	}
	f.Time, f.Source = d.at, "metadata"
	d.facts = append(d.facts, f)
}

func (d *diff) brokers(old, now metadata) {
	before, after := brokerIDs(old), brokerIDs(now)
	for _, id := range missing(before, after) {
		d.add(Fact{Kind: KindBrokerDown, Broker: id, Partition: -1})
	}
	for _, id := range missing(after, before) {
		d.add(Fact{Kind: KindBrokerUp, Broker: id, Partition: -1})
	}
	d.controller(old.controller, now.controller)
}

func (d *diff) controller(old, now int32) {
	if old != now && now >= 0 {
		d.add(Fact{Kind: KindControllerElected, Broker: now, Partition: -1, Fields: map[string]any{"old": old}})
	}
}

func brokerIDs(m metadata) []int32 {
	ids := make([]int32, len(m.brokers))
	for i, b := range m.brokers {
		ids[i] = b.id
	}
	return ids
}

func (d *diff) topicCreated(t metaTopic) {
	replication := 0
	if len(t.partitions) > 0 {
		replication = len(t.partitions[0].replicas)
	}
	fields := map[string]any{"partitions": len(t.partitions), "replication": replication}
	d.add(Fact{Kind: KindTopicCreated, Broker: -1, Topic: t.name, Partition: -1, Fields: fields})
}

func (d *diff) topicDeleted(name string) {
	d.add(Fact{Kind: KindTopicDeleted, Broker: -1, Topic: name, Partition: -1})
}

func (d *diff) partitionsAdded(topic string, old, now int) {
	d.add(Fact{Kind: KindPartitionsAdded, Broker: -1, Topic: topic, Partition: -1, Fields: map[string]any{"old": old, "new": now}})
}

func (d *diff) partition(topic string, old, now metaPartition) {
	f := Fact{Broker: -1, Topic: topic, Partition: now.id}
	if old.leader != now.leader || old.epoch != now.epoch {
		f.Kind, f.Broker = KindLeaderElected, now.leader
		f.Fields = map[string]any{"old": old.leader, "new": now.leader, "old_epoch": old.epoch, "epoch": now.epoch, "isr": now.isr}
		if now.leader < 0 {
			f.Kind, f.Fields = KindPartitionOffline, map[string]any{"old": old.leader, "isr": now.isr}
		}
		d.add(f)
	}
	f.Broker, f.Fields = -1, map[string]any{"old": old.isr, "new": now.isr}
	if len(missing(old.isr, now.isr)) > 0 {
		f.Kind = KindISRShrunk
		d.add(f)
	} else if len(missing(now.isr, old.isr)) > 0 {
		f.Kind = KindISRGrown
		d.add(f)
	}
}
