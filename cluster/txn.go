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

// Transaction is one transactional id, as its coordinator lists it.
type Transaction struct {
	ID          string // transactional.id
	State       string // Kafka's: Empty, Ongoing, PrepareCommit, PrepareAbort, CompleteCommit, CompleteAbort, …
	ProducerID  int64
	Coordinator int32

	// Of a description alone.
	Epoch      int16         // the producer's; -1 not described
	Timeout    time.Duration // -1 not described
	Start      time.Time     // zero: no transaction is open, or not described
	Partitions []TopicPartitions
}

// ListTransactions is the request to list transactional ids.
type ListTransactions struct{}

func (ListTransactions) command(to addressee) Command {
	return Command{Klab: to.klab("txn", "list"), Kafka: to.kafka("kafka-transactions.sh", "list")}
}

// Transactions lists the transactional ids of all coordinators, by id. Beside an error it lists those of the coordinators that
// answered.
func (c *Cluster) Transactions(ctx context.Context) (list []Transaction, err error) {
	err = c.administer(ctx, ListTransactions{}, "list transactions", func(ctx context.Context, adm *kadm.Client) error {
		list, err = listTransactions(ctx, adm, nil)
		return err
	})
	return list, err
}

func listTransactions(ctx context.Context, adm *kadm.Client, producers []int64) ([]Transaction, error) {
	listed, err := adm.ListTransactions(ctx, producers, nil)
	list := make([]Transaction, 0, len(listed))
	for _, t := range listed.Sorted() {
		list = append(list, Transaction{ID: t.TxnID, State: t.State, ProducerID: t.ProducerID, Coordinator: t.Coordinator, Epoch: Unknown, Timeout: -1})
	}
	return list, err
}

// DescribeTransaction is the request to describe one transactional id.
type DescribeTransaction struct{ ID string }

func (d DescribeTransaction) command(to addressee) Command {
	return Command{Klab: to.klab("txn", "describe", d.ID), Kafka: to.kafka("kafka-transactions.sh", "describe", "--transactional-id", d.ID)}
}

// Transaction describes one transactional id.
func (c *Cluster) Transaction(ctx context.Context, id string) (t Transaction, err error) {
	err = c.administer(ctx, DescribeTransaction{id}, "describe transactional id "+id, func(ctx context.Context, adm *kadm.Client) error {
		t, err = describeTransaction(ctx, adm, id)
		return err
	})
	return t, err
}

func describeTransaction(ctx context.Context, adm *kadm.Client, id string) (Transaction, error) {
	described, err := adm.DescribeTransactions(ctx, id)
	if err != nil && len(described) == 0 {
		return Transaction{}, err
	}
	d, err := described.On(id, nil)
	if err == nil {
		err = d.Err
	}
	if errors.Is(err, kerr.TransactionalIDNotFound) {
		err = fmt.Errorf("%w: see klab txn list", err)
	}
	if err != nil {
		return Transaction{}, err
	}
	t := Transaction{
		ID: id, State: d.State, ProducerID: d.ProducerID, Coordinator: d.Coordinator, Epoch: d.ProducerEpoch,
		Timeout: time.Duration(d.TimeoutMillis) * time.Millisecond,
	}
	if d.StartTimestamp > 0 {
		t.Start = time.UnixMilli(d.StartTimestamp)
	}
	for _, s := range d.Topics.Sorted() {
		t.Partitions = append(t.Partitions, TopicPartitions{s.Topic, s.Partitions})
	}
	return t, nil
}

// Producer is one producer id that a partition's leader remembers.
type Producer struct {
	Topic            string
	Partition        int32
	ID               int64
	Epoch            int16
	LastSequence     int32
	LastTime         time.Time // of its last write; zero: not known
	CoordinatorEpoch int32     // -1: it never wrote in a transaction
	TxnStart         int64     // first offset of its open transaction; -1: none is open
}

// DescribeProducers is the request to describe a partition's producers.
type DescribeProducers struct {
	Topic      string
	Partitions []int32 // nil: all
}

func (d DescribeProducers) command(to addressee) Command {
	klab := []string{"txn", "producers", d.Topic}
	kafka := []string{"describe-producers", "--topic", d.Topic}
	for _, id := range d.Partitions {
		klab, kafka = append(klab, "--partition", strconv.Itoa(int(id))), append(kafka, "--partition", strconv.Itoa(int(id)))
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-transactions.sh", kafka...)}
}

// Producers lists the producers that wrote to a topic's partitions, as the leaders remember them. Beside an error it lists those
// of the partitions that answered.
func (c *Cluster) Producers(ctx context.Context, d DescribeProducers) (list []Producer, err error) {
	err = c.administer(ctx, d, "describe producers of "+d.Topic, func(ctx context.Context, adm *kadm.Client) error {
		ids, err := partitionsOf(ctx, adm, d.Topic, d.Partitions)
		if err != nil {
			return err
		}
		var set kadm.TopicsSet
		set.Add(d.Topic, ids...)
		list, err = describeProducers(ctx, adm, set)
		return err
	})
	return list, err
}

// describeProducers asks the leaders; the error is that of those that did not answer, else the first of a partition.
func describeProducers(ctx context.Context, adm *kadm.Client, set kadm.TopicsSet) (list []Producer, err error) {
	described, err := adm.DescribeProducers(ctx, set)
	described.EachPartition(func(p kadm.DescribedProducersPartition) {
		if p.Err != nil && err == nil {
			err = fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, withMessage(p.Err, p.ErrMessage))
		}
		for _, a := range p.ActiveProducers {
			x := Producer{
				Topic: a.Topic, Partition: a.Partition, ID: a.ProducerID, Epoch: a.ProducerEpoch, LastSequence: a.LastSequence,
				CoordinatorEpoch: a.CoordinatorEpoch, TxnStart: a.CurrentTxnStartOffset,
			}
			if a.LastTimestamp >= 0 {
				x.LastTime = time.UnixMilli(a.LastTimestamp)
			}
			list = append(list, x)
		}
	})
	slices.SortFunc(list, func(a, b Producer) int {
		if n := strings.Compare(a.Topic, b.Topic); n != 0 {
			return n
		}
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(min(max(a.ID-b.ID, -1), 1))
	})
	return list, err
}
