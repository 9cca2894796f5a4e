package cluster

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte // nil: null
}

// Record is a record as it was read. Key and Value are nil when they are null. A record is shared: do not change it.
type Record struct {
	Seq           int64 // place in the Tail it came through, from 1
	Topic         string
	Partition     int32
	Offset        int64
	Time          time.Time // the record's timestamp
	LogAppendTime bool      // the timestamp is the broker's (message.timestamp.type)
	Key           []byte
	Value         []byte
	Headers       []Header
	LeaderEpoch   int32  // of the batch; -1 unknown
	ProducerID    int64  // -1: none
	ProducerEpoch int16  // -1: none
	Codec         string // compression of its batch: none, gzip, …
	Transactional bool
}

// Size is the number of payload bytes: key, value and headers.
func (r *Record) Size() int {
	n := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

func fromKgo(r *kgo.Record) Record {
	rec := Record{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, LogAppendTime: r.Attrs.TimestampType() == 1,
		Key: r.Key, Value: r.Value, LeaderEpoch: r.LeaderEpoch, ProducerID: r.ProducerID, ProducerEpoch: r.ProducerEpoch,
		Codec: codecName(r.Attrs.CompressionType()), Transactional: r.Attrs.IsTransactional(),
	}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, Header{h.Key, h.Value})
	}
	return rec
}

// Codec is a compression of record batches; the zero value is none.
type Codec string

const (
	NoCodec Codec = "none"
	Gzip    Codec = "gzip"
	Snappy  Codec = "snappy"
	LZ4     Codec = "lz4"
	Zstd    Codec = "zstd"
)

// Codecs lists every codec in the order of Kafka's numbers for them.
var Codecs = []Codec{NoCodec, Gzip, Snappy, LZ4, Zstd}

func codecName(number uint8) string {
	if int(number) < len(Codecs) {
		return string(Codecs[number])
	}
	return fmt.Sprintf("codec %d", number)
}

// ParseCodec reads a codec's name.
func ParseCodec(s string) (Codec, error) {
	for _, c := range Codecs {
		if string(c) == s {
			return c, nil
		}
	}
	return "", fmt.Errorf("cannot use codec %q: give one of none, gzip, snappy, lz4, zstd", s)
}

func (c Codec) kgo() kgo.CompressionCodec {
	switch c {
	case Gzip:
		return kgo.GzipCompression()
	case Snappy:
		return kgo.SnappyCompression()
	case LZ4:
		return kgo.Lz4Compression()
	case Zstd:
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

// Acks is how many replicas must have a record before it is acknowledged; the zero value is AcksAll.
type Acks string

const (
	AcksAll    Acks = "all" // the whole ISR
	AcksLeader Acks = "1"
	AcksNone   Acks = "0" // nothing is acknowledged: offsets are unknown
)

// ParseAcks reads 0, 1, all or -1.
func ParseAcks(s string) (Acks, error) {
	switch s {
	case "all", "-1":
		return AcksAll, nil
	case "1":
		return AcksLeader, nil
	case "0":
		return AcksNone, nil
	}
	return "", fmt.Errorf("cannot use acks %q: give 0, 1 or all", s)
}

func (a Acks) options() []kgo.Opt {
	switch a {
	case AcksLeader:
		return []kgo.Opt{kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite()}
	case AcksNone:
		return []kgo.Opt{kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite()}
	}
	return []kgo.Opt{kgo.RequiredAcks(kgo.AllISRAcks())}
}
