package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestParsePosition(t *testing.T) {
	now := time.Date(2026, 1, 31, 15, 0, 0, 0, time.Local)
	for text, want := range map[string]Position{
		"beginning": FromBeginning(), "earliest": FromBeginning(), "end": FromEnd(), "latest": FromEnd(),
		"0": FromOffset(0), "17": FromOffset(17), "-5": FromLast(5), "-0": FromLast(0),
		"-30m":                 FromTime(now.Add(-30 * time.Minute)),
		"2026-01-31T12:00:00Z": FromTime(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)),
		"2026-01-30 08:15:00":  FromTime(time.Date(2026, 1, 30, 8, 15, 0, 0, time.Local)),
		"2026-01-30":           FromTime(time.Date(2026, 1, 30, 0, 0, 0, 0, time.Local)),
		"08:15:00":             FromTime(time.Date(2026, 1, 31, 8, 15, 0, 0, time.Local)),
	} {
		got, err := ParsePosition(text, now)
		if err != nil || got.kind != want.kind || got.n != want.n || !got.at.Equal(want.at) {
			t.Errorf("%q = %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParsePosition(got.String(), now); err != nil || again.kind != got.kind || again.n != got.n || !again.at.Equal(got.at) {
			t.Errorf("%q is written as %q, which reads %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "start", "1.5", "30m", "9223372036854775808"} {
		if got, err := ParsePosition(text, now); err == nil {
			t.Errorf("%q = %+v", text, got)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"beginning", "-5", "12", "2026-01-31T12:00:00Z", "-30m", "08:15:00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePosition(s, noon)
		if err != nil {
			return
		}
		if _, err := ParsePosition(p.String(), noon); err != nil && p.at.Year() <= 9999 {
			t.Errorf("%q is written as %q: %v", s, p, err)
		}
	})
}

// read collects values as "partition:value".
func read(t *testing.T, c *Cluster, r ReadRequest) []string {
	t.Helper()
	var got []string
	for rec, err := range c.Read(within(t, 10*time.Second), r) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d:%s", rec.Partition, rec.Value))
	}
	return got
}

func TestReadEndsAtTheEnd(t *testing.T) {
	c := connect(t, fakeKafka(t))
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c, ReadRequest{Topic: "orders", From: FromBeginning()}); len(got) != 0 {
		t.Errorf("an empty topic gives %v", got)
	}
	p := ProduceRequest{Topic: "orders"}
	for i := range 6 { // partition 2 stays empty
		p.Records = append(p.Records, NewRecord{Partition: new(int32(i % 2)), Value: fmt.Append(nil, i), Time: noon.Add(time.Duration(i) * time.Hour)})
	}
	if r, err := c.Produce(t.Context(), p); err != nil || r.Written != 6 || r.Retries != 0 || r.Acks[5].Offset != 2 || r.Acks[5].Partition != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, want := range []struct {
		r      ReadRequest
		values string
	}{
		{ReadRequest{Partitions: []int32{0}, From: FromBeginning()}, "0:0 0:2 0:4"},
		{ReadRequest{Partitions: []int32{1}, From: FromLast(1)}, "1:5"},
		{ReadRequest{Partitions: []int32{1}, From: FromLast(99)}, "1:1 1:3 1:5"},
		{ReadRequest{Partitions: []int32{0}, From: FromOffset(1)}, "0:2 0:4"},
		{ReadRequest{Partitions: []int32{0}, From: FromOffset(77)}, ""},
		{ReadRequest{Partitions: []int32{0}, From: FromTime(noon.Add(4 * time.Hour))}, "0:4"},
		{ReadRequest{Partitions: []int32{0}, From: FromBeginning(), Max: 2}, "0:0 0:2"},
		{ReadRequest{Partitions: []int32{2}, From: FromBeginning()}, ""},
		{ReadRequest{From: FromEnd()}, ""},
	} {
		want.r.Topic = "orders"
		if got := strings.Join(read(t, c, want.r), " "); got != want.values {
			t.Errorf("%+v: %q, want %q", want.r, got, want.values)
		}
	}
	if got := read(t, c, ReadRequest{Topic: "orders", From: FromBeginning()}); len(got) != 6 {
		t.Errorf("all partitions give %v", got)
	}
}

