package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
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
	if r.Partition != nil {
		klab = append(klab, "--partition", strconv.Itoa(int(*r.Partition)))
	}
	for _, h := range r.Headers {
		klab = append(klab, "--header", h.Key+"="+string(h.Value))
	}
	in := r.line()
	if in.separator != "" {
		klab = append(klab, "--key-separator", in.separator)
		kafka = append(kafka, "--property", "parse.key=true", "--property", "key.separator="+in.separator)
	}
	if in.null != "" {
		klab, kafka = append(klab, "--null-marker", in.null), append(kafka, "--property", "null.marker="+in.null)
	}
	if strings.ContainsAny(in.text, "\r\n") {
		const none = "# no line of input is this record: its key or value has line breaks"
		return Command{Klab: none, Kafka: none}
	}
	typed := in.typed() + " | "
	return Command{Klab: typed + to.klab(klab...), Kafka: typed + to.kafka("kafka-console-producer.sh", kafka...)}
}

// recordLine is a record as a line of input, and how that is taken apart.
type recordLine struct {
	text      string
	separator string // of key and value; empty: the record has no key
	null      string // what stands for null; empty: the value is none
}

func (r NewRecord) line() recordLine {
	in := recordLine{text: string(r.Value)}
	if r.Value == nil {
		for n := 0; in.null == "" || in.null == string(r.Key); n++ {
			in.null = "NULL" + strings.TrimPrefix(strconv.Itoa(n), "0")
		}
		in.text = in.null
	}
	if r.Key != nil {
		in.separator = separatorOf(string(r.Key), in.text)
		in.text = string(r.Key) + in.separator + in.text
	}
	return in
}

// typed is the command that writes the line. Shells differ in what echo does with a backslash, or a dash at the beginning.
func (in recordLine) typed() string {
	if strings.HasPrefix(in.text, "-") || strings.Contains(in.text, `\`) {
		return line("printf", `%s\n`, in.text)
	}
	return line("echo", in.text)
}

// separators are those to choose from, the customary first.
var separators = []string{":", "|", ";", "=", ",", "/", "#", "~", "^"}

// separatorOf is one at whose first place in the line the key ends.
func separatorOf(key, value string) string {
	ends := func(s string) bool { return strings.Index(key+s+value, s) == len(key) }
	for _, s := range separators {
		if ends(s) {
			return s
		}
	}
	for n := 1; ; n++ {
		if s := fmt.Sprintf("<%d>", n); ends(s) {
			return s
		}
	}
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
