package group

import (
	"encoding/binary"
	"fmt"
	"time"
	"unique"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage/batch"
)

// Versions that are written; others are read (kafka-formats C.1).
const (
	offsetKeyVersion    = 1
	groupKeyVersion     = 2
	offsetValueVersion  = 3
	expiringValue       = 1 // with an expiry, and without a leader epoch
	groupValueVersion   = 3
	newestOffsetValue   = 4
	newestGroupValue    = 4
	firstUnknownVersion = 3 // of keys
)

// key is what a record of __consumer_offsets is about: a group's metadata, or its offset in a partition.
type key struct {
	group string
	of    TopicPartition
	kind  keyKind
}

type keyKind uint8

const (
	offsetKey keyKind = iota
	groupKey
	unknownKey // of a newer Kafka: to be left alone
)

func readKey(b []byte) (k key, err error) {
	if len(b) < 2 {
		return key{}, fmt.Errorf("cannot read a key of %d bytes: it has no version", len(b))
	}
	switch version := int16(binary.BigEndian.Uint16(b)); {
	case version < 0:
		err = fmt.Errorf("version %d is unknown", version)
	case version <= offsetKeyVersion:
		var raw kmsg.OffsetCommitKey
		if err = raw.ReadFrom(b); err == nil {
			return key{raw.Group, TopicPartition{intern(raw.Topic), raw.Partition}, offsetKey}, nil
		}
	case version == groupKeyVersion:
		var raw kmsg.GroupMetadataKey
		if err = raw.ReadFrom(b); err == nil {
			return key{group: raw.Group, kind: groupKey}, nil
		}
	default:
		return key{kind: unknownKey}, nil
	}
	return key{}, fmt.Errorf("cannot read a key of __consumer_offsets: %w", err)
}

// intern keeps one copy of a topic's name for all groups.
func intern(topic string) string { return unique.Make(topic).Value() }

func writeOffsetKey(group string, tp TopicPartition) []byte {
	k := kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: group, Topic: tp.Topic, Partition: tp.Partition}
	return k.AppendTo(nil)
}

func writeGroupKey(group string) []byte {
	k := kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: group}
	return k.AppendTo(nil)
}

func writeOffset(o *Offset) []byte {
	v := kmsg.OffsetCommitValue{
		Version: offsetValueVersion, Offset: o.At, LeaderEpoch: o.LeaderEpoch, Metadata: o.Metadata,
		CommitTimestamp: o.Committed, ExpireTimestamp: o.Expires,
	}
	if o.Expires >= 0 {
		v.Version = expiringValue
	}
	return v.AppendTo(nil)
}

func readOffset(b []byte) (Offset, error) {
	if err := checkVersion(b, newestOffsetValue); err != nil {
		return Offset{}, fmt.Errorf("cannot read a committed offset: %w", err)
	}
	v := kmsg.NewOffsetCommitValue()
	if err := v.ReadFrom(b); err != nil {
		return Offset{}, fmt.Errorf("cannot read a committed offset: %w", err)
	}
	o := Offset{At: v.Offset, LeaderEpoch: -1, Metadata: v.Metadata, Committed: v.CommitTimestamp, Expires: -1}
	if v.Version >= 3 {
		o.LeaderEpoch = v.LeaderEpoch
	}
	if v.Version == expiringValue {
		o.Expires = v.ExpireTimestamp
	}
	return o, nil
}

func checkVersion(b []byte, newest int16) error {
	if len(b) < 2 {
		return fmt.Errorf("%d bytes have no version", len(b))
	}
	if v := int16(binary.BigEndian.Uint16(b)); v < 0 || v > newest {
		return fmt.Errorf("version %d is unknown, the newest is %d", v, newest)
	}
	return nil
}

func offsetRecord(now time.Time, group string, o *CommittedOffset) batch.Record {
	return batch.Record{Timestamp: now.UnixMilli(), Key: writeOffsetKey(group, o.TopicPartition), Value: writeOffset(&o.Offset)}
}

func offsetTombstone(now time.Time, group string, tp TopicPartition) batch.Record {
	return batch.Record{Timestamp: now.UnixMilli(), Key: writeOffsetKey(group, tp)}
}

func groupTombstone(now time.Time, group string) batch.Record {
	return batch.Record{Timestamp: now.UnixMilli(), Key: writeGroupKey(group)}
}