func TestReadFollows(t *testing.T) {
	c := connect(t, fakeKafka(t))
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write(t, c, "orders", "old")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var once sync.Once
	newer := func() { // when the reader waits, it knows where the end was
		go func() {
			_, _ = c.Produce(ctx, ProduceRequest{Topic: "orders", Records: []NewRecord{{Value: []byte("new")}}})
		}()
	}
	r := ReadRequest{Topic: "orders", From: FromEnd(), Follow: true, Waiting: func() error { once.Do(newer); return nil }}
	var got []string
	for rec, err := range c.Read(ctx, r) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(rec.Value))
		cancel() // ends the reading without error
	}
	if !slices.Equal(got, []string{"new"}) {
		t.Errorf("read %v", got)
	}
}

func TestReadErrors(t *testing.T) {
	c := connect(t, fakeKafka(t))
	for _, err := range c.Read(within(t, 5*time.Second), ReadRequest{Topic: "absent"}) {
		if !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "cannot read topic absent") {
			t.Errorf("err = %v", err)
		}
	}
	nobody, err := Connect(t.Context(), Target{Bootstrap: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer nobody.Close()
	for _, err := range nobody.Read(within(t, 2*time.Second), ReadRequest{Topic: "orders"}) {
		if !errors.Is(err, ErrNothing) {
			t.Errorf("err = %v", err)
		}
	}
	if _, err := nobody.Look(within(t, 2*time.Second)); !errors.Is(err, ErrNothing) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("err = %v", err)
	}
}

// A fetch takes longer than a reader waits for records: it asks whether there are any, and waits on.
func TestReadWaitsForALeaderThatIsSlow(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write(t, c, "orders", "a", "b", "c")
	asked := make(chan struct{})
	var once sync.Once
	fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if req.(*kmsg.FetchRequest).MaxBytes == probeBytes {
			once.Do(func() { close(asked) })
		} else {
			fake.SleepControl(func() { <-asked })
		}
		return nil, nil, false
	})
	if got := read(t, c, ReadRequest{Topic: "orders", From: FromBeginning()}); !slices.Equal(got, []string{"0:a", "0:b", "0:c"}) {
		t.Errorf("read %v", got)
	}
}

// TestTheEndOfAPartition asks for what is left of a partition: records that come, none, and what nobody tells.
func TestTheEndOfAPartition(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	write(t, c, "orders", "a", "b", "c")
	r := ReadRequest{Topic: "orders", From: FromBeginning()}
	client, progress, err := c.openReader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := c.closeEnded(t.Context(), client, r, progress, time.Now()); err != nil || progress.done() {
		t.Fatalf("with three records to come: %v, done %v", err, progress.done())
	}
	if err := c.closeEnded(t.Context(), client, r, progress, time.Now().Add(-readPatience)); err == nil || !strings.Contains(err.Error(), "partition 0 was read to offset 0 of 3") {
		t.Errorf("after half a minute: %v", err)
	}
	fake.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		t, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		asked := req.(*kmsg.FetchRequest).Topics[0]
		t.Topic, t.TopicID, p.HighWatermark, p.LastStableOffset = asked.Topic, asked.TopicID, 3, 3
		t.Partitions = append(t.Partitions, p)
		resp.Topics = append(resp.Topics, t)
		return resp, nil, true // compaction has taken the rest
	})
	if err := c.closeEnded(t.Context(), client, r, progress, time.Now()); err != nil || !progress.done() {
		t.Errorf("with none: %v, done %v", err, progress.done())
	}
}
