package cluster

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// GroupRead says what to read as a member of a group.
type GroupRead struct {
	Group      string
	Topic      string
	InstanceID string   // group.instance.id; empty: a dynamic member
	From       Position // where a partition begins that has no committed offset: the beginning or the end
	Max        int64    // end after so many records; 0: no bound
	Follow     bool     // go on until the context ends; else end when nothing comes for a while
	Committed  bool     // isolation level read_committed

	// Waiting is as in ReadRequest.
	Waiting func() error
}

func (r GroupRead) command(to addressee) Command {
	klab, kafka := []string{"consume", r.Topic, "--group", r.Group}, []string{"--topic", r.Topic, "--group", r.Group}
	if r.From.kind == startBeginning {
		kafka = append(kafka, "--from-beginning")
	}
	if r.Max > 0 {
		n := strconv.FormatInt(r.Max, 10)
		klab, kafka = append(klab, "--max", n), append(kafka, "--max-messages", n)
	}
	if r.Follow {
		klab = append(klab, "--follow")
	}
	if r.Committed {
		klab, kafka = append(klab, readCommitted...), append(kafka, readCommitted...)
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-console-consumer.sh", kafka...)}
}

// groupQuiet is how long a member without Follow waits for a record before it leaves: joining takes its time.
const groupQuiet = 5 * time.Second

// ReadAsGroup joins a group, yields what it is assigned, and commits what was yielded: every five seconds, before a
// rebalance and when it leaves. Records may come twice after a crash, none is lost.
func (c *Cluster) ReadAsGroup(ctx context.Context, r GroupRead) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		client, err := c.joinGroup(r)
		if err != nil {
			yield(Record{}, fmt.Errorf("cannot read topic %s as group %s: %w", r.Topic, r.Group, err))
			return
		}
		defer leaveGroup(client)
		for read := int64(0); ; {
			if r.Waiting != nil {
				if err := r.Waiting(); err != nil {
					yield(Record{}, err)
					return
				}
			}
			fetches, ended := pollGroup(ctx, client, r.Follow)
			if err := fatal(fetches); err != nil {
				yield(Record{}, fmt.Errorf("cannot read topic %s as group %s: %w", r.Topic, r.Group, c.explain(err)))
				return
			}
			for rec := range fetches.RecordsAll() {
				client.MarkCommitRecords(rec)
				if read++; !yield(fromKgo(rec), nil) || read == r.Max {
					return
				}
			}
			if ended || ctx.Err() != nil {
				return
			}
		}
	}
}

func (c *Cluster) joinGroup(r GroupRead) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(r.Group), kgo.ConsumeTopics(r.Topic), kgo.ConsumeResetOffset(r.From.kgo()), kgo.AutoCommitMarks(),
		kgo.BlockRebalanceOnPoll(), kgo.FetchMaxWait(500 * time.Millisecond),
	}
	if r.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(r.InstanceID))
	}
	if r.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return c.newClient(opts...)
}

func pollGroup(ctx context.Context, client *kgo.Client, follow bool) (fetches kgo.Fetches, ended bool) {
	defer client.AllowRebalance()
	if follow {
		return client.PollFetches(ctx), false
	}
	wait, cancel := context.WithTimeout(ctx, groupQuiet)
	defer cancel()
	fetches = client.PollFetches(wait)
	return fetches, fetches.NumRecords() == 0 && wait.Err() != nil
}

// leaveGroup commits and leaves, also when the reading was interrupted.
func leaveGroup(client *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), groupQuiet)
	defer cancel()
	client.AllowRebalance()
	_ = client.CommitMarkedOffsets(ctx) // what is not committed comes again
	client.CloseAllowingRebalance()
}
