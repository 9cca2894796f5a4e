package tui

import (
	"context"
	"strconv"
	"strings"
	"time"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// Ways to reassign, in the order in which the form offers them.
const (
	planReplicas = iota
	planFactor
	planRemove
	planBalance
)

// Fields of the reassignment form.
const (
	moveHow = iota
	moveValue
	moveThrottle
)

// newReassignForm asks how a topic's partitions shall be moved; the plan is shown before anything moves.
func newReassignForm(e *env, topic string, partition int32) *form {
	ways := []string{e.text(words.WayReplicas).String(), e.text(words.WayFactor).String(), e.text(words.WayRemove).String(), e.text(words.WayBalance).String()}
	note := e.format(words.ReassignOf, topic)
	if partition >= 0 {
		note = e.format(words.ReassignOf, partitionName(topic, partition))
	}
	return &form{heading: words.HeadReassign, note: note, fields: []field{
		{label: words.FieldHow, choices: ways},
		{label: words.FieldWhat, hint: words.HintMove},
		{label: words.FieldThrottle, hint: words.HintThrottle},
	}, current: moveValue, submit: func(e *env, f *form) effect { return previewReassign(e, f, topic, partition) }}
}

func previewReassign(e *env, f *form, topic string, partition int32) effect {
	ids, ok := idList(f.fields[moveValue].value())
	if !ok {
		return f.refuse(moveValue, e.text(words.WrongIDs))
	}
	throttle := int64(0)
	if s := f.fields[moveThrottle].value(); s != "" {
		n, ok := number(s, 1, 1<<40)
		if !ok {
			return f.refuse(moveThrottle, e.text(words.WrongThrottle))
		}
		throttle = int64(n)
	}
	plan, err := makePlan(e, f.fields[moveHow].choice, topic, partition, ids)
	if err != nil {
		return f.refuse(moveValue, sentence(err))
	}
	if len(plan) == 0 {
		return f.refuse(moveValue, e.text(words.NothingToMove))
	}
	// What is under way already stands on the screen: this is asked for beside it.
	return open{newReassignPreview(e, cluster.Reassign{Plan: plan, Throttle: throttle, Additional: true})}
}

// idList reads broker ids, divided by commas or spaces.
func idList(s string) ([]int32, bool) {
	var ids []int32
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil || n < 0 {
			return nil, false
		}
		ids = append(ids, int32(n))
	}
	return ids, true
}

func makePlan(e *env, how int, topic string, partition int32, ids []int32) (cluster.ReassignPlan, error) {
	chosen := cluster.TopicPartitions{Topic: topic}
	if partition >= 0 {
		chosen.Partitions = []int32{partition}
	}
	p, err := cluster.NewPlanner(e.snap, chosen)
	if err != nil {
		return nil, err
	}
	if how != planBalance && len(ids) == 0 || how != planReplicas && how != planBalance && len(ids) != 1 {
		return nil, cluster.ErrNoBrokers
	}
	switch how {
	case planFactor:
		return p.ReplicationFactor(int(ids[0]))
	case planRemove:
		return p.RemoveBroker(ids[0])
	case planBalance:
		return p.Balance(ids...)
	}
	return p.Replicas(ids...)
}

// newReassignPreview shows what moves where and how much has to be copied.
func newReassignPreview(e *env, r cluster.Reassign) *preview {
	p := &preview{heading: e.format(words.HeadMovePlan, len(r.Plan)), columns: []previewColumn{
		{words.ColPartition, 20, 3, false}, {words.ColReplicas, 12, 1, false}, {words.ColNew, 12, 1, false}, {words.ColCopies, 16, 2, false},
	}}
	var bytes int64
	for _, m := range r.Plan {
		size := int64(-1)
		part, _ := e.snap.Partition(m.Topic, m.Partition)
		if _, _, size = summary(&part); size >= 0 && bytes >= 0 {
			bytes += size * int64(len(m.Adds()))
		} else if len(m.Adds()) > 0 {
			bytes = -1
		}
		copies := safe.Const("-")
		if adds := m.Adds(); len(adds) > 0 {
			copies = e.format(words.CopiesTo, num.IDs(adds), num.Bytes(size))
		}
		p.lines = append(p.lines, []safe.Text{partitionName(m.Topic, m.Partition), num.IDs(m.From), num.IDs(m.To), copies})
	}
	p.note = e.format(words.MoveComesTo, num.Bytes(bytes))
	src := e.src
	p.do = func(e *env) effect {
		done := e.format(words.MoveStarted, len(r.Plan))
		return all{goBack{}, goBack{}, operate{label: e.text(words.StartingMove), do: func(ctx context.Context) effect {
			if err := src.Reassign(ctx, r); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}}
	}
	return p
}

// moving are the reassignments of a topic, or of all topics.
func moving(e *env, topic string) []cluster.Reassignment {
	if topic == "" {
		return e.snap.Reassignments
	}
	var found []cluster.Reassignment
	for _, r := range e.snap.Reassignments {
		if r.Topic == topic {
			found = append(found, r)
		}
	}
	return found
}

// askCancelMove asks before the moving of a topic's partitions is given up.
func askCancelMove(e *env, topic string) effect {
	under := len(moving(e, topic))
	src, label := e.src, e.format(words.CancellingMove, topic)
	book := e.words
	return open{newConfirm(e.format(words.AskCancelMove, under, topic), e.text(words.AskCancelMoveMore), "", func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			n, err := src.CancelReassign(ctx, cluster.CancelReassign{Topic: topic})
			if err != nil {
				return failed(err)
			}
			return say{text: book.Format(words.MoveCancelled, n)}
		}}
	})}
}

