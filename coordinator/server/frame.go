package server

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A frameLengthError is of a frame that is longer than allowed, or says so.
type frameLengthError struct{ length, limit int }

func (e frameLengthError) Error() string {
	return fmt.Sprintf("a frame of %d bytes, the limit is %d", e.length, e.limit)
}

// readFrame reads a frame's payload. What it allocates grows with what has arrived, not with what the length claims.
func readFrame(r *bufio.Reader, limit int) ([]byte, error) {
	length, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(length)))
	if n < 0 || n > limit {
		return nil, frameLengthError{n, limit}
	}
	r.Discard(4)
	const step = 64 << 10
	frame := make([]byte, 0, min(n, step))
	for len(frame) < n {
		have := len(frame)
		part := min(n-have, max(have, step))
		frame = append(frame, make([]byte, part)...)
		if _, err := io.ReadFull(r, frame[have:]); err != nil {
			return nil, err
		}
	}
	return frame, nil
}

// finishFrame fills in the length of a frame that begins at start.
func finishFrame(b []byte, start int) {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
}
