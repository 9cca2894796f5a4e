package checklist

import (
	"bytes"
	"fmt"
	"time"
)

// Message is a record as every library sees it.
type Message struct {
	Partition  int32
	Offset     int64
	Key, Value []byte
	Header     string // the value of the one header, named "h"
	Time       time.Time
}

// messages makes n different ones, a millisecond apart, large and alike enough that compression pays.
func messages(n int, label string, from time.Time) []Message {
	out := make([]Message, n)
	for i := range out {
		out[i] = Message{
			Key:    fmt.Appendf(nil, "key-%d", i),
			Value:  fmt.Appendf(nil, "%s-%d %s", label, i, bytes.Repeat([]byte("klab "), i%50)),
			Header: fmt.Sprintf("header-%d", i),
			Time:   from.Add(time.Duration(i) * time.Millisecond).Truncate(time.Millisecond),
		}
	}
	return out
}

// same compares contents in order; offsets are the broker's.
func same(want, got []Message) error {
	if len(want) != len(got) {
		return fmt.Errorf("read %d messages, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		switch {
		case !bytes.Equal(w.Key, g.Key) || !bytes.Equal(w.Value, g.Value):
			return fmt.Errorf("message %d is %q=%q, want %q=%q", i, g.Key, g.Value, w.Key, w.Value)
		case w.Header != g.Header:
			return fmt.Errorf("message %d has header %q, want %q", i, g.Header, w.Header)
		case !w.Time.Equal(g.Time):
			return fmt.Errorf("message %d has time %v, want %v", i, g.Time, w.Time)
		}
	}
	return nil
}
