package batch

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// MaxDecompressed bounds what one batch may decompress to, in bytes. It bounds
// time: memory is bounded by the windows of the decompressors.
const MaxDecompressed = 1 << 30

// Decoders are costly to make and cheap to reset, hence the pools.
var (
	gzipReaders   sync.Pool // *gzip.Reader
	snappyReaders sync.Pool // *snappyReader
	lz4Readers    sync.Pool // *lz4.Reader
	zstdReaders   sync.Pool // *zstd.Decoder
)

const (
	// zstdWindow is the largest window that any level below 20 asks for, and
	// the largest that RFC 8878 recommends to support.
	zstdWindow = 8 << 20
	// zstdWideWindow is that of level 22, the largest that Kafka's own decoder accepts.
	zstdWideWindow = 128 << 20
)

// zstdWide admits one decoder with a wide window at a time: a few hostile
// batches of 20 bytes must not claim 128 MiB each.
var zstdWide sync.Mutex

// decompressor reads decompressed bytes until it is released.
type decompressor struct {
	io.Reader
	release func()
}

// newDecompressor opens a section of compressed records. The result must be
// released, and not be used after that.
func newDecompressor(c Codec, src []byte) (decompressor, error) {
	switch c {
	case Gzip:
		return newGzip(src)
	case Snappy:
		return newSnappy(src), nil
	case LZ4:
		r, _ := lz4Readers.Get().(*lz4.Reader)
		if r == nil {
			r = lz4.NewReader(nil)
		}
		r.Reset(bytes.NewReader(src))
		return decompressor{r, func() { lz4Readers.Put(r) }}, nil
	case Zstd:
		return newZstd(src)
	}
	return decompressor{}, c.unsupported()
}

func newGzip(src []byte) (decompressor, error) {
	r, _ := gzipReaders.Get().(*gzip.Reader)
	if r == nil {
		r = new(gzip.Reader)
	}
	if err := r.Reset(bytes.NewReader(src)); err != nil {
		return decompressor{}, err
	}
	return decompressor{r, func() { gzipReaders.Put(r) }}, nil
}

func newZstd(src []byte) (decompressor, error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return decompressor{}, err
	}
	if h.WindowSize > zstdWindow {
		return newWideZstd(src)
	}
	d, _ := zstdReaders.Get().(*zstd.Decoder)
	if d == nil {
		var err error
		if d, err = openZstd(zstdWindow); err != nil {
			return decompressor{}, err
		}
	}
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return decompressor{}, err
	}
	return decompressor{d, func() { zstdReaders.Put(d) }}, nil
}

func newWideZstd(src []byte) (decompressor, error) {
	zstdWide.Lock()
	d, err := openZstd(zstdWideWindow)
	if err == nil {
		err = d.Reset(bytes.NewReader(src))
	}
	if err != nil {
		zstdWide.Unlock()
		return decompressor{}, err
	}
	return decompressor{d, func() { d.Close(); zstdWide.Unlock() }}, nil
}

func openZstd(window uint64) (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1), // decodes in the caller: no goroutines to stop
		zstd.WithDecoderLowmem(true),
		zstd.WithDecodeBuffersBelow(0),
		zstd.WithDecoderMaxWindow(window))
}
