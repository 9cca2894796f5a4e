//go:build interop

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// holdings is all that a cluster tells of what it holds, a line a fact: what is named, and what is said of it. Brokers'
// roles are left out, for they change with every start.
type holdings map[string]string

// holdings fails the test when a question is not answered.
func (l *lab) holdings() holdings {
	l.t.Helper()
	h, err := l.tryHoldings()
	if err != nil {
		l.t.Fatal(err)
	}
	return h
}

// waitHoldings waits until a cluster that has just started holds what was left.
func (l *lab) waitHoldings(want holdings, what string) {
	l.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		got, err := l.tryHoldings()
		report := want.unlike(got)
		if err == nil && report == "" {
			return
		}
		if time.Now().After(deadline) || l.t.Context().Err() != nil {
			l.t.Fatalf("does not come true: %s (%v)\n%s", what, err, report)
		}
	}
}

// unlike names the first lines in which two holdings differ, with what was wanted and what is there.
func (want holdings) unlike(got holdings) string {
	names := maps.Clone(want)
	maps.Copy(names, got)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if want[name] != got[name] {
			lines = append(lines, fmt.Sprintf("%s\n  was %.300s\n  is  %.300s", name, want[name], got[name]))
		}
	}
	if n := len(lines); n > 12 {
		lines = append(lines[:12], fmt.Sprintf("and %d more", n-12))
	}
	return strings.Join(lines, "\n")
}

// survey asks one cluster; the first error ends it.
type survey struct {
	ctx    context.Context
	client *kgo.Client
	admin  *kadm.Client
	found  holdings
	err    error
}

func (l *lab) tryHoldings() (holdings, error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap...), kgo.RetryTimeout(20*time.Second))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	s := &survey{ctx: ctx, client: client, admin: kadm.NewClient(client), found: holdings{}}
	topics := s.topics()
	for _, look := range []func([]string){s.offsets, s.records, s.producers, s.configs, s.groups, s.transactions} {
		if s.err == nil {
			look(topics)
		}
	}
	return s.found, s.err
}

func (s *survey) note(value any, name string, args ...any) {
	s.found[fmt.Sprintf(name, args...)] = fmt.Sprint(value)
}

// topics notes the cluster, its topics and their replicas, all of which must be in sync.
func (s *survey) topics() []string {
	meta, err := s.admin.Metadata(s.ctx)
	if s.err = err; err != nil {
		return nil
	}
	s.note(meta.Cluster, "cluster id")
	s.note(meta.Brokers.NodeIDs(), "brokers")
	var names []string
	for _, topic := range meta.Topics.Sorted() {
		s.note(topic.ID, "topic %s", topic.Topic)
		if !topic.IsInternal {
			names = append(names, topic.Topic)
		}
		for _, p := range topic.Partitions.Sorted() {
			if len(p.ISR) != len(p.Replicas) || p.Leader < 0 {
				s.err = fmt.Errorf("%s/%d is led by %d with %v in sync of %v", p.Topic, p.Partition, p.Leader, p.ISR, p.Replicas)
			}
			s.note(p.Replicas, "replicas of %s/%d", p.Topic, p.Partition)
		}
	}
	return names
}

// offsets notes the start, the last stable offset and the high watermark of each partition.
func (s *survey) offsets(topics []string) {
	for name, list := range map[string]func(context.Context, ...string) (kadm.ListedOffsets, error){
		"start": s.admin.ListStartOffsets, "stable": s.admin.ListCommittedOffsets, "end": s.admin.ListEndOffsets,
	} {
		listed, err := list(s.ctx, topics...)
		if err != nil {
			s.err = err
			return
		}
		listed.Each(func(o kadm.ListedOffset) {
			s.note(fmt.Sprint(o.Offset, o.Err), "%s of %s/%d", name, o.Topic, o.Partition)
		})
	}
}

// compacted is the topic of which each key's last record is compared, for cleaning goes on.
const compacted = "swap-compacted"

// records notes each record and control record of both isolation levels.
func (s *survey) records(topics []string) {
	for _, isolation := range []string{"committed", "uncommitted"} {
		ends, level := s.admin.ListEndOffsets, kgo.ReadUncommitted()
		if isolation == "committed" {
			ends, level = s.admin.ListCommittedOffsets, kgo.ReadCommitted()
		}
		ahead, err := s.ahead(ends, topics)
		if err != nil {
			s.err = err
			return
		}
		from := map[string]map[int32]kgo.Offset{}
		for at := range ahead {
			if from[at.topic] == nil {
				from[at.topic] = map[int32]kgo.Offset{}
			}
			from[at.topic][at.partition] = kgo.NewOffset().AtStart()
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap...), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(level), kgo.KeepControlRecords())
		if err != nil {
			s.err = err
			return
		}
		s.drain(client, isolation, ahead)
		client.Close()
	}
}

type topicPartition struct {
	topic     string
	partition int32
}

// ahead are the partitions that hold anything, with their ends.
func (s *survey) ahead(ends func(context.Context, ...string) (kadm.ListedOffsets, error), topics []string) (map[topicPartition]int64, error) {
	starts, err := s.admin.ListStartOffsets(s.ctx, topics...)
	if err != nil {
		return nil, err
	}
	listed, err := ends(s.ctx, topics...)
	ahead := map[topicPartition]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if start, ok := starts.Lookup(o.Topic, o.Partition); ok && o.Offset > start.Offset {
			ahead[topicPartition{o.Topic, o.Partition}] = o.Offset
		}
	})
	return ahead, err
}

