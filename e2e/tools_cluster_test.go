//go:build interop

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// toolEpoch is the time of the first record that the script writes; the others follow a second apart.
var toolEpoch = time.UnixMilli(1_500_000_000_000)

// toolCluster is what the script does besides the tools, with franz-go.
type toolCluster struct {
	t       *testing.T
	servers []string
	admin   *kadm.Client
}

func openToolCluster(t *testing.T, servers string) *toolCluster {
	t.Helper()
	c := &toolCluster{t: t, servers: strings.Split(servers, ",")}
	c.admin = kadm.NewClient(c.client())
	eventually(t, time.Minute, "every broker is registered", func() bool {
		brokers, err := c.admin.ListBrokers(t.Context())
		return err == nil && len(brokers) == len(c.servers)
	})
	return c
}

func (c *toolCluster) client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.servers...), kgo.MetadataMinAge(20 * time.Millisecond), kgo.ClientID("tools"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression())}, opts...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// partitions is what each broker says of a topic. A wait is for all of them, since a tool may ask any.
func (c *toolCluster) partitions(broker, topic string) (kadm.PartitionDetails, bool) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return nil, false
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	return topics[topic].Partitions, err == nil
}

func (c *toolCluster) wait(what, topic string, holds func(kadm.PartitionDetails) bool) {
	c.t.Helper()
	eventually(c.t, time.Minute, topic+" "+what, func() bool {
		return !slices.ContainsFunc(c.servers, func(broker string) bool {
			partitions, ok := c.partitions(broker, topic)
			return !ok || !holds(partitions)
		})
	})
}

func (c *toolCluster) waitInSync(topic string) {
	c.t.Helper()
	c.wait("is in sync", topic, func(partitions kadm.PartitionDetails) bool {
		for _, p := range partitions {
			if p.Err != nil || p.Leader < 0 || len(p.ISR) != len(p.Replicas) {
				return false
			}
		}
		return len(partitions) > 0
	})
}

func (c *toolCluster) waitGone(topic string) {
	c.t.Helper()
	c.wait("is deleted", topic, func(partitions kadm.PartitionDetails) bool { return len(partitions) == 0 })
}

// waitReplicas waits until a reassignment to these replicas is complete.
func (c *toolCluster) waitReplicas(topic string, partition int32, replicas ...int32) {
	c.t.Helper()
	c.wait(fmt.Sprintf("has replicas %v of partition %d", replicas, partition), topic, func(partitions kadm.PartitionDetails) bool {
		p := partitions[partition]
		return slices.Equal(p.Replicas, replicas) && len(p.ISR) == len(replicas)
	})
}

// produce writes n records to each of the partitions, a batch each, with times from toolEpoch on.
func (c *toolCluster) produce(topic string, partitions int32, n int) {
	c.t.Helper()
	client := c.client(kgo.DefaultProduceTopic(topic), kgo.DisableIdempotentWrite())
	for partition := range partitions {
		for i := range n {
			r := &kgo.Record{Partition: partition, Key: fmt.Appendf(nil, "key-%d", i), Timestamp: toolEpoch.Add(time.Duration(i) * time.Second)}
			if err := client.ProduceSync(c.t.Context(), r).FirstErr(); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

func (c *toolCluster) commit(group, topic string, partitions int32, offset int64) {
	c.t.Helper()
	var offsets kadm.Offsets
	for partition := range partitions {
		offsets.AddOffset(topic, partition, offset, -1)
	}
	answers, err := c.admin.CommitOffsets(c.t.Context(), group, offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// join has one member read a topic to its end and commit; the function returned makes it leave.
func (c *toolCluster) join(group, topic string, partitions int) func() {
	c.t.Helper()
	client := c.client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(), kgo.ClientID("live-member"))
	ends, err := c.admin.ListEndOffsets(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	for done := map[int32]bool{}; len(done) < partitions; {
		client.PollFetches(c.t.Context()).EachRecord(func(r *kgo.Record) {
			if end, _ := ends.Lookup(topic, r.Partition); r.Offset+1 == end.Offset {
				done[r.Partition] = true
			}
		})
	}
	if err := client.CommitUncommittedOffsets(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	return client.Close
}

// transact completes a transaction of one record.
func (c *toolCluster) transact(id, topic string) {
	c.t.Helper()
	client, _ := c.begin(id, topic)
	if err := client.EndTransaction(c.t.Context(), kgo.TryCommit); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, time.Minute, id+" is complete", func() bool {
		described, err := c.admin.DescribeTransactions(c.t.Context(), id)
		return err == nil && described[id].State == "CompleteCommit"
	})
}

// openTransaction leaves a transaction of one record open and returns where it starts.
func (c *toolCluster) openTransaction(id, topic string) int64 {
	c.t.Helper()
	_, offset := c.begin(id, topic)
	return offset
}

func (c *toolCluster) begin(id, topic string) (*kgo.Client, int64) {
	c.t.Helper()
	client := c.client(kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic), kgo.TransactionTimeout(10*time.Minute))
	if err := client.BeginTransaction(); err != nil {
		c.t.Fatal(err)
	}
	results := client.ProduceSync(c.t.Context(), kgo.StringRecord("in a transaction"))
	if err := results.FirstErr(); err != nil {
		c.t.Fatal(err)
	}
	return client, results[0].Record.Offset
}

// verifiableProducer is a step in a JVM of its own, since the tool says the end in a hook of the JVM.
func (s *toolScript) verifiableProducer(args ...string) {
	s.t.Helper()
	out, err := apacheKafka(s.t, s.box.version).run(s.t, "", "org.apache.kafka.tools.VerifiableProducer", append(args, "--bootstrap-server", s.box.servers)...)
	if err != nil {
		s.t.Errorf("kafka-verifiable-producer: %v", err)
	}
	s.compare("kafka-verifiable-producer "+strings.Join(args, " "), normal(out))
}

// replicaVerification is a step with a tool that goes on until it is killed: its first lines, up to the second report.
func (s *toolScript) replicaVerification(topic string) {
	s.t.Helper()
	ctx, kill := context.WithTimeout(s.t.Context(), time.Minute)
	defer kill()
	args := []string{"--broker-list", s.box.servers, "--topics-include", topic, "--report-interval-ms", "500"}
	cmd := apacheKafka(s.t, s.box.version).command(ctx, "org.apache.kafka.tools.ReplicaVerificationTool", args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var text strings.Builder
	for lines, reports := bufio.NewScanner(out), 0; reports < 2 && lines.Scan(); {
		fmt.Fprintln(&text, lines.Text())
		if strings.Contains(lines.Text(), "max lag") {
			reports++
		}
	}
	kill()
	cmd.Wait()
	s.compare("kafka-replica-verification --topics-include "+topic, normal(text.String()))
}
