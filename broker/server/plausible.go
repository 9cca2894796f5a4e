package server

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"
)

// maxPlainRequest bounds every request but Produce, in bytes. The codec allocates an array's elements when it has read its
// length and lets each element claim a single byte, so that a frame of n bytes could ask for some hundred times n. Only
// Produce carries bulk data; nothing else comes near this. (Kafka bounds all alike by socket.request.max.bytes.)
const maxPlainRequest = 8 << 20

var errCutShort = errors.New("it is cut short")

// plausible refuses a body whose array lengths its bytes cannot hold, before the codec allocates for them.
func plausible(key, version int16, body []byte) error {
	if key == keyProduce {
		return plausibleProduce(version, body)
	}
	if len(body) > maxPlainRequest {
		return fmt.Errorf("it has %d bytes, and only Produce may have more than %d", len(body), maxPlainRequest)
	}
	return nil
}

// plausibleProduce walks over a Produce request without keeping anything.
func plausibleProduce(version int16, body []byte) error {
	w := walker{b: kbin.Reader{Src: body}, flexible: version >= 9}
	if version >= 3 {
		w.bytes(w.shortLen()) // transactional id
	}
	w.bytes(2 + 4) // acks, timeout
	for range w.arrayLen() {
		w.bytes(w.shortLen()) // topic
		for range w.arrayLen() {
			w.bytes(4) // partition
			w.bytes(w.longLen())
			w.tags()
			if !w.b.Ok() {
				return errCutShort
			}
		}
		w.tags()
		if !w.b.Ok() {
			return errCutShort
		}
	}
	w.tags()
	if !w.b.Ok() {
		return errCutShort
	}
	return nil
}

// walker passes over fields in either encoding of lengths.
type walker struct {
	b        kbin.Reader
	flexible bool
}

func (w *walker) bytes(n int) {
	if n > 0 {
		w.b.Span(n)
	}
}

func (w *walker) shortLen() int {
	if w.flexible {
		return int(w.b.Uvarint()) - 1
	}
	return int(w.b.Int16())
}

func (w *walker) longLen() int {
	if w.flexible {
		return int(w.b.Uvarint()) - 1
	}
	return int(w.b.Int32())
}

func (w *walker) arrayLen() int32 {
	if w.flexible {
		return w.b.CompactArrayLen()
	}
	return w.b.ArrayLen()
}

func (w *walker) tags() {
	if w.flexible {
		skipTags(&w.b)
	}
}
