package server

import (
	"fmt"
	"io"

	"klab/broker/buffer"
)

const (
	firstRead = 64 << 10 // what a connection may claim before it has shown that it delivers
	earnsRest = 4 << 20  // what it has to deliver of a frame to be given room for all of it
)

// readFrame fills a buffer with the n bytes of a frame. It starts with no more than trusted bytes and doubles as they
// arrive, so a claim alone costs nothing; from earnsRest on, doubling would cost more than it saves. On an error the buffer
// is back in the pool.
func readFrame(pool *buffer.Pool, r io.Reader, n, trusted int) (*[]byte, error) {
	buf := pool.Get(min(n, max(trusted, firstRead)))
	for have := 0; ; {
		m, err := io.ReadFull(r, (*buf)[have:])
		have += m
		if err != nil {
			pool.Put(buf)
			return nil, fmt.Errorf("cannot read a frame of %d bytes after %d: %w", n, have, err)
		}
		if have == n {
			return buf, nil
		}
		room := 2 * have
		if have >= earnsRest {
			room = n
		}
		larger := pool.Get(min(n, room))
		copy(*larger, *buf)
		pool.Put(buf)
		buf = larger
	}
}
