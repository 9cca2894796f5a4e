package checklist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// produce writes with one codec and reads the same back in the same order.
func (s suite) produce(ctx context.Context, codec string, has []string) error {
	if !slices.Contains(has, codec) {
		return Unsupported("the library has no " + codec)
	}
	return s.roundTrip(ctx, "produce-"+codec, Producing{Codec: codec})
}

func (s suite) idempotent(ctx context.Context) error {
	return s.roundTrip(ctx, "idempotent", Producing{Codec: "none", Idempotent: true})
}

func (s suite) roundTrip(ctx context.Context, name string, how Producing) error {
	topic := s.name(name)
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return fmt.Errorf("cannot create %s: %w", topic, err)
	}
	want := messages(1000, name, time.Now())
	for half := range slices.Chunk(want, 500) {
		if err := s.client.Produce(ctx, topic, how, half); err != nil {
			return fmt.Errorf("cannot produce: %w", err)
		}
	}
	got, err := s.client.Read(ctx, topic, 0, From{}, len(want))
	if err != nil {
		return fmt.Errorf("cannot read: %w", err)
	}
	for i, m := range got {
		if m.Offset != int64(i) {
			return fmt.Errorf("message %d has offset %d", i, m.Offset)
		}
	}
	return same(want, got)
}

// transaction commits, aborts and commits: read_committed sees the first and the last, read_uncommitted all.
func (s suite) transaction(ctx context.Context) error {
	topic := s.name("transaction")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	first, aborted, last := messages(20, "first", time.Now()), messages(20, "aborted", time.Now()), messages(20, "last", time.Now())
	for i, batch := range [][]Message{first, aborted, last} {
		if err := s.client.Transact(ctx, s.name("tx"), topic, batch, i != 1); err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	committed, err := s.client.Read(ctx, topic, 0, From{Committed: true}, 40)
	if err != nil {
		return fmt.Errorf("cannot read committed: %w", err)
	}
	if err := same(slices.Concat(first, last), committed); err != nil {
		return fmt.Errorf("read_committed: %w", err)
	}
	all, err := s.client.Read(ctx, topic, 0, From{}, 60)
	if err != nil {
		return fmt.Errorf("cannot read uncommitted: %w", err)
	}
	if err := same(slices.Concat(first, aborted, last), all); err != nil {
		return fmt.Errorf("read_uncommitted: %w", err)
	}
	return nil
}

// transactionOffsets moves messages in transactions, the first of which is aborted: output equals input, and the offsets
// are committed with it or not at all.
func (s suite) transactionOffsets(ctx context.Context) error {
	in, out, group := s.name("transform-in"), s.name("transform-out"), s.name("transform")
	if err := errors.Join(s.client.CreateTopic(ctx, in, 1, nil), s.client.CreateTopic(ctx, out, 1, nil)); err != nil {
		return err
	}
	want := messages(30, "transform", time.Now())
	if err := s.client.Produce(ctx, in, Producing{Codec: "none"}, want); err != nil {
		return err
	}
	for i, committed := range []int64{-1, 10, 30} {
		n := []int{10, 10, 20}[i]
		t := Transform{ID: s.name("transform-tx"), Group: group, From: in, To: out, N: n, Commit: i > 0}
		if err := s.client.Transform(ctx, t); err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
		if err := s.offsetBecomes(ctx, group, in, committed); err != nil {
			return fmt.Errorf("after transaction %d: %w", i, err)
		}
	}
	got, err := s.client.Read(ctx, out, 0, From{Committed: true}, len(want))
	if err != nil {
		return err
	}
	return same(want, got)
}

func (s suite) offsetBecomes(ctx context.Context, group, topic string, want int64) error {
	return until(ctx, fmt.Sprintf("the committed offset is %d", want), func() (bool, error) {
		offset, err := s.client.GroupOffset(ctx, group, topic, 0)
		if err == nil && offset != want {
			err = fmt.Errorf("it is %d", offset)
		}
		return err == nil, err
	})
}

func (s suite) transactionFenced(ctx context.Context) error {
	topic := s.name("fenced")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	return s.client.Fence(ctx, s.name("fenced-tx"), topic)
}

// seekByTime starts at the first message that is not older than a time between two messages.
func (s suite) seekByTime(ctx context.Context) error {
	topic := s.name("seek")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	want := messages(100, "seek", time.Now().Add(-time.Hour))
	for i := range want {
		want[i].Time = want[0].Time.Add(time.Duration(i) * time.Minute / 2)
	}
	for part := range slices.Chunk(want, 10) { // several batches, so that the index and the batch are both searched
		if err := s.client.Produce(ctx, topic, Producing{Codec: "none"}, part); err != nil {
			return err
		}
	}
	got, err := s.client.Read(ctx, topic, 0, From{Time: want[41].Time.Add(time.Second)}, 58)
	if err != nil {
		return err
	}
	return same(want[42:], got)
}

// commitAndResume reads a part as a group and comes back for the rest.
func (s suite) commitAndResume(ctx context.Context) error {
	topic, group := s.name("resume"), s.name("resume")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	want := messages(100, "resume", time.Now())
	if err := s.client.Produce(ctx, topic, Producing{Codec: "none"}, want); err != nil {
		return err
	}
	first, err := s.client.Consume(ctx, group, topic, 37)
	if err != nil {
		return err
	}
	if err := s.offsetBecomes(ctx, group, topic, 37); err != nil {
		return err
	}
	rest, err := s.client.Consume(ctx, group, topic, 63)
	if err != nil {
		return err
	}
	return same(want, slices.Concat(first, rest))
}
