package cluster

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ResetTo says where a group's offsets shall go. The zero value is where they are.
type ResetTo struct {
	kind resetKind
	n    int64
	at   time.Time
	span time.Duration
	plan map[partitionKey]int64
}

type resetKind int

const (
	resetCurrent resetKind = iota
	resetEarliest
	resetLatest
	resetOffset
	resetShift
	resetTime
	resetDuration
	resetPlan
)

// ToEarliest goes to the oldest record.
func ToEarliest() ResetTo { return ResetTo{kind: resetEarliest} }

// ToLatest goes after the newest record.
func ToLatest() ResetTo { return ResetTo{kind: resetLatest} }

// ToCurrent keeps the offsets; a partition without one goes to the latest.
func ToCurrent() ResetTo { return ResetTo{} }

// ToOffset goes to an offset, or to the nearest one that the partition has.
func ToOffset(n int64) ResetTo { return ResetTo{kind: resetOffset, n: n} }

// ShiftBy moves by n records, back when n is negative, and stops at the ends of the partition.
func ShiftBy(n int64) ResetTo { return ResetTo{kind: resetShift, n: n} }

// ToTime goes to the first record whose timestamp is at or after t; to the latest where there is none.
func ToTime(t time.Time) ResetTo { return ResetTo{kind: resetTime, at: t} }

// ByDuration is ToTime of so long ago.
func ByDuration(d time.Duration) ResetTo { return ResetTo{kind: resetDuration, span: d} }

// ParseReset reads earliest, latest, current, an offset, +N or -N (a shift), a time as ParsePosition does, or a duration
// such as 30m or PT30M: so long ago.
func ParseReset(s string, now time.Time) (ResetTo, error) {
	switch s {
	case "earliest", "beginning":
		return ToEarliest(), nil
	case "latest", "end":
		return ToLatest(), nil
	case "current":
		return ToCurrent(), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if s[0] == '+' || s[0] == '-' {
			return ShiftBy(n), nil
		}
		return ToOffset(n), nil
	}
	if d, err := parseSpan(s); err == nil {
		return ByDuration(d), nil
	}
	if p, err := ParsePosition(s, now); err == nil && p.kind == startTime {
		return ToTime(p.at), nil
	}
	return ResetTo{}, fmt.Errorf("cannot reset offsets to %q: give earliest, latest, current, an offset, +N or -N to shift, "+
		"a time such as 2026-01-31T15:04:05, or a duration such as 30m for so long ago", s)
}

// parseSpan reads 90s, 30m, 2h, 7d, or ISO 8601's PT30M and P7D, as Kafka's tool does.
func parseSpan(s string) (time.Duration, error) {
	s = strings.TrimPrefix(s, "-")
	iso, ok := strings.CutPrefix(strings.ToUpper(s), "P")
	if !ok {
		iso = strings.ToUpper(s)
		if !strings.HasSuffix(iso, "D") {
			return time.ParseDuration(s)
		}
	}
	days, clock, timed := strings.Cut(iso, "T")
	var total time.Duration
	if days != "" {
		n, err := strconv.Atoi(strings.TrimSuffix(days, "D"))
		if err != nil {
			return 0, err
		}
		total = time.Duration(n) * 24 * time.Hour
	}
	if timed {
		d, err := time.ParseDuration(strings.ToLower(clock))
		if err != nil {
			return 0, err
		}
		total += d
	}
	return total, nil
}

// ReadResetPlan reads lines of topic,partition,offset, as Kafka's tool exports them.
func ReadResetPlan(r io.Reader) (ResetTo, error) {
	to := ResetTo{kind: resetPlan, plan: map[partitionKey]int64{}}
	rows := csv.NewReader(r)
	rows.FieldsPerRecord, rows.Comment, rows.TrimLeadingSpace = 3, '#', true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return to, fmt.Errorf("cannot read plan: %w: give lines of topic,partition,offset", err)
		}
		partition, err1 := strconv.ParseInt(row[1], 10, 32)
		offset, err2 := strconv.ParseInt(row[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return to, fmt.Errorf("cannot read plan: %w: give lines of topic,partition,offset", err)
		}
		to.plan[partitionKey{row[0], int32(partition)}] = offset
	}
	if len(to.plan) == 0 {
		return to, errors.New("cannot read plan: it is empty; give lines of topic,partition,offset")
	}
	return to, nil
}

