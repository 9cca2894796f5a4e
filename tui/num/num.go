// Package num writes numbers the same way on every screen: thousands divided by commas, bytes to two or
// three digits, spans of time in one unit. What is unknown is "-".
package num

import (
	"strconv"
	"time"

	"klab/tui/safe"
)

// Count writes n with a comma between thousands; a negative n is unknown.
func Count(n int64) safe.Text {
	if n < 0 {
		return unknown()
	}
	return safe.Clean(group(n))
}

// ID writes a broker, producer or process id, a partition or an epoch, as it is typed; a negative n is unknown or none.
func ID[N int | int32 | int64](n N) safe.Text {
	if n < 0 {
		return unknown()
	}
	return safe.Clean(strconv.FormatInt(int64(n), 10))
}

// IDs writes ids divided by spaces; none is "-".
func IDs(ids []int32) safe.Text {
	if len(ids) == 0 {
		return unknown()
	}
	var buf []byte
	for i, id := range ids {
		if i > 0 {
			buf = append(buf, ' ')
		}
		buf = strconv.AppendInt(buf, int64(id), 10)
	}
	return safe.Clean(buf)
}

// Bytes writes a size in the largest unit (of 1,000) that leaves something before the point; a negative n is
// unknown.
func Bytes(n int64) safe.Text {
	if n < 0 {
		return unknown()
	}
	if n < 1000 {
		return safe.Clean(strconv.FormatInt(n, 10) + " B")
	}
	v, unit := float64(n), 0
	for v >= 999.5 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return safe.Clean(strconv.FormatFloat(v, 'f', digits, 64) + " " + units[unit])
}

var units = [...]string{"B", "kB", "MB", "GB", "TB", "PB"}

// Span writes a duration as a person says it: "12 s", "3 m", "5 h", "2 d"; below a second "0 s".
func Span(d time.Duration) safe.Text {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return whole(d, time.Second, " s")
	case d < time.Hour:
		return whole(d, time.Minute, " m")
	case d < 24*time.Hour:
		return whole(d, time.Hour, " h")
	}
	return whole(d, 24*time.Hour, " d")
}

func whole(d, unit time.Duration, name string) safe.Text {
	return safe.Clean(strconv.FormatInt(int64(d/unit), 10) + name)
}

// Short is Span with a decimal below ten seconds, for what moves while one looks: "0.1 s".
func Short(d time.Duration) safe.Text {
	if d < 10*time.Second {
		return Tenths(d)
	}
	return Span(d)
}

// Tenths writes a duration in seconds with one decimal: "1.4 s".
func Tenths(d time.Duration) safe.Text {
	return safe.Clean(strconv.FormatFloat(max(d, 0).Seconds(), 'f', 1, 64) + " s")
}

// After writes how long after its cause something happened: "+2,087 ms"; the cause itself is "0".
func After(d time.Duration) safe.Text {
	if d <= 0 {
		return safe.Const("0")
	}
	return safe.Clean("+" + group(d.Milliseconds()) + " ms")
}

// Millis writes a duration in milliseconds; below ten with one decimal.
func Millis(d time.Duration) safe.Text {
	if d < 10*time.Millisecond {
		return safe.Clean(strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 1, 64) + " ms")
	}
	return safe.Clean(group(d.Milliseconds()) + " ms")
}

// Clock writes the local time of day to the millisecond.
func Clock(t time.Time) safe.Text { return safe.Clean(t.Local().Format("15:04:05.000")) }

// Stamp writes a local date and time to the millisecond.
func Stamp(t time.Time) safe.Text { return safe.Clean(t.Local().Format("2006-01-02 15:04:05.000")) }

func unknown() safe.Text { return safe.Const("-") }

func group(n int64) string {
	digits := strconv.FormatInt(n, 10)
	if len(digits) <= 3 {
		return digits
	}
	buf := make([]byte, 0, len(digits)+len(digits)/3)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, digits[i])
	}
	return string(buf)
}
