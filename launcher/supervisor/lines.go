package supervisor

import (
	"bufio"
	"errors"
	"io"
)

// lineReader reads lines of any length and keeps a bounded part of each: one that is too long costs itself, not what follows it.
type lineReader struct {
	reader *bufio.Reader
	limit  int
	line   []byte
}

func newLineReader(r io.Reader, limit int) *lineReader {
	return &lineReader{reader: bufio.NewReader(r), limit: limit}
}

// next returns the next line, valid until the call after it, and its length with the newline. Of a line longer than limit only the
// beginning is there. The last line may lack its newline.
func (l *lineReader) next() (line []byte, length int, err error) {
	l.line = l.line[:0]
	for {
		part, err := l.reader.ReadSlice('\n')
		length += len(part)
		l.line = append(l.line, part[:min(len(part), l.limit-len(l.line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil, length > 0: // after a last line the next call finds the error again
			return trimNewline(l.line), length, nil
		default:
			return nil, 0, err
		}
	}
}
