package storage

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// Error is a failure with the code that Kafka's protocol has for it.
type Error = batch.Error

// ErrOffsetOutOfRange is wrapped by the error of a read outside of the log.
var ErrOffsetOutOfRange error = kerr.OffsetOutOfRange

// errCorrupt is the code of what is damaged.
var errCorrupt = kerr.CorruptMessage

func errorf(code *kerr.Error, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// isKafka reports whether an error carries one of Kafka's codes already.
func isKafka(err error) bool {
	_, ok := errors.AsType[*Error](err)
	return ok
}
