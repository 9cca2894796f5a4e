package storage

import (
	"errors"
	"io"
	"sync"

	"klab/broker/storage/batch"
)

// window reads a file's batches forward, a piece at a time.
type window struct {
	src   io.ReaderAt
	limit int64 // nothing is read at or beyond this position
	buf   []byte
	at    int64 // the position of buf[0]
	n     int   // how many bytes of buf are filled
}

const (
	smallWindow = 8 << 10   // to find a batch: the usual distance between index entries, twice
	largeWindow = 256 << 10 // to read through a segment
)

var (
	smallWindows = sync.Pool{New: func() any { return &window{buf: make([]byte, smallWindow)} }}
	largeWindows = sync.Pool{New: func() any { return &window{buf: make([]byte, largeWindow)} }}
)

// openWindow takes a window out of a pool; close puts it back.
func openWindow(pool *sync.Pool, src io.ReaderAt, limit int64) *window {
	w := pool.Get().(*window)
	w.src, w.limit, w.at, w.n = src, limit, 0, 0
	return w
}

func (w *window) close(pool *sync.Pool) {
	w.src = nil
	pool.Put(w)
}

// bytes returns n bytes at a position, valid until the next call. It returns
// io.EOF at the limit and batch.ErrShort if fewer are left.
func (w *window) bytes(at int64, n int) ([]byte, error) {
	if at >= w.limit {
		return nil, io.EOF
	}
	if int64(n) > w.limit-at {
		return nil, batch.ErrShort
	}
	if at < w.at || at+int64(n) > w.at+int64(w.n) {
		if err := w.read(at); err != nil {
			return nil, err
		}
		if n > w.n {
			return nil, batch.ErrShort
		}
	}
	from := at - w.at
	return w.buf[from : from+int64(n)], nil
}

func (w *window) read(at int64) error {
	size := min(int64(len(w.buf)), w.limit-at)
	n, err := w.src.ReadAt(w.buf[:size], at)
	w.at, w.n = at, n
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// header returns the batch header at a position. Of the last batch of a legacy
// format it may be shorter than batch.HeaderSize.
func (w *window) header(at int64) (batch.Batch, error) {
	head, err := w.bytes(at, batch.MagicSize)
	if err != nil {
		return nil, err
	}
	h := batch.Batch(head)
	if err := h.CheckHeader(); err != nil {
		return nil, err
	}
	if h.Size() > w.limit-at {
		return nil, batch.ErrShort
	}
	head, err = w.bytes(at, int(min(h.Size(), batch.HeaderSize)))
	return batch.Batch(head), err
}

// whole returns the batch at a position, whose header is known to be sound. It
// allocates only for a batch larger than the window.
func (w *window) whole(at, size int64) (batch.Batch, error) {
	if size <= int64(len(w.buf)) {
		b, err := w.bytes(at, int(size))
		return batch.Batch(b), err
	}
	b := make(batch.Batch, size)
	if n, err := w.src.ReadAt(b, at); int64(n) < size {
		return nil, errors.Join(batch.ErrShort, err)
	}
	return b, nil
}

// check verifies the checksum of the batch at a position, in memory if it is
// small and piece by piece if it is not.
func (w *window) check(at int64, h batch.Batch) error {
	size := h.Size()
	if size <= int64(len(w.buf)) {
		b, err := w.whole(at, size)
		if err != nil {
			return err
		}
		return b.Check()
	}
	return batch.CheckFrom(io.NewSectionReader(w.src, at, size))
}
