package batch

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Recompress returns a copy of b whose records are compressed with codec. It
// streams, so that it needs memory for the result only, and stops with MESSAGE_TOO_LARGE
// when the result would exceed maxBytes.
func (b Batch) Recompress(codec Codec, levels Levels, maxBytes int) (Batch, error) {
	out := &boundedBuffer{max: maxBytes}
	out.data = append(out.data, b[:HeaderSize]...)
	if err := b.transcode(codec, levels, out); err != nil {
		if errors.Is(err, errFull) {
			return nil, &Error{Code: kerr.MessageTooLarge, Message: "the batch is too large once it is " + codec.String()}
		}
		return nil, undecodable(err)
	}
	n := Batch(out.data)
	attributes := b.attributes()&^codecMask | int16(codec)
	binary.BigEndian.PutUint16(n[atAttributes:], uint16(attributes))
	binary.BigEndian.PutUint32(n[atLength:], uint32(len(n)-Overhead))
	n.seal()
	return n, nil
}

// transcode writes b's records to out, compressed with codec.
func (b Batch) transcode(codec Codec, levels Levels, out io.Writer) error {
	s, err := b.scan()
	if err != nil {
		return err
	}
	defer s.release()
	if codec == Uncompressed {
		return s.copyTo(out)
	}
	w, err := newCompressor(codec, levels, out)
	if err != nil {
		return err
	}
	return errors.Join(s.copyTo(w), w.Close())
}

// copyTo writes everything that is left.
func (s *scanner) copyTo(w io.Writer) error {
	for {
		if err := s.fill(1); err != nil {
			return err
		}
		if s.pos == s.end {
			return nil
		}
		if _, err := w.Write(s.buf[s.pos:s.end]); err != nil {
			return err
		}
		s.pos = s.end
	}
}

var errFull = errors.New("the buffer is full")

// boundedBuffer collects up to max bytes.
type boundedBuffer struct {
	data []byte
	max  int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.max {
		return 0, errFull
	}
	b.data = append(b.data, p...)
	return len(p), nil
}
