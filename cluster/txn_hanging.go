package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// DefaultTxnTimeout is Kafka's default of transaction.max.timeout.ms: no transaction should be open for longer.
const DefaultTxnTimeout = 15 * time.Minute

// FindHanging is the request to find transactions that no coordinator will end.
type FindHanging struct {
	Topics     []string      // none: all
	MaxTimeout time.Duration // transaction.max.timeout.ms of the brokers; younger transactions are left alone
}

func (f FindHanging) command(to addressee) Command {
	klab, kafka := []string{"txn", "find-hanging"}, []string{"find-hanging"}
	for _, t := range f.Topics {
		klab, kafka = append(klab, t), append(kafka, "--topic", t)
	}
	if f.MaxTimeout != DefaultTxnTimeout {
		klab = append(klab, "--max-timeout", f.MaxTimeout.String())
		kafka = append(kafka, "--max-transaction-timeout", strconv.Itoa(int(f.MaxTimeout/time.Minute)))
	}
	if len(f.Topics) == 0 { // Kafka's tool takes a topic or one broker
		each := to.kafka("kafka-transactions.sh", append(kafka, "--broker-id")...) + " $id"
		return Command{Klab: to.klab(klab...), Kafka: "for id in " + strings.ReplaceAll(joinIDs(to.brokers), ",", " ") + "; do " + each + "; done"}
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-transactions.sh", kafka...)}
}

// Hanging is a transaction that is open in a partition, and that its coordinator knows nothing of: it holds up
// read_committed consumers and compaction until it is aborted by hand.
type Hanging struct {
	Producer
	TransactionalID string // empty: no coordinator knows the producer
}

// FindHanging finds them by the rules of kafka-transactions.sh (KIP-664): the producer's transaction is open for longer
// than any may be, and no coordinator has this partition in an open transaction of this producer. Beside an error it returns
// those of the partitions that could be looked at; a coordinator that does not answer may know any, so then there are none.
func (c *Cluster) FindHanging(ctx context.Context, f FindHanging) (found []Hanging, err error) {
	err = c.administer(ctx, f, "find hanging transactions", func(ctx context.Context, adm *kadm.Client) error {
		var set kadm.TopicsSet
		topics, err := adm.ListTopicsWithInternal(ctx, f.Topics...)
		if err != nil {
			return err
		}
		for name, t := range topics {
			if t.Err != nil {
				return fmt.Errorf("topic %s: %w", name, t.Err)
			}
			set.Add(name, t.Partitions.Numbers()...)
		}
		producers, unread := describeProducers(ctx, adm, set)
		found, err = ownerless(ctx, adm, openSince(producers, time.Now().Add(-f.MaxTimeout)))
		return errors.Join(unread, err)
	})
	return found, err
}

// openSince are the producers whose open transaction was last written to before a time.
func openSince(producers []Producer, before time.Time) []Producer {
	return slices.DeleteFunc(slices.Clone(producers), func(p Producer) bool {
		return p.TxnStart < 0 || p.LastTime.IsZero() || !p.LastTime.Before(before)
	})
}

// ownerless keeps those of which no coordinator knows.
func ownerless(ctx context.Context, adm *kadm.Client, open []Producer) ([]Hanging, error) {
	if len(open) == 0 {
		return nil, nil
	}
	var ids []int64
	for _, p := range open {
		ids = append(ids, p.ID)
	}
	listed, err := listTransactions(ctx, adm, ids)
	if err != nil {
		return nil, err
	}
	var found []Hanging
	for _, p := range open {
		h := Hanging{Producer: p}
		if i := slices.IndexFunc(listed, func(t Transaction) bool { return t.ProducerID == p.ID }); i >= 0 {
			h.TransactionalID = listed[i].ID
			t, err := describeTransaction(ctx, adm, h.TransactionalID)
			if err != nil && !errors.Is(err, kerr.TransactionalIDNotFound) {
				return nil, err
			}
			if err == nil && t.holds(p.Topic, p.Partition) {
				continue
			}
		}
		found = append(found, h)
	}
	return found, nil
}

func (t Transaction) holds(topic string, partition int32) bool {
	return slices.ContainsFunc(t.Partitions, func(s TopicPartitions) bool {
		return s.Topic == topic && slices.Contains(s.Partitions, partition)
	})
}

// AbortTransaction is the request to abort a hanging transaction in one partition.
type AbortTransaction struct {
	Topic     string
	Partition int32
	Start     int64 // its first offset
}

func (a AbortTransaction) command(to addressee) Command {
	partition, start := strconv.Itoa(int(a.Partition)), strconv.FormatInt(a.Start, 10)
	return Command{
		Klab:  to.klab("txn", "abort", a.Topic, "--partition", partition, "--start-offset", start),
		Kafka: to.kafka("kafka-transactions.sh", "abort", "--topic", a.Topic, "--partition", partition, "--start-offset", start),
	}
}

// AbortTransaction writes an abort marker for the transaction that begins at an offset of a partition. Its coordinator is
// not asked: do it only to one that FindHanging finds.
func (c *Cluster) AbortTransaction(ctx context.Context, a AbortTransaction) error {
	what := fmt.Sprintf("abort the transaction at offset %d of %s/%d", a.Start, a.Topic, a.Partition)
	return c.administer(ctx, a, what, func(ctx context.Context, adm *kadm.Client) error {
		var set kadm.TopicsSet
		set.Add(a.Topic, a.Partition)
		producers, err := describeProducers(ctx, adm, set)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(producers, func(p Producer) bool { return p.TxnStart == a.Start && a.Start >= 0 })
		if i < 0 {
			return errors.New("no transaction that begins there is open: see klab txn find-hanging")
		}
		p := producers[i]
		resps, err := adm.WriteTxnMarkers(ctx, kadm.TxnMarkers{
			ProducerID: p.ID, ProducerEpoch: p.Epoch, CoordinatorEpoch: max(p.CoordinatorEpoch, 0), Topics: set,
		})
		if err != nil {
			return err
		}
		resps.EachPartition(func(r kadm.TxnMarkersPartitionResponse) {
			if r.Err != nil {
				err = r.Err
			}
		})
		return err
	})
}
