package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/group"
)

// topicOutcomes are what became of some partitions of a topic.
type topicOutcomes struct {
	topic      string
	partitions []outcome
}

type outcome struct {
	partition int32
	code      int16
}

// outcomes lists partitions that are unknown, and then what became of the others, by topic: the order of Kafka's answers.
func outcomes(unknown []group.TopicPartition, offsets []group.CommittedOffset, errs []*kerr.Error) (all []topicOutcomes) {
	at := map[string]int{}
	add := func(tp group.TopicPartition, code int16) {
		i, ok := at[tp.Topic]
		if !ok {
			i = len(all)
			at[tp.Topic] = i
			all = append(all, topicOutcomes{topic: tp.Topic})
		}
		all[i].partitions = append(all[i].partitions, outcome{tp.Partition, code})
	}
	for _, tp := range unknown {
		add(tp, kerr.UnknownTopicOrPartition.Code)
	}
	for i := range offsets {
		add(offsets[i].TopicPartition, codeNumber(errs[i]))
	}
	return all
}

// lastOfEach keeps the last offset of each partition, at the place of the first.
func lastOfEach(offsets []group.CommittedOffset) []group.CommittedOffset {
	at := make(map[group.TopicPartition]int, len(offsets))
	kept := offsets[:0]
	for _, o := range offsets {
		if i, ok := at[o.TopicPartition]; ok {
			kept[i] = o
			continue
		}
		at[o.TopicPartition] = len(kept)
		kept = append(kept, o)
	}
	return kept
}
