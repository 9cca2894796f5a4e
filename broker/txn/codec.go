package txn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// Versions of the records of __transaction_state (kafka-formats C.2). Value version 1 is Kafka 4's; it is read, not written.
const (
	keyVersion      = 0
	valueVersion    = 0
	maxValueVersion = 1
)

// errNoKey is what a record without a key makes of a partition: it cannot be loaded.
var errNoKey = errors.New("a record has no key")

// encodeKey makes the key of a transactional id's records.
func encodeKey(id string) []byte {
	k := kmsg.NewTxnMetadataKey()
	k.Version, k.TransactionalID = keyVersion, id
	return k.AppendTo(nil)
}

// decodeKey reads a key. ok is false for keys of other versions, which are to be skipped.
func decodeKey(b []byte) (id string, ok bool, err error) {
	switch {
	case b == nil:
		return "", false, errNoKey
	case len(b) < 2:
		return "", false, fmt.Errorf("a key has %d bytes", len(b))
	case b[0] != 0 || b[1] != keyVersion:
		return "", false, nil
	}
	k := kmsg.NewTxnMetadataKey()
	if err := k.ReadFrom(b); err != nil {
		return "", false, fmt.Errorf("cannot read a key: %w", err)
	}
	return k.TransactionalID, true, nil
}

// encodeValue makes a value. Only an Empty id has null for partitions.
func encodeValue(m *Metadata) []byte {
	v := kmsg.NewTxnMetadataValue()
	v.Version = valueVersion
	v.ProducerID, v.ProducerEpoch, v.TimeoutMillis = m.ProducerID, m.ProducerEpoch, m.TimeoutMs
	v.State = kmsg.TransactionState(m.State)
	v.LastUpdateTimestamp, v.StartTimestamp = m.UpdatedMs, m.StartedMs
	if m.State != Empty {
		v.Topics = topicsOf(m.Partitions)
	}
	return v.AppendTo(nil)
}

// topicsOf groups sorted partitions by topic.
func topicsOf(partitions []storage.TopicPartition) []kmsg.TxnMetadataValueTopic {
	topics := []kmsg.TxnMetadataValueTopic{}
	for _, p := range partitions {
		if n := len(topics); n == 0 || topics[n-1].Topic != p.Topic {
			t := kmsg.NewTxnMetadataValueTopic()
			t.Topic = p.Topic
			topics = append(topics, t)
		}
		last := &topics[len(topics)-1]
		last.Partitions = append(last.Partitions, p.Partition)
	}
	return topics
}

// decodeValue reads a value of any version that Kafka 3.9 reads.
func decodeValue(b []byte) (Metadata, error) {
	if len(b) < 2 {
		return Metadata{}, fmt.Errorf("a value has %d bytes", len(b))
	}
	if b[0] != 0 || b[1] > maxValueVersion {
		return Metadata{}, fmt.Errorf("a value has version %d, the latest known is %d", int16(b[0])<<8|int16(b[1]), maxValueVersion)
	}
	v := kmsg.NewTxnMetadataValue()
	if err := v.ReadFrom(b); err != nil {
		return Metadata{}, fmt.Errorf("cannot read a value: %w", err)
	}
	m := Metadata{
		ProducerID: v.ProducerID, ProducerEpoch: v.ProducerEpoch, TimeoutMs: v.TimeoutMillis, State: State(v.State),
		UpdatedMs: v.LastUpdateTimestamp, StartedMs: v.StartTimestamp,
	}
	if m.State < Empty || m.State > PrepareEpochFence {
		return Metadata{}, fmt.Errorf("a value has state %d", m.State)
	}
	for _, t := range v.Topics {
		for _, p := range t.Partitions {
			m.Partitions = append(m.Partitions, storage.TopicPartition{Topic: t.Topic, Partition: p})
		}
	}
	slices.SortFunc(m.Partitions, comparePartitions)
	m.Partitions = slices.Compact(m.Partitions)
	return m, nil
}
