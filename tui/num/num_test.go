package num

import (
	"testing"
	"time"

	"klab/tui/safe"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		got  safe.Text
		want string
	}{
		{Count(0), "0"}, {Count(999), "999"}, {Count(10423), "10,423"}, {Count(1234567), "1,234,567"}, {Count(-1), "-"},
		{ID(3), "3"}, {ID(-1), "-"},
		{IDs([]int32{1, 2, 3}), "1 2 3"}, {IDs(nil), "-"},
		{Bytes(-1), "-"}, {Bytes(0), "0 B"}, {Bytes(999), "999 B"}, {Bytes(1000), "1.0 kB"}, {Bytes(3_140_000), "3.1 MB"},
		{Bytes(14_400_000), "14 MB"}, {Bytes(999_700), "1.0 MB"}, {Bytes(9_960), "10 kB"}, {Bytes(5 << 40), "5.5 TB"},
		{Span(0), "0 s"}, {Span(-time.Second), "0 s"}, {Span(59 * time.Second), "59 s"}, {Span(3 * time.Minute), "3 m"},
		{Span(23 * time.Hour), "23 h"}, {Span(49 * time.Hour), "2 d"},
		{Short(130 * time.Millisecond), "0.1 s"}, {Short(12 * time.Second), "12 s"}, {Tenths(1440 * time.Millisecond), "1.4 s"},
		{After(0), "0"}, {After(2087 * time.Millisecond), "+2,087 ms"}, {After(87 * time.Millisecond), "+87 ms"},
		{Millis(2100 * time.Microsecond), "2.1 ms"}, {Millis(1234 * time.Millisecond), "1,234 ms"},
	} {
		if tt.got.String() != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
