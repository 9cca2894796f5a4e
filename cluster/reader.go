package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadRequest says what to read of a topic.
type ReadRequest struct {
	Topic      string
	Partitions []int32 // nil: all
	From       Position
	Max        int64 // end after so many records; 0: no bound
	Follow     bool  // go on with what is written later, until the context ends
	Committed  bool  // isolation level read_committed: neither records of transactions that are open, nor of aborted ones

	// Waiting is called before each wait for more records, on the reader's goroutine: whoever collects what it writes can
	// send it now. Its error ends the reading. Nil: nobody cares.
	Waiting func() error
}

func (r ReadRequest) command(to addressee) Command {
	klab, kafka := []string{"consume", r.Topic, "--from", r.From.String()}, []string{"--topic", r.Topic}
	if len(r.Partitions) == 1 {
		id := strconv.Itoa(int(r.Partitions[0]))
		klab, kafka = append(klab, "--partition", id), append(kafka, "--partition", id)
		if r.From.kind == startOffset {
			kafka = append(kafka, "--offset", r.From.String())
		}
	}
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

// readCommitted is the flag of klab's and of Kafka's command lines.
var readCommitted = []string{"--isolation-level", "read_committed"}

// Read yields the records of a topic in the order of their offsets within each partition. Without Follow it ends at the
// end that the partitions had when it began. Nothing is dropped: a slow reader slows the reading down. It stops at the
// first error; when ctx ends there is none.
func (c *Cluster) Read(ctx context.Context, r ReadRequest) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		client, progress, err := c.openReader(ctx, r)
		if err != nil {
			yield(Record{}, fmt.Errorf("cannot read topic %s: %w", r.Topic, err))
			return
		}
		if client == nil {
			return
		}
		defer client.Close()
		for heard := time.Now(); r.Follow || !progress.done(); {
			if err := r.waiting(); err != nil {
				yield(Record{}, err)
				return
			}
			fetches, quiet := poll(ctx, client, r.Follow)
			err := fatal(fetches)
			if ctx.Err() != nil {
				err = nil // what there is by now is read
			} else if err == nil && quiet {
				err = c.closeEnded(ctx, client, r, progress, heard)
			}
			if err != nil {
				yield(Record{}, fmt.Errorf("cannot read topic %s: %w", r.Topic, err))
				return
			}
			for rec := range fetches.RecordsAll() {
				heard = time.Now()
				if !progress.take(rec) || rec.Attrs.IsControl() {
					continue
				}
				if progress.read++; !yield(fromKgo(rec), nil) || progress.read == r.Max {
					return
				}
			}
			if ctx.Err() != nil {
				return
			}
		}
	}
}

func (r ReadRequest) waiting() error {
	if r.Waiting == nil {
		return nil
	}
	return r.Waiting()
}

// poll waits for records; quiet: none came for a while.
func poll(ctx context.Context, client *kgo.Client, follow bool) (fetches kgo.Fetches, quiet bool) {
	if follow {
		return client.PollFetches(ctx), false
	}
	wait, cancel := context.WithTimeout(ctx, quietEnd)
	defer cancel()
	fetches = client.PollFetches(wait)
	return fetches, fetches.NumRecords() == 0 && wait.Err() != nil
}

// fatal returns an error that reading on does not mend.
func fatal(fetches kgo.Fetches) error {
	var found error
	fetches.EachError(func(_ string, _ int32, err error) {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return
		}
		found = err
	})
	return found
}

// progress is how far a reader has come in each partition.
type progress struct {
	follow bool
	open   map[int32]span // what is still to come
	read   int64
}

// take notes a record, and says whether it belongs to what was asked for.
func (p *progress) take(r *kgo.Record) bool {
	s, open := p.open[r.Partition]
	if p.follow {
		return true
	}
	if !open {
		return false
	}
	if p.open[r.Partition] = (span{r.Offset + 1, s.end}); r.Offset+1 >= s.end {
		delete(p.open, r.Partition)
	}
	return r.Offset < s.end
}

func (p *progress) done() bool { return len(p.open) == 0 }

// openReader makes a consumer of exactly the offsets that r asks for; nil when there is nothing to read.
func (c *Cluster) openReader(ctx context.Context, r ReadRequest) (*kgo.Client, *progress, error) {
	client, err := c.kafka()
	if err != nil {
		return nil, nil, err
	}
	resolved, rest, err := spans(ctx, kadm.NewClient(client), r)
	if err != nil {
		return nil, nil, c.explain(err)
	}
	p := &progress{follow: r.Follow, open: map[int32]span{}}
	from := map[int32]kgo.Offset{}
	for id, s := range resolved {
		if r.Follow || s.first < s.end {
			from[id], p.open[id] = kgo.NewOffset().At(s.first), s
		}
	}
	for _, id := range rest {
		if !r.Follow {
			return nil, nil, fmt.Errorf("partition %d has no leader that answers", id)
		}
		from[id] = r.From.kgo()
	}
	if len(from) == 0 {
		return nil, p, nil
	}
	opts := []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.Topic: from}),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(500 * time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
	if r.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	reader, err := c.newClient(opts...)
	if err != nil {
		return nil, nil, err
	}
	return reader, p, nil
}

// kgo is the start for a partition whose offsets could not be asked for yet.
func (s Position) kgo() kgo.Offset {
	switch s.kind {
	case startBeginning:
		return kgo.NewOffset().AtStart()
	case startOffset:
		return kgo.NewOffset().At(s.n)
	case startLast:
		return kgo.NewOffset().AtEnd().Relative(-s.n)
	case startTime:
		return kgo.NewOffset().AfterMilli(s.at.UnixMilli())
	}
	return kgo.NewOffset().AtEnd()
}
