package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A producer snapshot (kafka-formats B.7): version, checksum, count, entries.
const (
	snapshotVersion   = 1
	snapshotHeader    = 10
	snapshotEntrySize = 46
)

func formatSnapshot(list []*producer) []byte {
	be := binary.BigEndian
	b := make([]byte, snapshotHeader, snapshotHeader+len(list)*snapshotEntrySize)
	be.PutUint16(b, snapshotVersion)
	be.PutUint32(b[6:], uint32(len(list)))
	for _, p := range list {
		last, _ := p.last()
		b = be.AppendUint64(b, uint64(p.id))
		b = be.AppendUint16(b, uint16(p.epoch))
		b = be.AppendUint32(b, uint32(last.lastSeq))
		b = be.AppendUint64(b, uint64(last.lastOffset))
		b = be.AppendUint32(b, uint32(last.offsetDelta))
		b = be.AppendUint64(b, uint64(p.timestamp))
		b = be.AppendUint32(b, uint32(p.coordinatorEpoch))
		b = be.AppendUint64(b, uint64(p.txnFirst))
	}
	be.PutUint32(b[2:], snapshotChecksum(b))
	return b
}

func snapshotChecksum(b []byte) uint32 {
	return crc32.Checksum(b[6:], crc32.MakeTable(crc32.Castagnoli))
}

func parseSnapshot(b []byte) ([]*producer, error) {
	be := binary.BigEndian
	if len(b) < snapshotHeader {
		return nil, fmt.Errorf("%d bytes are too few", len(b))
	}
	if v := be.Uint16(b); v != snapshotVersion {
		return nil, fmt.Errorf("version %d is not %d", v, snapshotVersion)
	}
	if want, got := be.Uint32(b[2:]), snapshotChecksum(b); want != got {
		return nil, fmt.Errorf("the checksum is %08x, the file says %08x", got, want)
	}
	entries := b[snapshotHeader:]
	if n := int64(int32(be.Uint32(b[6:]))); n*snapshotEntrySize != int64(len(entries)) {
		return nil, fmt.Errorf("%d entries are announced, %d bytes follow", n, len(entries))
	}
	list := make([]*producer, 0, len(entries)/snapshotEntrySize)
	for ; len(entries) > 0; entries = entries[snapshotEntrySize:] {
		list = append(list, parseSnapshotEntry(entries))
	}
	return list, nil
}

func parseSnapshotEntry(e []byte) *producer {
	be := binary.BigEndian
	p := &producer{
		id:               int64(be.Uint64(e)),
		epoch:            int16(be.Uint16(e[8:])),
		timestamp:        int64(be.Uint64(e[26:])),
		coordinatorEpoch: int32(be.Uint32(e[34:])),
		txnFirst:         int64(be.Uint64(e[38:])),
	}
	if lastOffset := int64(be.Uint64(e[14:])); lastOffset >= 0 {
		p.remember(producedBatch{
			lastOffset:  lastOffset,
			timestamp:   p.timestamp,
			offsetDelta: int32(be.Uint32(e[22:])),
			lastSeq:     int32(be.Uint32(e[10:])),
		})
	}
	return p
}