// drawMoves draws how far reassignments are, a row a copy, and returns the rest of the box.
func drawMoves(c *cell.Canvas, b cell.Box, e *env, list []cluster.Reassignment) cell.Box {
	if len(list) == 0 || b.H < 2 {
		return b
	}
	b = drawHeading(c, b, e.format(words.HeadMoving, len(list)), e.ageNote(e.snap.ReassignmentsAt, e.offsetsEvery()))
	for _, r := range list {
		for _, copied := range r.Copies {
			var row cell.Box
			if row, b = b.Top(1); row.H > 0 {
				drawCopy(c, inner(row), e, r, copied)
			}
		}
		if len(r.Copies) == 0 {
			var row cell.Box
			if row, b = b.Top(1); row.H > 0 {
				row = inner(row)
				x := c.Text(row.X, row.Y, row.W/3, cell.Plain, partitionName(r.Topic, r.Partition)) + 2
				c.Text(row.X+x, row.Y, row.W-x, cell.Muted, e.format(words.OnlyRemoving, num.IDs(r.Removing)))
			}
		}
	}
	return b
}

// barWidth is the width of the bar of a copy.
const barWidth = 8

func drawCopy(c *cell.Canvas, b cell.Box, e *env, r cluster.Reassignment, copied cluster.Copy) {
	name := e.format(words.CopyTo, partitionName(r.Topic, r.Partition), copied.Broker)
	width := min(max(b.W/3, 24), 40)
	c.Text(b.X, b.Y, width, cell.Plain, name)
	x := b.X + width + 2
	if share := copied.Share(); share >= 0 {
		c.Fill(cell.Box{X: x, Y: b.Y, W: barWidth, H: 1}, cell.Muted, '░')
		c.Bar(cell.Box{X: x, Y: b.Y, W: barWidth, H: 1}, cell.Plain, share)
	}
	x += barWidth + 2
	text := e.format(words.CopyLeft, num.Count(copied.Records), num.Bytes(copied.Bytes))
	if copied.PerSecond >= 0 {
		text = safe.Join(safe.Const("  "), text, e.format(words.PerSecond, num.Bytes(int64(copied.PerSecond))))
	}
	if left := copied.Left(); left > 0 {
		text = safe.Join(safe.Const("  "), text, e.format(words.AboutLeft, num.Span(left.Round(time.Second))))
	}
	if copied.InSync {
		text = e.text(words.InSync)
	}
	part, _ := e.snap.Partition(r.Topic, r.Partition)
	log, _ := part.LogOf(copied.Broker)
	at := older(log.At, leaderAt(&part))
	if age := e.ageNote(at, e.offsetsEvery()); !age.Empty() && !copied.InSync {
		text = safe.Join(safe.Const(" "), age, text)
	}
	c.Text(x, b.Y, b.X+b.W-x, e.styleAt(at, e.offsetsEvery(), cell.Plain), text)
}

// moveRowsOf is how many rows drawMoves wants: none for nothing, and never more than limit.
func moveRowsOf(list []cluster.Reassignment, limit int) int {
	if len(list) == 0 {
		return 0
	}
	rows := 1
	for _, r := range list {
		rows += max(len(r.Copies), 1)
	}
	return min(rows, limit)
}

// drawMovesBelow draws reassignments after an empty row, in at most half of the box, and returns the rest.
func drawMovesBelow(c *cell.Canvas, b cell.Box, e *env, list []cluster.Reassignment) cell.Box {
	if len(list) == 0 {
		return b
	}
	_, b = b.Top(1)
	part, rest := b.Top(moveRowsOf(list, max(b.H/2, 2)))
	drawMoves(c, part, e, list)
	return rest
}
