package batch

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Format 0 has a wrong checksum in the header of its LZ4 frames: clients computed it from the frame's magic number on, and
// others came to expect that (KAFKA-3160). The header is the magic number (4 bytes), flags, block size, an optional
// content size (8 bytes) and dictionary id (4 bytes), and the checksum (1 byte).
const (
	lz4Magic       = 4
	lz4ContentSize = 0x08
	lz4DictID      = 0x01
)

// lz4Descriptor is where the header's checksum is, 0 if the bytes are too few.
func lz4Descriptor(frame []byte) (checksumAt int) {
	if len(frame) < lz4Magic+3 {
		return 0
	}
	at := lz4Magic + 2
	if frame[lz4Magic]&lz4ContentSize != 0 {
		at += 8
	}
	if frame[lz4Magic]&lz4DictID != 0 {
		at += 4
	}
	if at >= len(frame) {
		return 0
	}
	return at
}

// mendLZ4 returns a copy of a frame with the right checksum in its header.
func mendLZ4(frame []byte) []byte {
	frame = slices.Clone(frame)
	if at := lz4Descriptor(frame); at > 0 {
		frame[at] = byte(xxh32(frame[lz4Magic:at]) >> 8)
	}
	return frame
}

// breakLZ4 puts into the header of a frame without optional fields the checksum that clients of format 0 expect.
func breakLZ4(frame []byte) {
	if at := lz4Descriptor(frame); at > 0 {
		frame[at] = byte(xxh32(frame[:at]) >> 8)
	}
}

// xxh32 is xxHash32 with seed 0 of less than 16 bytes: what an LZ4 header is, with the magic number if nothing is optional.
func xxh32(data []byte) uint32 {
	const p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	h := uint32(p5) + uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(data)*p3, 17) * p4
	}
	for _, c := range data {
		h = bits.RotateLeft32(h+uint32(c)*p5, 11) * p1
	}
	h = (h ^ h>>15) * p2
	h = (h ^ h>>13) * p3
	return h ^ h>>16
}
