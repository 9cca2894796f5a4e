package batch

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// newCompressor opens a writer whose output is what Kafka's own producer would
// write, but for the compressor's choices. Close ends the stream.
func newCompressor(c Codec, levels Levels, out io.Writer) (io.WriteCloser, error) {
	switch c {
	case Gzip:
		level := levels.Gzip
		if level == 0 {
			level = gzip.DefaultCompression
		}
		return gzip.NewWriterLevel(out, level)
	case Snappy:
		return &snappyWriter{out: out}, nil
	case LZ4:
		return newLZ4Writer(levels.LZ4, out)
	case Zstd:
		level := levels.Zstd
		if level == 0 {
			level = 3
		}
		return zstd.NewWriter(out,
			zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
	}
	return nil, c.unsupported()
}

// newLZ4Writer writes frames as Kafka does: independent blocks of 64 KiB, no
// checksum of the content. Levels above 9 are compressed as 9.
func newLZ4Writer(level int, out io.Writer) (io.WriteCloser, error) {
	if level == 0 {
		level = 9
	}
	w := lz4.NewWriter(out)
	err := w.Apply(
		lz4.BlockSizeOption(lz4.Block64Kb),
		lz4.ChecksumOption(false),
		lz4.CompressionLevelOption(lz4.CompressionLevel(1<<(8+min(level, 9)))))
	return w, err
}
