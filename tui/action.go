package tui

import (
	"context"

	"klab/cluster"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// canBroker says why an intent for a broker's process is of no use now; id -1 means that no broker is chosen.
func canBroker(e *env, intent keymap.Intent, id int32) safe.Text {
	if e.src == nil {
		return e.text(words.WhyNoCluster)
	}
	if !e.snap.Launched {
		return e.text(words.WhyNotLaunched)
	}
	b, known := e.snap.Broker(id)
	if !known {
		return e.text(words.WhyNoBroker)
	}
	_, _, why := brokerVerb(e, intent, b)
	return why
}

// isBroker reports whether an intent is for a broker's process.
func isBroker(intent keymap.Intent) bool {
	return intent >= keymap.KillBroker && intent <= keymap.RestartBroker
}

// actBroker does an intent for a broker's process.
func actBroker(e *env, intent keymap.Intent, id int32) effect {
	b, _ := e.snap.Broker(id)
	verb, doing, why := brokerVerb(e, intent, b)
	if !why.Empty() {
		return say{text: why}
	}
	src := e.src
	return operate{label: e.format(doing, id), do: func(ctx context.Context) effect {
		if err := src.BrokerAction(ctx, verb, id); err != nil {
			return failed(err)
		}
		return nil // the timeline tells
	}}
}

// brokerVerb turns an intent into what it means for a broker in its present state, and the word for doing it.
func brokerVerb(e *env, intent keymap.Intent, b cluster.Broker) (cluster.BrokerVerb, words.ID, safe.Text) {
	dead := b.State == cluster.BrokerDown || b.State == cluster.BrokerKilled
	paused := b.State == cluster.BrokerPaused
	switch {
	case intent == keymap.StartStopBroker && dead:
		return cluster.Start, words.StartingBroker, possible()
	case dead:
		return "", 0, e.format(words.WhyBrokerDown, b.ID, keymap.KeyOf(keymap.Overview, keymap.StartStopBroker))
	case intent == keymap.KillBroker:
		return cluster.Kill, words.KillingBroker, possible()
	case intent == keymap.PauseBroker && paused:
		return cluster.Resume, words.ResumingBroker, possible()
	case paused:
		return "", 0, e.format(words.WhyBrokerPaused, b.ID, keymap.KeyOf(keymap.Overview, keymap.PauseBroker))
	case intent == keymap.StartStopBroker:
		return cluster.Stop, words.StoppingBroker, possible()
	case intent == keymap.PauseBroker:
		return cluster.Pause, words.PausingBroker, possible()
	}
	return cluster.Restart, words.RestartingBroker, possible()
}

// isTopic reports whether an intent is for a topic.
func isTopic(intent keymap.Intent) bool {
	return intent >= keymap.NewTopic && intent <= keymap.CancelReassign
}

// canTopic says why an intent for a topic is of no use now; the empty name means that no topic is chosen.
func canTopic(e *env, intent keymap.Intent, topic string) safe.Text {
	switch {
	case e.src == nil:
		return e.text(words.WhyNoCluster)
	case intent == keymap.NewTopic:
		return possible()
	case topic == "":
		return e.text(words.WhyNoTopic)
	}
	if intent == keymap.CancelReassign && len(moving(e, topic)) == 0 {
		return e.format(words.WhyNotMoving, topic)
	}
	if t, _ := e.snap.Topic(topic); t.Internal && intent != keymap.OpenTail && !isPlacement(intent) {
		return e.format(words.WhyInternal, topic)
	}
	return possible()
}

// isPlacement reports whether an intent is about where replicas are, which may be changed of Kafka's own topics too.
func isPlacement(intent keymap.Intent) bool {
	return intent >= keymap.ElectPreferred && intent <= keymap.CancelReassign
}

// actTopic does an intent for a topic; partition -1 means the whole topic.
func actTopic(e *env, intent keymap.Intent, topic string, partition int32) effect {
	switch intent {
	case keymap.NewTopic:
		return open{newTopicForm(e)}
	case keymap.Reassign:
		return open{newReassignForm(e, topic, partition)}
	case keymap.CancelReassign:
		return askCancelMove(e, topic)
	case keymap.Produce:
		return open{newProduceForm(e, topic, partition)}
	case keymap.OpenTail:
		return openTail(e, topic, partition, cluster.FromLast(tailBacklog))
	case keymap.AddPartitions:
		return open{newPartitionsForm(e, topic)}
	case keymap.DeleteTopic:
		return askDelete(e, topic)
	case keymap.ElectPreferred:
		return elect(e, topic, partition)
	}
	return nil
}

func elect(e *env, topic string, partition int32) effect {
	var partitions []int32
	if partition >= 0 {
		partitions = []int32{partition}
	}
	src, done := e.src, e.format(words.Elected, topic)
	return operate{label: e.format(words.Electing, topic), do: func(ctx context.Context) effect {
		if err := src.ElectPreferred(ctx, topic, partitions...); err != nil {
			return failed(err)
		}
		return say{text: done}
	}}
}

// askDelete says what deleting a topic destroys; on a cluster that klab did not start, the name has to be typed.
func askDelete(e *env, name string) effect {
	t, _ := e.snap.Topic(name)
	more := e.format(words.AskDeleteMore, num.Count(t.Records()), len(t.Partitions), num.Bytes(t.Bytes))
	if age := e.ageNote(older(recordsAt(&t), logsAt(&t)), e.offsetsEvery()); !age.Empty() {
		more = safe.Join(safe.Const(" "), more, age)
	}
	src, label, done := e.src, e.format(words.DeletingTopic, name), e.format(words.DeletedTopic, name)
	return open{newConfirm(e.format(words.AskDelete, name), more, typedName(e, name), func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := src.DeleteTopic(ctx, name); err != nil {
				return failed(err)
			}
			return say{text: done}
		}}
	})}
}
