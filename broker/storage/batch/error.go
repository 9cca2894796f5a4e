package batch

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Error is a failure with the code that Kafka's protocol has for it.
// errors.Is(err, kerr.CorruptMessage) and the like hold for it and for what wraps it.
type Error struct {
	Code    *kerr.Error
	Message string        // for the person who reads the client's log
	Records []RecordError // which records of the batch were at fault; often none
	Cause   error         // what failed below, or nil
}

// RecordError names one record that a leader refused (Produce v8+, KIP-467).
type RecordError struct {
	Index   int32 // within the batch, from 0
	Message string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code.Message, e.Message, e.Cause)
	}
	return e.Code.Message + ": " + e.Message
}

// Unwrap gives the code and the cause to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.Cause}
}

// ErrShort says that the bytes end within a batch: more of them are needed.
var ErrShort = errors.New("the bytes end within a batch")

func corrupt(format string, args ...any) error {
	return &Error{Code: kerr.CorruptMessage, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &Error{Code: kerr.InvalidRecord, Message: fmt.Sprintf(format, args...)}
}
