package broker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// groupLab is three brokers, a topic of six partitions, and fast groups.
func groupLab(t *testing.T, props ...string) *lab {
	t.Helper()
	l := newLab(t, append([]string{
		"group.initial.rebalance.delay.ms", "0", "offsets.topic.num.partitions", "6", "group.min.session.timeout.ms", "500",
	}, props...)...)
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	l.createTopic("orders", 6, 3, nil)
	l.inSync("orders", 3)
	return l
}

func (l *lab) produce(topic string, n int) {
	l.t.Helper()
	c := l.client()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for i := range n {
		if err := c.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// consume polls until n records came.
func (l *lab) consume(c *kgo.Client, n int) (records []*kgo.Record) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 30*time.Second)
	defer cancel()
	for len(records) < n {
		f := c.PollFetches(ctx)
		if ctx.Err() != nil {
			l.t.Fatalf("%d of %d records came: %v", len(records), n, f.Errors())
		}
		records = append(records, f.Records()...)
	}
	return records
}

func TestAGroupConsumesCommitsAndResumes(t *testing.T) {
	l := groupLab(t)
	l.produce("orders", 50)
	first := l.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
	l.consume(first, 50)
	if err := first.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	l.produce("orders", 7)
	second := l.client(kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.DisableAutoCommit())
	if got := l.consume(second, 7); len(got) != 7 {
		t.Errorf("the second consumer read %d records, want the 7 that the first did not commit", len(got))
	}
	lags, err := kadm.NewClient(l.client()).Lag(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	g := lags["g"]
	if g.State != "Stable" || len(g.Members) != 1 || g.Lag.Total() != 7 {
		t.Errorf("the group is %s with %d members and lag %d, want Stable with 1 and 7", g.State, len(g.Members), g.Lag.Total())
	}
}