// words are the flags of klab and of Kafka's tool.
func (to ResetTo) words() (klab, kafka []string) {
	n := strconv.FormatInt(to.n, 10)
	switch to.kind {
	case resetEarliest:
		return []string{"--to", "earliest"}, []string{"--to-earliest"}
	case resetLatest:
		return []string{"--to", "latest"}, []string{"--to-latest"}
	case resetOffset:
		return []string{"--to", n}, []string{"--to-offset", n}
	case resetShift:
		signed := n
		if to.n >= 0 {
			signed = "+" + n
		}
		return []string{"--to", signed}, []string{"--shift-by", n}
	case resetTime:
		return []string{"--to", to.at.Format(time.RFC3339)}, []string{"--to-datetime", to.at.UTC().Format("2006-01-02T15:04:05.000")}
	case resetDuration:
		return []string{"--to", to.span.String()}, []string{"--by-duration", "PT" + strings.ToUpper(to.span.String())}
	case resetPlan:
		return []string{"--plan", "plan.csv"}, []string{"--from-file", "plan.csv"}
	}
	return []string{"--to", "current"}, []string{"--to-current"}
}

// ResetOffsets is the request to set a group's offsets.
type ResetOffsets struct {
	Group  string
	Topics []TopicPartitions // of these alone, a topic without partitions meaning all of it; none: all that the group, or the plan, has offsets for
	To     ResetTo
	DryRun bool
}

