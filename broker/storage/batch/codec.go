package batch

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Codec is how a batch's records are compressed.
type Codec int8

const (
	Uncompressed Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
	codecs // how many there are
)

// String is the value of Kafka's compression.type.
func (c Codec) String() string {
	switch c {
	case Uncompressed:
		return "uncompressed"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", int8(c))
}

// ParseCodec reads a compression.type. ok is false for "producer" (keep what
// the producer chose) and for names that are none.
func ParseCodec(name string) (c Codec, ok bool) {
	for c := range codecs {
		if c.String() == name {
			return c, true
		}
	}
	return Uncompressed, false
}

// Levels are Kafka's compression.gzip.level, compression.lz4.level and
// compression.zstd.level. The zero value stands for Kafka's defaults: gzip's
// own, 9 and 3. (No codec has a level 0 that Kafka allows but zstd, where it
// means the default.)
type Levels struct{ Gzip, LZ4, Zstd int }

func (c Codec) unsupported() error {
	return &Error{Code: kerr.UnsupportedCompressionType, Message: fmt.Sprintf("%v is unknown", c)}
}
