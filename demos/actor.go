package demos

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"klab/cluster"
)

// settings are an actor's, read from its set table.
type settings struct {
	acks      cluster.Acks
	perSecond float64 // 0: only what producer.write asks for
	keys      bool    // numbered keys; without, null
	from      cluster.Position
}

func actorSettings(a ActorSpec) (settings, error) {
	s := settings{acks: cluster.AcksAll, keys: true, from: cluster.FromBeginning()}
	for key, value := range a.Set {
		var err error
		switch a.Kind + "." + key {
		case "producer.acks":
			s.acks, err = cluster.ParseAcks(value)
		case "producer.rate":
			s.perSecond, err = strconv.ParseFloat(strings.TrimSuffix(value, "/s"), 64)
			if err == nil && (s.perSecond <= 0 || s.perSecond > 10_000) {
				err = fmt.Errorf("rate %s is not within 0 and 10000/s", value)
			}
		case "producer.keys":
			s.keys = value == "seq"
			if value != "seq" && value != "none" {
				err = fmt.Errorf("keys %s is neither seq nor none", value)
			}
		case "reader.from":
			s.from, err = cluster.ParsePosition(value, time.Now())
		default:
			err = fmt.Errorf("a %s has no setting %s", a.Kind, key)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// numbered is the value of a producer's record.
type numbered struct {
	ID int64 `json:"id"`
}

// producer writes numbered records and keeps the ledger of what became of them.
type producer struct {
	topic  string
	set    settings
	writer *cluster.Writer

	mu      sync.Mutex
	ledger  *ledger
	next    int64
	factor  float64 // of the step, on the rate
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

func openProducer(c *cluster.Cluster, spec ActorSpec, topic string) (*producer, error) {
	set, err := actorSettings(spec)
	if err != nil {
		return nil, err
	}
	writer, err := c.OpenWriter(cluster.WriterOptions{Acks: set.acks})
	if err != nil {
		return nil, fmt.Errorf("cannot start producer %s: %w", spec.ID, err)
	}
	return &producer{topic: topic, set: set, writer: writer, ledger: newLedger(), factor: 1}, nil
}

// start writes at the set rate until pause; a producer without a rate has nothing to start.
func (p *producer) start(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil || p.set.perSecond == 0 {
		return
	}
	ctx, p.stop = context.WithCancel(ctx)
	p.stopped.Go(func() { p.run(ctx) })
}

func (p *producer) run(ctx context.Context) {
	for {
		p.mu.Lock()
		pause := time.Duration(float64(time.Second) / (p.set.perSecond * p.factor))
		p.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		p.send(context.WithoutCancel(ctx)) // a stop ends the writing; what was sent before meets its fate
	}
}

func (p *producer) send(ctx context.Context) {
	p.mu.Lock()
	number := p.next
	p.next++
	p.mu.Unlock()
	value, _ := json.Marshal(numbered{number}) // a struct of one integer cannot fail
	record := cluster.NewRecord{Topic: p.topic, Value: value}
	if p.set.keys {
		record.Key = fmt.Appendf(nil, "order-%d", number)
	}
	p.writer.Send(ctx, record, func(ack cluster.Ack, err error) { p.settle(number, ack, err) })
}

func (p *producer) settle(number int64, ack cluster.Ack, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.ledger.refused++
		p.ledger.refusal = err
		return
	}
	p.ledger.acked(number, ack.Partition, ack.Offset, ack.At)
}

// write sends count records and waits for their fate.
func (p *producer) write(ctx context.Context, count int) error {
	for range count {
		p.send(ctx)
	}
	return p.writer.Flush(ctx)
}

// pause stops writing and waits until what was sent has met its fate.
func (p *producer) pause(ctx context.Context) error {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	p.stopped.Wait()
	err := p.writer.Flush(ctx)
	p.mu.Lock()
	p.ledger.rest()
	p.mu.Unlock()
	return err
}

func (p *producer) stepBegins(factor float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.factor = factor
	p.ledger.stepBegins()
}

func (p *producer) close() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
	p.stopped.Wait()
	p.writer.Close()
}

// reader reads its topic on, from a position of its own, and remembers what it saw.
type reader struct {
	cluster    *cluster.Cluster
	topic      string
	partitions int
	from       cluster.Position

	mu      sync.Mutex
	reading *reading
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

func openReader(c *cluster.Cluster, spec ActorSpec, topic string, partitions int) (*reader, error) {
	set, err := actorSettings(spec)
	if err != nil {
		return nil, err
	}
	return &reader{cluster: c, topic: topic, partitions: partitions, from: set.from, reading: newReading()}, nil
}

func (r *reader) start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return
	}
	ctx, r.stop = context.WithCancel(ctx)
	from := r.from
	for partition := range int32(r.partitions) {
		r.stopped.Go(func() { r.run(ctx, partition, from) })
	}
}

// run follows one partition. An error ends one reading; the next goes on where it ended, after a moment.
func (r *reader) run(ctx context.Context, partition int32, from cluster.Position) {
	for ctx.Err() == nil {
		request := cluster.ReadRequest{Topic: r.topic, Partitions: []int32{partition}, From: from, Follow: true}
		for record, err := range r.cluster.Read(ctx, request) {
			if err != nil {
				break
			}
			var n numbered
			if json.Unmarshal(record.Value, &n) != nil {
				continue
			}
			r.mu.Lock()
			r.reading.record(record.Partition, record.Offset, n.ID)
			r.mu.Unlock()
			from = cluster.FromOffset(record.Offset + 1)
		}
		retry := time.NewTimer(100 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-retry.C:
		}
		retry.Stop()
	}
}

func (r *reader) halt() {
	r.mu.Lock()
	stop := r.stop
	r.stop = nil
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
	r.stopped.Wait()
}

// seek goes on reading from another position.
func (r *reader) seek(ctx context.Context, to cluster.Position) {
	r.mu.Lock()
	running := r.stop != nil
	r.mu.Unlock()
	r.halt()
	r.mu.Lock()
	r.from = to
	clear(r.reading.next)
	r.mu.Unlock()
	if running {
		r.start(ctx)
	}
}