// drain reads until every partition's last record was seen. The last one below each end is a record or a marker that a
// consumer sees, because transactions that ended have their markers before those that are open began.
func (s *survey) drain(client *kgo.Client, isolation string, ahead map[topicPartition]int64) {
	for len(ahead) > 0 {
		fetches := client.PollFetches(s.ctx)
		if s.err = fetches.Err(); s.err != nil {
			s.err = fmt.Errorf("cannot read %s, with %v ahead: %w", isolation, ahead, s.err)
			return
		}
		fetches.EachRecord(func(r *kgo.Record) {
			name := fmt.Sprintf("%s record %s/%d@%d", isolation, r.Topic, r.Partition, r.Offset)
			if r.Topic == compacted {
				name = fmt.Sprintf("%s last %s/%d %s", isolation, r.Topic, r.Partition, r.Key)
			}
			s.note(recordLine(r), "%s", name)
			if r.Offset+1 >= ahead[topicPartition{r.Topic, r.Partition}] {
				delete(ahead, topicPartition{r.Topic, r.Partition})
			}
		})
	}
}

func recordLine(r *kgo.Record) string {
	return fmt.Sprintf("offset %d epoch %d time %d/%d producer %d/%d codec %d transactional %v control %v key %q headers %q value %q",
		r.Offset, r.LeaderEpoch, r.Timestamp.UnixMilli(), r.Attrs.TimestampType(), r.ProducerID, r.ProducerEpoch,
		r.Attrs.CompressionType(), r.Attrs.IsTransactional(), r.Attrs.IsControl(), r.Key, r.Headers, r.Value)
}

// producers notes what each partition's leader knows of producers.
func (s *survey) producers(topics []string) {
	set := kadm.TopicsSet{}
	for _, topic := range topics {
		set.Add(topic)
	}
	described, err := s.admin.DescribeProducers(s.ctx, set)
	s.err = err
	for _, topic := range described {
		for _, partition := range topic.Partitions {
			if partition.Err != nil {
				s.err = partition.Err
			}
			for _, p := range partition.ActiveProducers {
				p.Leader = 0
				s.note(fmt.Sprintf("%+v", p), "producer %d of %s/%d", p.ProducerID, p.Topic, p.Partition)
			}
		}
	}
}

// configs notes what was set on topics, on brokers and for all brokers.
func (s *survey) configs(topics []string) {
	ofTopics, err := s.admin.DescribeTopicConfigs(s.ctx, append(topics, "__consumer_offsets", "__transaction_state")...)
	if s.err = err; err != nil {
		return
	}
	ofBrokers, err := s.admin.DescribeBrokerConfigs(s.ctx, 1, 2, 3)
	if s.err = err; err != nil {
		return
	}
	ofAll, err := s.admin.DescribeBrokerConfigs(s.ctx)
	if s.err = err; err != nil {
		return
	}
	for _, resource := range slices.Concat(ofTopics, ofBrokers, ofAll) {
		for _, c := range resource.Configs {
			switch c.Source {
			case kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigSourceDynamicBrokerConfig, kmsg.ConfigSourceDynamicDefaultBrokerConfig:
				s.note(fmt.Sprint(c.MaybeValue(), " from ", c.Source), "config of %q: %s", resource.Name, c.Key)
			}
		}
	}
}

// groups notes every group, its members and its offsets.
func (s *survey) groups([]string) {
	listed, err := s.admin.ListGroups(s.ctx)
	if s.err = err; err != nil {
		return
	}
	for _, group := range listed.Sorted() {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = []string{group.Group}
		resp, err := req.RequestWith(s.ctx, s.client)
		if s.err = err; err != nil {
			return
		}
		s.note(fmt.Sprintf("%s, listed as %s of %s", groupLine(resp.Groups[0]), group.State, group.ProtocolType), "group %s", group.Group)
		offsets, err := s.admin.FetchOffsets(s.ctx, group.Group)
		if s.err = err; err != nil {
			return
		}
		offsets.Each(func(o kadm.OffsetResponse) {
			s.note(fmt.Sprintf("%d epoch %d %q %v", o.At, o.LeaderEpoch, o.Metadata, o.Err), "offset of %s in %s/%d", group.Group, o.Topic, o.Partition)
		})
	}
}

func groupLine(g kmsg.DescribeGroupsResponseGroup) string {
	line := fmt.Sprintf("error %d %s %s %s", g.ErrorCode, g.State, g.ProtocolType, g.Protocol)
	for _, m := range g.Members {
		instance := "-"
		if m.InstanceID != nil {
			instance = *m.InstanceID
		}
		line += fmt.Sprintf(", member %s instance %s client %s at %s metadata %x assignment %q", m.MemberID, instance, m.ClientID, m.ClientHost, m.ProtocolMetadata, m.MemberAssignment)
	}
	return line
}

// transactions notes every transactional id.
func (s *survey) transactions([]string) {
	described, err := s.admin.DescribeTransactions(s.ctx)
	s.err = err
	for _, txn := range described.Sorted() {
		txn.Coordinator = 0
		s.note(fmt.Sprintf("%+v", txn), "transaction %s", txn.TxnID)
	}
}
