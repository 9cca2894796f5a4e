package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Position is where reading a partition begins. The zero value is the end: only what is written from now on.
type Position struct {
	kind startKind
	n    int64
	at   time.Time
}

type startKind int

const (
	startEnd startKind = iota
	startBeginning
	startOffset
	startLast
	startTime
)

// FromEnd begins after the newest record.
func FromEnd() Position { return Position{} }

// FromBeginning begins at the oldest record.
func FromBeginning() Position { return Position{kind: startBeginning} }

// FromOffset begins at an offset, or at the nearest one that the partition has.
func FromOffset(offset int64) Position { return Position{kind: startOffset, n: offset} }

// FromLast begins n offsets before the end of each partition.
func FromLast(n int64) Position { return Position{kind: startLast, n: n} }

// FromTime begins at the first record whose timestamp is at or after t.
func FromTime(t time.Time) Position { return Position{kind: startTime, at: t} }

// String writes the start as ParsePosition reads it.
func (s Position) String() string {
	switch s.kind {
	case startBeginning:
		return "beginning"
	case startOffset:
		return strconv.FormatInt(s.n, 10)
	case startLast:
		return "-" + strconv.FormatInt(s.n, 10)
	case startTime:
		return s.at.Format(time.RFC3339Nano)
	}
	return "end"
}

// ParsePosition reads beginning, end, an offset, -N (the last N of each partition), a time (RFC 3339, "2006-01-02 15:04:05" or
// "15:04:05" of today, in local time), or a duration before now such as -30m.
func ParsePosition(s string, now time.Time) (Position, error) {
	switch s {
	case "end", "latest":
		return FromEnd(), nil
	case "beginning", "earliest":
		return FromBeginning(), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if strings.HasPrefix(s, "-") {
			return FromLast(-n), nil
		}
		return FromOffset(n), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d < 0 {
		return FromTime(now.Add(d)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return FromTime(t), nil
		}
	}
	if t, err := time.ParseInLocation(time.TimeOnly, s, now.Location()); err == nil {
		y, m, d := now.Date()
		return FromTime(time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location())), nil
	}
	return Position{}, fmt.Errorf("cannot start reading from %q: give beginning, end, an offset, -N for the last N of each partition, "+
		"a time such as 2026-01-31T15:04:05 or 15:04:05, or -30m for half an hour ago", s)
}

// span is the part of a partition that a reader wants: offsets from first up to before end.
type span struct {
	first, end int64
}

// spans resolves what is to be read to offsets, for those of the partitions whose leader answers; rest are the others.
func spans(ctx context.Context, adm *kadm.Client, r ReadRequest) (resolved map[int32]span, rest []int32, err error) {
	topic, start := r.Topic, r.From
	partitions, err := partitionsOf(ctx, adm, topic, r.Partitions)
	if err != nil {
		return nil, nil, err
	}
	first, err := adm.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, nil, err
	}
	ends := adm.ListEndOffsets
	if r.Committed {
		ends = adm.ListCommittedOffsets // last stable offsets
	}
	end, err := ends(ctx, topic)
	if err != nil {
		return nil, nil, err
	}
	var at kadm.ListedOffsets
	if start.kind == startTime {
		if at, err = adm.ListOffsetsAfterMilli(ctx, start.at.UnixMilli(), topic); err != nil {
			return nil, nil, err
		}
	}
	resolved = map[int32]span{}
	for _, id := range partitions {
		oldest, okFirst := first.Lookup(topic, id)
		newest, okEnd := end.Lookup(topic, id)
		if !okFirst || !okEnd || oldest.Err != nil || newest.Err != nil {
			rest = append(rest, id)
			continue
		}
		begin := start.within(oldest.Offset, newest.Offset)
		if found, ok := at.Lookup(topic, id); ok && found.Err == nil && found.Offset >= 0 {
			begin = found.Offset
		}
		resolved[id] = span{begin, newest.Offset}
	}
	return resolved, rest, nil
}

// within is the offset to begin at in a partition that holds offsets from oldest up to before end.
func (s Position) within(oldest, end int64) int64 {
	switch s.kind {
	case startBeginning:
		return oldest
	case startOffset:
		return min(max(s.n, oldest), end)
	case startLast:
		return max(oldest, end-s.n)
	}
	return end
}

func partitionsOf(ctx context.Context, adm *kadm.Client, topic string, wanted []int32) ([]int32, error) {
	topics, err := adm.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return nil, err
	}
	detail := topics[topic]
	if detail.Err != nil {
		return nil, detail.Err
	}
	for _, id := range wanted {
		if _, ok := detail.Partitions[id]; !ok {
			return nil, fmt.Errorf("it has no partition %d, only 0 to %d", id, len(detail.Partitions)-1)
		}
	}
	if len(wanted) > 0 {
		return wanted, nil
	}
	return detail.Partitions.Numbers(), nil
}
