package tui

import (
	"context"
	"strconv"
	"strings"

	"klab/cluster"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// isGroup reports whether an intent is for a group.
func isGroup(intent keymap.Intent) bool {
	return intent >= keymap.ResetOffsets && intent <= keymap.DeleteOffsets
}

// canGroup says why an intent for a group is of no use now; the empty name means that none is chosen.
func canGroup(e *env, intent keymap.Intent, name string) safe.Text {
	g, ok := e.snap.Group(name)
	switch {
	case e.src == nil:
		return e.text(words.WhyNoCluster)
	case name == "" || !ok:
		return e.text(words.WhyNoGroup)
	case intent == keymap.DeleteGroup && g.Active():
		return e.format(words.WhyGroupActive, name, word(g.State))
	}
	return possible()
}

// actGroup does an intent for a group; topic narrows it where one is chosen.
func actGroup(e *env, intent keymap.Intent, name, topic string) effect {
	switch intent {
	case keymap.ResetOffsets:
		return open{newResetForm(e, name, topic)}
	case keymap.DeleteOffsets:
		return askDeleteOffsets(e, name, topic)
	}
	return askDeleteGroup(e, name)
}

// typedName is what has to be typed before something is destroyed: nothing on a cluster that klab started.
func typedName(e *env, name string) string {
	if e.snap.Launched {
		return ""
	}
	return name
}

func askDeleteGroup(e *env, name string) effect {
	g, _ := e.snap.Group(name)
	src, label, done := e.src, e.format(words.DeletingGroup, name), e.format(words.DeletedGroup, name)
	more := e.format(words.AskDeleteGroupMore, len(g.Partitions))
	return open{newConfirm(e.format(words.AskDeleteGroup, name), more, typedName(e, name), func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := src.DeleteGroup(ctx, name); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}
	})}
}

func askDeleteOffsets(e *env, name, topic string) effect {
	if topic == "" {
		return say{text: e.text(words.WhyNoPartition)}
	}
	src, done := e.src, e.format(words.DeletedOffsets, name, topic)
	label := e.format(words.DeletingGroup, name)
	return open{newConfirm(e.format(words.AskDeleteOffsets, name, topic), e.text(words.AskDeleteOffsetsMore), typedName(e, name), func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := src.DeleteOffsets(ctx, cluster.DeleteOffsets{Group: name, Topic: topic}); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}
	})}
}

func askRemoveMember(e *env, group string, m cluster.GroupMember) effect {
	src, label, done := e.src, e.format(words.RemovingMember, group), e.format(words.RemovedMember, group)
	return open{newConfirm(e.format(words.AskRemoveMember, memberName(m, e), group), e.text(words.AskRemoveMemberMore), "", func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if _, err := src.RemoveMember(ctx, cluster.RemoveMember{Group: group, Member: m.ID}); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}
	})}
}

// newResetForm asks where a group's offsets shall go; the plan is shown before anything changes.
func newResetForm(e *env, group, topic string) *form {
	f := &form{heading: words.HeadResetOffsets, note: e.format(words.ResetOf, group), fields: []field{
		{label: words.FieldTo, hint: words.HintTo},
		{label: words.FieldTopics, hint: words.HintTopics},
	}}
	f.fields[1].line.Insert(topic)
	if g, _ := e.snap.Group(group); g.Active() {
		f.note, f.bad = e.format(words.ResetActive, group, word(g.State)), true
	}
	f.submit = func(e *env, f *form) effect { return previewReset(e, f, group) }
	return f
}

func previewReset(e *env, f *form, group string) effect {
	r := cluster.ResetOffsets{Group: group, DryRun: true}
	to, err := cluster.ParseReset(f.fields[0].value(), e.now)
	if err != nil {
		return f.refuse(0, e.text(words.WrongTo))
	}
	topics, ok := topicList(f.fields[1].value())
	if !ok {
		return f.refuse(1, e.text(words.WrongTopics))
	}
	r.To, r.Topics = to, topics
	src, book := e.src, e.words
	return operate{label: e.format(words.PlanningReset, group), do: func(ctx context.Context) effect {
		plan, err := src.ResetOffsets(ctx, r)
		if err != nil {
			return f.fail(err)
		}
		return open{newResetPreview(src, book, r, plan)}
	}}
}

// topicList reads "orders payments:0,1".
func topicList(s string) ([]cluster.TopicPartitions, bool) {
	var list []cluster.TopicPartitions
	for _, one := range strings.Fields(s) {
		name, ids, some := strings.Cut(one, ":")
		t := cluster.TopicPartitions{Topic: name}
		for id := range strings.SplitSeq(ids, ",") {
			if !some {
				break
			}
			n, err := strconv.ParseInt(id, 10, 32)
			if err != nil || n < 0 {
				return nil, false
			}
			t.Partitions = append(t.Partitions, int32(n))
		}
		list = append(list, t)
	}
	return list, true
}

// newResetPreview shows what a reset would do, and does it when it is agreed to.
func newResetPreview(src Source, book *words.Book, r cluster.ResetOffsets, plan []cluster.OffsetChange) *preview {
	p := &preview{heading: book.Format(words.HeadResetPlan, r.Group), columns: []previewColumn{
		{words.ColPartition, 20, 3, false}, {words.ColOld, 11, 1, true}, {words.ColNew, 11, 1, true}, {words.ColNote, 14, 3, false},
	}}
	moves := 0
	for _, o := range plan {
		note := safe.Text{}
		switch {
		case o.Problem != "":
			note = safe.CleanHead(o.Problem, 80)
			p.why = book.Text(words.ResetProblem)
		case o.Clamped:
			note = book.Text(words.ResetClamped)
		}
		if o.Moves() {
			moves++
		}
		p.lines = append(p.lines, []safe.Text{partitionName(o.Topic, o.Partition), num.Count(o.Old), num.Count(o.New), note})
	}
	p.note = book.Format(words.ResetMoves, moves, len(plan))
	r.DryRun = false
	p.do = func(e *env) effect {
		done := e.format(words.ResetDone, r.Group, moves)
		return all{goBack{}, goBack{}, operate{label: e.format(words.Resetting, r.Group), do: func(ctx context.Context) effect {
			if _, err := src.ResetOffsets(ctx, r); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}}
	}
	return p
}
