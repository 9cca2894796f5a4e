package group

import (
	"time"
	"unicode/utf16"
)

// Limits are what the broker's configuration says of groups.
type Limits struct {
	MinSession   time.Duration // group.min.session.timeout.ms
	MaxSession   time.Duration // group.max.session.timeout.ms
	InitialDelay time.Duration // group.initial.rebalance.delay.ms
	MaxSize      int           // group.max.size
	MetadataMax  int           // offset.metadata.max.bytes, in UTF-16 units as Kafka counts it
	Retention    time.Duration // offsets.retention.minutes
}

// newMemberJoinTimeout is how long a member may wait in its first join: it knows no member id to beat with.
const newMemberJoinTimeout = 5 * time.Minute

// MetadataTooLarge reports whether the metadata of a committed offset is longer than allowed.
func (l *Limits) MetadataTooLarge(metadata string) bool {
	if len(metadata) <= l.MetadataMax {
		return false
	}
	units := 0
	for _, r := range metadata {
		units += max(utf16.RuneLen(r), 1)
	}
	return units > l.MetadataMax
}
