//go:build e2e || interop

package e2e

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// records writes what a Fetch returned or a Produce sends: one line a batch or old message.
func (w *textWriter) records(path string, b []byte) {
	if len(b) == 0 {
		w.leaf(path, "no bytes")
	}
	for i := 0; len(b) > 0; i++ {
		at := fmt.Sprintf("%s[%d]", path, i)
		if len(b) < 17 {
			w.leaf(at, fmt.Sprintf("cut to %d bytes", len(b)))
			return
		}
		size := 12 + int(int32(binary.BigEndian.Uint32(b[8:])))
		if size < 17 || size > len(b) {
			w.leaf(at, fmt.Sprintf("cut: %d of %d bytes, magic %d", len(b), size, b[16]))
			return
		}
		if b[16] < 2 {
			w.leaf(at, w.oldMessage(b[:size]))
		} else {
			w.leaf(at, w.batch(b[:size]))
		}
		b = b[size:]
	}
}

func (w *textWriter) batch(b []byte) string {
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(b); err != nil {
		return fmt.Sprintf("undecodable batch of %d bytes: %v", len(b), err)
	}
	crc := ""
	if crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)) != uint32(batch.CRC) {
		crc = " wrong CRC"
	}
	from := ""
	if batch.ProducerID != -1 || batch.ProducerEpoch != -1 || batch.FirstSequence != -1 {
		from = fmt.Sprintf(", producer %s epoch %d sequence %d", w.symbols.number("ProducerID", batch.ProducerID), batch.ProducerEpoch, batch.FirstSequence)
	}
	return fmt.Sprintf("batch at %d, magic %d, epoch %d, attributes %#x, last delta %d, times %s to %s%s%s: %s",
		batch.FirstOffset, batch.Magic, batch.PartitionLeaderEpoch, batch.Attributes, batch.LastOffsetDelta,
		w.symbols.number("", batch.FirstTimestamp), w.symbols.number("", batch.MaxTimestamp), from, crc, w.batchRecords(&batch))
}

func (w *textWriter) batchRecords(batch *kmsg.RecordBatch) string {
	raw, err := kgo.DefaultDecompressor().Decompress(batch.Records, kgo.CompressionCodecType(batch.Attributes&7))
	if err != nil {
		return fmt.Sprintf("%d records that cannot be decompressed: %v", batch.NumRecords, err)
	}
	var words []string
	for range batch.NumRecords {
		var r kmsg.Record
		length, n := binary.Varint(raw)
		if n <= 0 || length < 0 || int(length)+n > len(raw) || r.ReadFrom(raw[:n+int(length)]) != nil {
			words = append(words, "rubbish")
			break
		}
		raw = raw[n+int(length):]
		words = append(words, fmt.Sprintf("+%d +%dms %s=%s%s", r.OffsetDelta, r.TimestampDelta64, bytesOrNull(r.Key), bytesOrNull(r.Value), headers(r.Headers)))
	}
	if len(raw) > 0 {
		words = append(words, fmt.Sprintf("%d bytes more", len(raw)))
	}
	return strings.Join(words, ", ")
}

func headers(hs []kmsg.Header) string {
	words := ""
	for _, h := range hs {
		words += fmt.Sprintf(" {%q: %s}", h.Key, bytesOrNull(h.Value))
	}
	return words
}

func bytesOrNull(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// oldMessage writes an entry of a message set (magic 0 or 1), and what is in it when it is a compressed one.
func (w *textWriter) oldMessage(b []byte) string {
	offset, magic, attributes := int64(binary.BigEndian.Uint64(b)), b[16], b[17]
	crc := ""
	if crc32.ChecksumIEEE(b[16:]) != binary.BigEndian.Uint32(b[12:]) {
		crc = " wrong CRC"
	}
	at, when := 18, ""
	if magic == 1 {
		when, at = " time "+w.symbols.number("", int64(binary.BigEndian.Uint64(b[18:]))), 26
	}
	key, rest := sizedBytes(b[at:])
	value, _ := sizedBytes(rest)
	head := fmt.Sprintf("message at %d, magic %d, attributes %#x%s%s: %s=", offset, magic, attributes, when, crc, bytesOrNull(key))
	if attributes&7 == 0 {
		return head + bytesOrNull(value)
	}
	inner, err := kgo.DefaultDecompressor().Decompress(value, kgo.CompressionCodecType(attributes&7))
	if err != nil {
		return head + err.Error()
	}
	nested := textWriter{symbols: w.symbols}
	nested.records("", inner)
	words := make([]string, len(nested.fields))
	for i, f := range nested.fields {
		words[i] = f.value
	}
	return head + "(" + strings.Join(words, "; ") + ")"
}

func sizedBytes(b []byte) (value, rest []byte) {
	if len(b) < 4 {
		return nil, nil
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 || n > len(b)-4 {
		return nil, b[4:]
	}
	return b[4 : 4+n], b[4+n:]
}