func (r ResetOffsets) command(to addressee) Command {
	klab, kafka := []string{"group", "reset-offsets", r.Group}, []string{"--reset-offsets", "--group", r.Group}
	for _, t := range r.Topics {
		word := t.Topic
		if len(t.Partitions) > 0 {
			word += ":" + joinIDs(t.Partitions)
		}
		klab, kafka = append(klab, "--topic", word), append(kafka, "--topic", word)
	}
	if len(r.Topics) == 0 && r.To.kind != resetPlan {
		kafka = append(kafka, "--all-topics")
	}
	a, b := r.To.words()
	klab, kafka = append(klab, a...), append(kafka, b...)
	if r.DryRun {
		return Command{Klab: to.klab(append(klab, "--dry-run")...), Kafka: to.kafka("kafka-consumer-groups.sh", append(kafka, "--dry-run")...)}
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-consumer-groups.sh", append(kafka, "--execute")...)}
}

func joinIDs(ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	return strings.Join(words, ",")
}

// OffsetChange is what a reset does to one partition.
type OffsetChange struct {
	Topic      string
	Partition  int32
	Old        int64 // -1: nothing was committed
	New        int64 // -1: it cannot be told, see Problem
	Start, End int64 // of the partition, when the plan was made; -1 unknown
	Clamped    bool  // New is the nearest offset that the partition has
	Problem    string
}

// Moves says whether the change is one.
func (o OffsetChange) Moves() bool { return o.New >= 0 && o.New != o.Old }

// span of a partition, and the offset found for a time where one was asked for: -1 none.
type resetFacts struct {
	committed, start, end, atTime int64
}

// newOffset decides where one partition goes: the rules of Kafka's tool (ConsumerGroupCommand.prepareOffsetsToReset).
func (to ResetTo) newOffset(key partitionKey, f resetFacts) OffsetChange {
	o := OffsetChange{Topic: key.topic, Partition: key.partition, Old: f.committed, New: Unknown, Start: f.start, End: f.end}
	if to.kind == resetCurrent && f.committed >= 0 {
		o.New = f.committed // also where the log does not reach
		return o
	}
	if f.start < 0 || f.end < 0 {
		o.Problem = "its leader does not answer"
		return o
	}
	wanted := f.end // of resetLatest, and of resetCurrent where nothing is committed
	switch to.kind {
	case resetEarliest:
		wanted = f.start
	case resetOffset:
		wanted = to.n
	case resetShift:
		if f.committed < 0 {
			o.Problem = "nothing is committed to shift from"
			return o
		}
		wanted = f.committed + to.n
	case resetTime, resetDuration:
		if f.atTime >= 0 {
			wanted = f.atTime
		}
	case resetPlan:
		wanted = to.plan[key]
	}
	o.New = min(max(wanted, f.start), f.end)
	o.Clamped = o.New != wanted
	return o
}

// ErrGroupActive is in the error of an operation that a group with members does not allow.
var ErrGroupActive = errors.New("the group has members")

func active(g Group) error {
	if !g.Active() {
		return nil
	}
	return fmt.Errorf("%w (state %s): stop its %d members first, or remove them with klab group remove-member", ErrGroupActive, g.State, len(g.Members))
}

// ResetOffsets computes where each partition's offset goes, and unless DryRun is set commits that. As Kafka's tool it asks
// that the group has no members: the error then wraps ErrGroupActive. A dry run shows the plan of an active group too.
func (c *Cluster) ResetOffsets(ctx context.Context, r ResetOffsets) (plan []OffsetChange, err error) {
	err = c.perform(ctx, r, func(ctx context.Context) error {
		if plan, err = c.resetOffsets(ctx, r); err != nil {
			return fmt.Errorf("cannot reset offsets of group %s: %w", r.Group, c.explain(err))
		}
		return nil
	})
	return plan, err
}

func (c *Cluster) resetOffsets(ctx context.Context, r ResetOffsets) ([]OffsetChange, error) {
	g, err := c.readGroup(ctx, r.Group)
	if errors.Is(err, ErrNoGroup) && (len(r.Topics) > 0 || r.To.kind == resetPlan) {
		g, err = Group{Name: r.Group, State: "Dead"}, nil // committing makes it
	}
	if err != nil {
		return nil, err
	}
	if err := active(g); err != nil && !r.DryRun {
		return nil, err
	}
	keys, err := c.resetKeys(g, r)
	if err != nil {
		return nil, err
	}
	plan := c.planReset(ctx, g, keys, r.To)
	if r.DryRun {
		return plan, nil
	}
	for _, o := range plan {
		if o.Problem != "" {
			return plan, fmt.Errorf("%s/%d: %s; nothing was changed", o.Topic, o.Partition, o.Problem)
		}
	}
	return plan, c.commit(ctx, r.Group, plan)
}

// resetKeys are the partitions that a reset is for.
func (c *Cluster) resetKeys(g Group, r ResetOffsets) ([]partitionKey, error) {
	var keys []partitionKey
	switch {
	case r.To.kind == resetPlan:
		for key := range r.To.plan {
			if r.names(key) {
				keys = append(keys, key)
			}
		}
		if len(keys) == 0 {
			return nil, errors.New("the plan says nothing about these topics")
		}
	case len(r.Topics) == 0:
		for _, p := range g.Partitions {
			keys = append(keys, partitionKey{p.Topic, p.Partition})
		}
		if len(keys) == 0 {
			return nil, errors.New("it has no offsets: name topics with --topic")
		}
	}
	for _, t := range r.Topics {
		if r.To.kind != resetPlan {
			keys = append(keys, c.partitionsOf(t)...)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		t, ok := c.model.topics[key.topic]
		switch {
		case !ok:
			return nil, fmt.Errorf("there is no topic %s: see klab topic list", key.topic)
		case t.partitions[key.partition] == nil:
			return nil, fmt.Errorf("topic %s has no partition %d, only 0 to %d", key.topic, key.partition, len(t.partitions)-1)
		}
	}
	slices.SortFunc(keys, func(a, b partitionKey) int {
		if n := strings.Compare(a.topic, b.topic); n != 0 {
			return n
		}
		return int(a.partition) - int(b.partition)
	})
	return slices.Compact(keys), nil
}

// names says whether a partition is among those that the request is for.
func (r ResetOffsets) names(key partitionKey) bool {
	return len(r.Topics) == 0 || slices.ContainsFunc(r.Topics, func(t TopicPartitions) bool {
		return t.Topic == key.topic && (len(t.Partitions) == 0 || slices.Contains(t.Partitions, key.partition))
	})
}

// partitionsOf are the named partitions, or all of the topic's; of a topic that is not there its partition 0.
func (c *Cluster) partitionsOf(t TopicPartitions) []partitionKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := t.Partitions
	if known, ok := c.model.topics[t.Topic]; ok && len(ids) == 0 {
		ids = sortedKeys(known.partitions)
	} else if len(ids) == 0 {
		ids = []int32{0}
	}
	keys := make([]partitionKey, len(ids))
	for i, id := range ids {
		keys[i] = partitionKey{t.Topic, id}
	}
	return keys
}

// planReset reads the ends of the partitions, and offsets of times where they are asked for, and decides.
func (c *Cluster) planReset(ctx context.Context, g Group, keys []partitionKey, to ResetTo) []OffsetChange {
	timestamp := to.at.UnixMilli()
	if to.kind == resetDuration {
		timestamp = time.Now().Add(-to.span).UnixMilli()
	}
	timed := to.kind == resetTime || to.kind == resetDuration
	facts := make(map[partitionKey]*resetFacts, len(keys))
	for _, key := range keys {
		facts[key] = &resetFacts{committed: Unknown, start: Unknown, end: Unknown, atTime: Unknown}
	}
	for _, r := range c.leaders(slices.Clone(keys)) {
		l, err := c.link(r.address)
		if err != nil {
			continue
		}
		take := func(timestamp int64, set func(*resetFacts, int64)) {
			for key, offset := range listOffsets(ctx, l, consumerReplica, timestamp, r.leads) {
				set(facts[key], offset)
			}
		}
		take(earliestOffset, func(f *resetFacts, n int64) { f.start = n })
		take(latestOffset, func(f *resetFacts, n int64) { f.end = n })
		if timed {
			take(timestamp, func(f *resetFacts, n int64) { f.atTime = n })
		}
	}
	for _, p := range g.Partitions {
		if f := facts[partitionKey{p.Topic, p.Partition}]; f != nil {
			f.committed = p.Committed
		}
	}
	plan := make([]OffsetChange, len(keys))
	for i, key := range keys {
		plan[i] = to.newOffset(key, *facts[key])
	}
	return plan
}
