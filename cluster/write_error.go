package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// WriteError is why a record was not acknowledged.
type WriteError struct {
	Topic     string
	Partition int32 // -1: none was chosen yet
	Err       error // Kafka's, or context.DeadlineExceeded: whether the record was written is not known then
	why       string
}

func (e *WriteError) Unwrap() error { return e.Err }

func (e *WriteError) Error() string {
	where := e.Topic
	if e.Partition >= 0 {
		where = fmt.Sprintf("%s/%d", e.Topic, e.Partition)
	}
	switch {
	case e.why != "":
		return fmt.Sprintf("cannot write to %s: not acknowledged in time: %s", where, e.why)
	case errors.Is(e.Err, context.DeadlineExceeded):
		return fmt.Sprintf("cannot write to %s: not acknowledged in time, and perhaps written", where)
	}
	return fmt.Sprintf("cannot write to %s: %v", where, e.Err)
}

// explainWithin bounds the requests that find out why a record was not acknowledged.
const explainWithin = 2 * time.Second

// Explain adds to an error of a record that was retried in vain what the cluster shows now: a partition without leader, or
// one whose ISR is too small for acks=all. Other errors are returned as they are. It also works when ctx has ended.
func (w *Writer) Explain(ctx context.Context, err error) error {
	failed, ok := errors.AsType[*WriteError](err)
	if !ok || !errors.Is(failed.Err, context.DeadlineExceeded) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), explainWithin)
	defer cancel()
	explained := *failed
	explained.why = w.cluster.whyUnacknowledged(ctx, failed, w.acks)
	return &explained
}

func (c *Cluster) whyUnacknowledged(ctx context.Context, e *WriteError, acks Acks) string {
	m, from, err := hedged(ctx, c.askFirst(), c.askMetadata)
	if err != nil {
		return "no broker answers at " + c.Bootstrap()
	}
	c.learn(m, from, nil)
	c.publish()
	p, ok := c.Snapshot().Partition(e.Topic, e.Partition)
	switch {
	case !ok:
		return ""
	case p.Leader < 0:
		return "the partition has no leader"
	case !c.answers(ctx, p.Leader):
		return fmt.Sprintf("the partition's leader, broker %d, does not answer from here", p.Leader)
	case acks != AcksAll:
		return ""
	}
	if need := c.minISR(ctx, e.Topic); len(p.ISR) < need {
		return fmt.Sprintf("NOT_ENOUGH_REPLICAS: %d in the ISR, and with acks=all min.insync.replicas asks for %d", len(p.ISR), need)
	}
	return ""
}

// answers says whether a broker does, at the address that it tells clients to use.
func (c *Cluster) answers(ctx context.Context, broker int32) bool {
	at, err := c.addressOf(ctx, broker)
	if err == nil {
		_, err = c.askMetadata(ctx, at)
	}
	return err == nil
}

// minISR is a topic's min.insync.replicas, or -1 when no broker says.
func (c *Cluster) minISR(ctx context.Context, topic string) int {
	configs, _, err := hedged(ctx, c.askFirst(), func(ctx context.Context, address string) ([]ConfigEntry, error) {
		return c.askConfigsOf(ctx, address, TopicResource(topic), nil)
	})
	if err != nil {
		return Unknown
	}
	for _, entry := range configs {
		if n, err := strconv.Atoi(entry.Value); err == nil && entry.Name == "min.insync.replicas" {
			return n
		}
	}
	return Unknown
}
