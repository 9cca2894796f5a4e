package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

// maxLine bounds one line of input, in bytes: above Kafka's default message.max.bytes, so that the broker is the one to refuse.
const maxLine = 16 << 20

type produceFlags struct {
	separator, null string
	headers         []string
	partition       int32
	acks, codec     string
	timeout         time.Duration
	linger          time.Duration
	transactional   string
	abort           bool
}

func newProduce(a *app) *cobra.Command {
	var f produceFlags
	cmd := &cobra.Command{
		Use: "produce TOPIC", Short: "write the lines of standard input, one record a line", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		Example: "  echo 'order-17:paid' | klab produce orders --key-separator :",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := f.parse(args[0], cmd.Flags().Changed("partition"), cmd.Flags().Changed("null-marker"))
			if err != nil {
				return inputError{err}
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.produce(cmd.Context(), c, p) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.separator, "key-separator", "", "what divides key and value in a line; a line without it has a null key")
	flags.StringVar(&f.null, "null-marker", "", "a key or value equal to this is null")
	flags.StringArrayVar(&f.headers, "header", nil, "key=value, a header of every record; may be repeated")
	flags.Int32Var(&f.partition, "partition", 0, "write to this partition (else by the key's hash)")
	flags.StringVar(&f.acks, "acks", "all", "0, 1 or all: who must have a record before it counts as written")
	flags.StringVar(&f.codec, "codec", "none", "none, gzip, snappy, lz4 or zstd")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "give a record up after this")
	flags.DurationVar(&f.linger, "linger", 0, "wait this long for a batch to fill")
	flags.StringVar(&f.transactional, "transactional-id", "", "write all lines in one transaction of this transactional.id, committed at the end of input")
	flags.BoolVar(&f.abort, "abort", false, "with --transactional-id: abort it instead")
	fixed := func(name string, values ...string) {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("acks", "0", "1", "all")
	fixed("codec", "none", "gzip", "snappy", "lz4", "zstd")
	a.outputFlag(cmd)
	return cmd
}

// producing is a checked request to produce.
type producing struct {
	template  cluster.NewRecord // topic, partition and headers of every record
	separator string
	null      *string
	options   cluster.WriterOptions
	abort     bool // the transaction, at its end
}

func (f produceFlags) parse(topic string, toPartition, nulls bool) (producing, error) {
	p := producing{template: cluster.NewRecord{Topic: topic}, separator: f.separator}
	var err error
	if p.options.Acks, err = cluster.ParseAcks(f.acks); err != nil {
		return p, err
	}
	if p.options.Codec, err = cluster.ParseCodec(f.codec); err != nil {
		return p, err
	}
	p.options.Timeout, p.options.Linger = f.timeout, f.linger
	p.options.TransactionalID, p.abort = f.transactional, f.abort
	if f.abort && f.transactional == "" {
		return p, errors.New("cannot abort: --abort needs a --transactional-id")
	}
	if f.transactional != "" && f.acks != "all" {
		return p, fmt.Errorf("cannot write in a transaction with --acks %s: it takes all", f.acks)
	}
	for _, h := range f.headers {
		key, value, ok := strings.Cut(h, "=")
		if !ok {
			return p, fmt.Errorf("cannot use --header %q: give key=value", h)
		}
		p.template.Headers = append(p.template.Headers, cluster.Header{Key: key, Value: []byte(value)})
	}
	if toPartition {
		if f.partition < 0 {
			return p, fmt.Errorf("cannot write to partition %d: partitions count from 0", f.partition)
		}
		p.template.Partition = &f.partition
	}
	if nulls {
		p.null = &f.null
	}
	return p, nil
}

// record makes a record of a line.
func (p producing) record(line string) cluster.NewRecord {
	r := p.template
	value := line
	if p.separator != "" {
		if key, rest, ok := strings.Cut(line, p.separator); ok {
			r.Key, value = p.bytes(key), rest
		}
	}
	r.Value = p.bytes(value)
	return r
}

func (p producing) bytes(s string) []byte {
	if p.null != nil && s == *p.null {
		return nil
	}
	return []byte(s)
}

// produced is the line of result.
type produced struct {
	Records int64   `json:"records"`
	Failed  int64   `json:"failed"`
	Bytes   int64   `json:"bytes"`
	Ms      float64 `json:"ms"`
	Retries int64   `json:"retries"`
	Aborted bool    `json:"aborted,omitempty"` // the transaction of these records
}

// tally collects the fates of records; the writer calls it from its own goroutine.
type tally struct {
	mu     sync.Mutex
	done   produced
	first  error
	broken chan struct{} // closed at the first failure
}

func newTally() *tally { return &tally{broken: make(chan struct{})} }

func (t *tally) fate(_ cluster.Ack, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.done.Records++
		return
	}
	if t.done.Failed++; t.first == nil {
		t.first = err
		close(t.broken)
	}
}

