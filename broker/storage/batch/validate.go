package batch

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Rules say what a leader demands of a batch beyond its format.
type Rules struct {
	// FromClient demands what only clients must heed: base offset 0, no control
	// batch, a sequence for every producer id.
	FromClient bool
	// NeedKeys is set for compacted topics.
	NeedKeys bool
	// Topic and Partition are named in errors.
	Topic     string
	Partition int32
	// LogAppendTime lifts the bounds of timestamps: they will be overwritten, and no client may claim to have done so.
	LogAppendTime bool
	// Now, in ms since 1970, may be ahead of a timestamp by BeforeMaxMs, behind by AfterMaxMs.
	Now, BeforeMaxMs, AfterMaxMs int64
}

// Facts are what validating a batch brings to light.
type Facts struct {
	MaxTimestamp      int64 // of all records, or None
	MaxTimestampDelta int32 // the offset delta of the first record that has it
}

// maxRecordErrors bounds the list of refused records in one answer.
const maxRecordErrors = 100

// Validate checks one v2 batch as a leader must before it appends it, and reads all its
// records to do so. Check must have succeeded. Its error is an *Error with
// INVALID_RECORD, INVALID_TIMESTAMP or UNSUPPORTED_COMPRESSION_TYPE.
func (b Batch) Validate(r Rules) (Facts, error) {
	if b.Legacy() {
		return Facts{}, invalid("format %d cannot be appended, only 2", b.Magic())
	}
	if err := b.checkCount(); err != nil {
		return Facts{}, err
	}
	if r.FromClient {
		if err := b.checkClientHeader(); err != nil {
			return Facts{}, err
		}
	}
	if b.LogAppendTime() && r.FromClient && r.LogAppendTime {
		return Facts{}, &Error{Code: kerr.InvalidTimestamp, Message: "a producer cannot set the timestamp type to LogAppendTime"}
	}
	s, err := b.scan()
	if err != nil {
		return Facts{}, err
	}
	defer s.release()
	v := validation{batch: b, rules: r, facts: Facts{MaxTimestamp: None}}
	if err := v.walk(s); err != nil {
		return Facts{}, err
	}
	return v.facts, v.refusal()
}

func (b Batch) checkCount() error {
	switch {
	case b.Count() <= 0:
		return invalid("a batch cannot hold %d records", b.Count())
	case int64(b.LastOffsetDelta())+1 != int64(b.Count()):
		return invalid("the last offset delta %d does not match %d records", b.LastOffsetDelta(), b.Count())
	}
	return nil
}

func (b Batch) checkClientHeader() error {
	switch {
	case b.BaseOffset() != 0:
		return invalid("the base offset of a batch must be 0 in a request, it is %d", b.BaseOffset())
	case b.Control():
		return invalid("clients are not allowed to write control records")
	case b.ProducerID() > None && b.BaseSequence() < 0:
		return invalid("the sequence number %d is not allowed with producer id %d", b.BaseSequence(), b.ProducerID())
	}
	return nil
}

type validation struct {
	batch     Batch
	rules     Rules
	facts     Facts
	refused   []RecordError
	errors    int  // those in refused, and more
	timestamp bool // a record was refused for its timestamp
}

func (v *validation) walk(s *scanner) error {
	base := v.batch.BaseTimestamp()
	for i := range v.batch.Count() {
		k, err := s.skim()
		if err != nil {
			return err
		}
		if k.offsetDelta != i {
			return invalid("record %d has the offset delta %d", i, k.offsetDelta)
		}
		v.record(i, base+k.timestampDelta, k.hasKey)
	}
	return s.done()
}

func (v *validation) record(i int32, ts int64, hasKey bool) {
	if ts > v.facts.MaxTimestamp {
		v.facts = Facts{ts, i}
	}
	if v.rules.NeedKeys && !hasKey {
		v.refuse(i, fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %s-%d", v.rules.Topic, v.rules.Partition))
		return
	}
	if v.rules.LogAppendTime || ts == None {
		return
	}
	if ts < v.rules.Now-v.rules.BeforeMaxMs || v.rules.AfterMaxMs < ts-v.rules.Now {
		v.timestamp = true
		v.refuse(i, fmt.Sprintf("Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]",
			ts, i, v.rules.Now-v.rules.BeforeMaxMs, v.rules.Now+v.rules.AfterMaxMs))
	}
}

func (v *validation) refuse(i int32, why string) {
	v.errors++
	if len(v.refused) < maxRecordErrors {
		v.refused = append(v.refused, RecordError{i, why})
	}
}

// refusal is the error for all refused records, in Kafka's words: clients show them.
func (v *validation) refusal() error {
	if len(v.refused) == 0 {
		return nil
	}
	if v.timestamp {
		return &Error{Code: kerr.InvalidTimestamp, Message: "One or more records have been rejected due to invalid timestamp", Records: v.refused}
	}
	var first []string
	for _, r := range v.refused[:min(len(v.refused), 3)] {
		first = append(first, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", r.Index, r.Message))
	}
	return &Error{Code: kerr.InvalidRecord, Records: v.refused, Message: fmt.Sprintf(
		"One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
		v.errors, strings.Join(first, ", "))}
}
