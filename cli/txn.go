package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newTxn(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "txn", Short: "list and describe transactions, find and abort hanging ones", Args: cobra.NoArgs}
	cmd.AddCommand(newTxnList(a), newTxnDescribe(a), newTxnProducers(a), newTxnFindHanging(a), newTxnAbort(a))
	return requireSubcommand(cmd)
}

type txnLine struct {
	ID          string `json:"transactional_id"`
	State       string `json:"state"`
	ProducerID  int64  `json:"producer_id"`
	Coordinator int32  `json:"coordinator"`
}

func newTxnList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "list the transactional ids of every coordinator", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				list, failed := c.Transactions(cmd.Context())
				if failed != nil && len(list) == 0 {
					return failed
				}
				lines, rows := []txnLine{}, [][]string{}
				for _, t := range list {
					lines = append(lines, txnLine{t.ID, t.State, t.ProducerID, t.Coordinator})
					rows = append(rows, []string{t.ID, t.State, number(t.ProducerID), number(t.Coordinator)})
				}
				return errors.Join(a.out.tableOr(lines, []string{"TRANSACTIONAL ID", "STATE", ">PRODUCER ID", ">COORDINATOR"}, rows), failed)
			})
		},
	}
	a.outputFlag(cmd)
	return cmd
}

type txnDetail struct {
	txnLine
	Epoch      int16              `json:"producer_epoch"`
	TimeoutMs  int64              `json:"timeout_ms"`
	Start      *time.Time         `json:"started_at"` // null: no transaction is open
	Partitions map[string][]int32 `json:"partitions"`
}

func newTxnDescribe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe TRANSACTIONAL-ID", Short: "show a transaction's state, timeout, start and partitions", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				t, err := c.Transaction(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printTxn(t)
			})
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func (a *app) printTxn(t cluster.Transaction) error {
	d := txnDetail{txnLine: txnLine{t.ID, t.State, t.ProducerID, t.Coordinator}, Epoch: t.Epoch, TimeoutMs: t.Timeout.Milliseconds(), Partitions: map[string][]int32{}}
	started := "-"
	if !t.Start.IsZero() {
		d.Start = &t.Start
		started = t.Start.Local().Format(time.DateTime) + ", " + time.Since(t.Start).Round(time.Second).String() + " ago"
	}
	var partitions []string
	for _, s := range t.Partitions {
		d.Partitions[s.Topic] = s.Partitions
		partitions = append(partitions, s.Topic+":"+ids(s.Partitions))
	}
	if a.out.json {
		return a.out.value(d)
	}
	return a.out.table([]string{"TRANSACTIONAL ID", "STATE", ">COORDINATOR", ">PRODUCER ID", ">EPOCH", ">TIMEOUT", "STARTED", "PARTITIONS"}, [][]string{{
		t.ID, t.State, number(t.Coordinator), number(t.ProducerID), number(int32(t.Epoch)), t.Timeout.String(), started, or(strings.Join(partitions, " "), "-"),
	}})
}

type producerLine struct {
	Topic            string     `json:"topic"`
	Partition        int32      `json:"partition"`
	ProducerID       int64      `json:"producer_id"`
	Epoch            int16      `json:"producer_epoch"`
	LastSequence     int32      `json:"last_sequence"`
	LastTime         *time.Time `json:"last_timestamp"`
	CoordinatorEpoch int32      `json:"coordinator_epoch"`
	TxnStart         int64      `json:"transaction_start_offset"` // -1: none is open
	TransactionalID  string     `json:"transactional_id,omitempty"`
}

func producerOf(p cluster.Producer) (producerLine, []string) {
	l := producerLine{p.Topic, p.Partition, p.ID, p.Epoch, p.LastSequence, nil, p.CoordinatorEpoch, p.TxnStart, ""}
	last := "-"
	if !p.LastTime.IsZero() {
		l.LastTime = &p.LastTime
		last = p.LastTime.Local().Format(time.DateTime)
	}
	return l, []string{p.Topic, number(p.Partition), number(p.ID), number(int32(p.Epoch)), number(p.LastSequence), last, number(p.CoordinatorEpoch), number(p.TxnStart)}
}

var producerHeader = []string{"TOPIC", ">PARTITION", ">PRODUCER ID", ">EPOCH", ">LAST SEQUENCE", "LAST WRITE", ">COORDINATOR EPOCH", ">TXN START"}

func newTxnProducers(a *app) *cobra.Command {
	var partitions []int32
	cmd := &cobra.Command{
		Use: "producers TOPIC", Short: "show the producers that a topic's leaders remember", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				list, failed := c.Producers(cmd.Context(), cluster.DescribeProducers{Topic: args[0], Partitions: partitions})
				if failed != nil && len(list) == 0 {
					return failed
				}
				lines, rows := []producerLine{}, [][]string{}
				for _, p := range list {
					l, row := producerOf(p)
					lines, rows = append(lines, l), append(rows, row)
				}
				return errors.Join(a.out.tableOr(lines, producerHeader, rows), failed)
			})
		},
	}
	cmd.Flags().Int32SliceVar(&partitions, "partition", nil, "only these partitions (else all)")
	a.outputFlag(cmd)
	return cmd
}

func newTxnFindHanging(a *app) *cobra.Command {
	f := cluster.FindHanging{}
	cmd := &cobra.Command{
		Use: "find-hanging [TOPIC…]", Short: "find open transactions that no coordinator will end", Args: cobra.ArbitraryArgs, ValidArgsFunction: a.topicNames,
		Long: "Finds transactions that are open in a partition for longer than any may be and that their coordinator does not know:\n" +
			"they hold up read_committed consumers and compaction. klab txn abort ends one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Topics = args
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				found, failed := c.FindHanging(cmd.Context(), f)
				if failed != nil && len(found) == 0 {
					return failed
				}
				lines, rows := []producerLine{}, [][]string{}
				for _, h := range found {
					l, row := producerOf(h.Producer)
					l.TransactionalID = h.TransactionalID
					lines, rows = append(lines, l), append(rows, row)
				}
				if len(found) == 0 && !a.out.json {
					return a.out.line("no hanging transaction")
				}
				return errors.Join(a.out.tableOr(lines, producerHeader, rows), failed)
			})
		},
	}
	cmd.Flags().DurationVar(&f.MaxTimeout, "max-timeout", cluster.DefaultTxnTimeout, "transaction.max.timeout.ms of the brokers: younger transactions are left alone")
	a.outputFlag(cmd)
	return cmd
}

func newTxnAbort(a *app) *cobra.Command {
	r := cluster.AbortTransaction{Partition: -1, Start: -1}
	cmd := &cobra.Command{
		Use: "abort TOPIC --partition N --start-offset N", Short: "abort a hanging transaction in one partition", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		Long: "Writes an abort marker for the transaction that begins at this offset. Its coordinator is not asked: do it only to one\n" +
			"that klab txn find-hanging finds.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.Topic = args[0]; r.Partition < 0 || r.Start < 0 {
				return badInput("cannot abort a transaction of %s: give --partition and --start-offset, as klab txn find-hanging prints them", args[0])
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				if err := c.AbortTransaction(cmd.Context(), r); err != nil {
					return err
				}
				return a.out.line("aborted the transaction at offset %d of %s/%d", r.Start, a.out.text(r.Topic), r.Partition)
			})
		},
	}
	cmd.Flags().Int32Var(&r.Partition, "partition", -1, "the partition")
	cmd.Flags().Int64Var(&r.Start, "start-offset", -1, "the transaction's first offset")
	return cmd
}
