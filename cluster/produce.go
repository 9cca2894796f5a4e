package cluster

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// ProduceRequest is a number of records to write to one topic, and how.
type ProduceRequest struct {
	Topic   string
	Records []NewRecord // their Topic may be empty
	Acks    Acks
	Codec   Codec
	Timeout time.Duration // give a record up after this; 0: 30 s
}

// ProduceResult says what became of the records.
type ProduceResult struct {
	Acks    []Ack // one for each record, in their order; only meaningful where Errs has none
	Errs    []error
	Written int // acknowledged
	Bytes   int // payload bytes handed over
	Took    time.Duration
	Retries int64 // batches that were sent again
}

func (p ProduceRequest) command(to addressee) Command {
	klab := []string{"produce", p.Topic}
	kafka := []string{"--topic", p.Topic}
	if p.Acks != "" && p.Acks != AcksAll {
		klab, kafka = append(klab, "--acks", string(p.Acks)), append(kafka, "--request-required-acks", string(p.Acks))
	}
	if p.Codec != "" && p.Codec != NoCodec {
		klab, kafka = append(klab, "--codec", string(p.Codec)), append(kafka, "--compression-codec", string(p.Codec))
	}
	if len(p.Records) != 1 {
		return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-console-producer.sh", kafka...)}
	}
	r := p.Records[0]
	value := string(r.Value)
	if r.Partition != nil {
		klab = append(klab, "--partition", strconv.Itoa(int(*r.Partition)))
	}
	for _, h := range r.Headers {
		klab = append(klab, "--header", h.Key+"="+string(h.Value))
	}
	if r.Key != nil {
		value = string(r.Key) + ":" + value
		klab = append(klab, "--key-separator", ":")
		kafka = append(kafka, "--property", "parse.key=true", "--property", "key.separator=:")
	}
	echo := line("echo", value) + " | "
	return Command{Klab: echo + to.klab(klab...), Kafka: echo + to.kafka("kafka-console-producer.sh", kafka...)}
}

// Produce writes the records and waits for all of them. The error is that of the first record that failed; the result is
// filled either way.
func (c *Cluster) Produce(ctx context.Context, p ProduceRequest) (ProduceResult, error) {
	var result ProduceResult
	err := c.perform(ctx, p, func(ctx context.Context) error {
		if p.Timeout == 0 {
			p.Timeout = operationTimeout
		}
		w, err := c.OpenWriter(WriterOptions{Acks: p.Acks, Codec: p.Codec, Timeout: p.Timeout})
		if err != nil {
			return err
		}
		defer w.Close()
		result = w.writeAll(ctx, p)
		for _, err := range result.Errs {
			if err != nil {
				return w.Explain(ctx, err)
			}
		}
		return nil
	})
	return result, err
}

func (w *Writer) writeAll(ctx context.Context, p ProduceRequest) ProduceResult {
	result := ProduceResult{Acks: make([]Ack, len(p.Records)), Errs: make([]error, len(p.Records))}
	start := time.Now()
	var pending sync.WaitGroup
	for i, r := range p.Records {
		r.Topic = p.Topic
		result.Bytes += len(r.Key) + len(r.Value)
		pending.Add(1)
		w.Send(ctx, r, func(ack Ack, err error) {
			result.Acks[i], result.Errs[i] = ack, err
			pending.Done()
		})
	}
	pending.Wait()
	result.Took = time.Since(start)
	for _, err := range result.Errs {
		if err == nil {
			result.Written++
		}
	}
	result.Retries = w.Retries()
	return result
}