// afterInterrupt is how long what was begun may take to end once a person interrupts.
const afterInterrupt = 5 * time.Second

// outlasting is a context that ends so much later than ctx.
func outlasting(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return late, func() {
		stop()
		cancel()
	}
}

func (a *app) produce(ctx context.Context, c *cluster.Cluster, p producing) error {
	if err := a.checkTopic(ctx, c, p.template); err != nil {
		return err
	}
	w, err := c.OpenWriter(p.options)
	if err != nil {
		return err
	}
	defer w.Close()
	if p.options.TransactionalID != "" {
		if err := w.Begin(); err != nil {
			return err
		}
	}
	t := newTally()
	start := time.Now()
	late, cancel := outlasting(ctx, afterInterrupt)
	defer cancel()
	bytes, readErr := a.sendLines(ctx, late, w, p, t)
	endErr, aborted := w.Flush(late), false
	if p.options.TransactionalID != "" {
		aborted = p.abort || readErr != nil || endErr != nil || t.failed()
		endErr = cmp.Or(w.End(late, !aborted), endErr)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done.Bytes, t.done.Retries, t.done.Aborted = bytes, w.Retries(), aborted && endErr == nil
	t.done.Ms = float64(time.Since(start).Microseconds()) / 1000
	if err := a.report(t.done); err != nil {
		return err
	}
	if late.Err() != nil {
		return givenUp(p.options.TransactionalID)
	}
	return cmp.Or(w.Explain(ctx, t.first), endErr, readErr)
}

// givenUp is the error of an interrupt after which the cluster did not answer in time.
func givenUp(transaction string) error {
	if transaction == "" {
		return errors.New("interrupted, and not all was acknowledged in time: what is not counted may be written all the same")
	}
	return fmt.Errorf("interrupted, and transaction %s could not be aborted in time: its coordinator aborts it after its timeout, see klab txn describe %s", transaction, transaction)
}

// checkTopic finds out before anything is read whether there is somewhere to write to.
func (a *app) checkTopic(ctx context.Context, c *cluster.Cluster, r cluster.NewRecord) error {
	s, err := c.Glance(ctx)
	if err != nil {
		return err
	}
	t, ok := s.Topic(r.Topic)
	if !ok {
		return a.noTopic(r.Topic)
	}
	if r.Partition != nil && int(*r.Partition) >= len(t.Partitions) {
		return badInput("cannot write to partition %d of topic %s: it has partitions 0 to %d", *r.Partition, r.Topic, len(t.Partitions)-1)
	}
	return nil
}

// sendLines hands every line of the input to the writer, until the input or ctx ends or a record fails. What was handed over is
// not given up before late ends.
func (a *app) sendLines(ctx, late context.Context, w *cluster.Writer, p producing, t *tally) (bytes int64, err error) {
	lines, failed := a.readLines(ctx)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return bytes, <-failed
			}
			r := p.record(line)
			bytes += int64(len(r.Key) + len(r.Value))
			w.Send(late, r, t.fate)
		case <-t.broken:
			return bytes, nil
		case <-ctx.Done():
			return bytes, errInterrupted
		}
	}
}

// readLines reads standard input in a goroutine of its own, which nobody can call back from a read that waits: it ends with the
// process, or with the line that it reads next after ctx. failed gets the error, or nil, before lines is closed.
func (a *app) readLines(ctx context.Context) (lines <-chan string, failed <-chan error) {
	read, ended := make(chan string, 256), make(chan error, 1)
	go func() {
		defer close(read)
		scanner := bufio.NewScanner(a.in)
		scanner.Buffer(make([]byte, 64<<10), maxLine)
		for scanner.Scan() {
			select {
			case read <- scanner.Text():
			case <-ctx.Done():
				ended <- errInterrupted
				return
			}
		}
		ended <- readError(scanner.Err())
	}()
	return read, ended
}

func readError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bufio.ErrTooLong):
		return badInput("cannot read standard input: a line is longer than %d bytes", maxLine)
	}
	return fmt.Errorf("cannot read standard input: %w", err)
}

func (t *tally) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first != nil
}

func (a *app) report(r produced) error {
	if a.out.json {
		return a.out.value(r)
	}
	failed := ""
	if r.Failed > 0 {
		failed = fmt.Sprintf(", %d failed", r.Failed)
	}
	aborted := ""
	if r.Aborted {
		aborted = ", transaction aborted"
	}
	return a.out.line("%s%s%s, %s, %s", count(r.Records, "record", "records"), failed, aborted, millis(time.Duration(r.Ms*float64(time.Millisecond))), count(r.Retries, "retry", "retries"))
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
