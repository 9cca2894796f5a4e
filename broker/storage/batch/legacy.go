package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// Where the fields of a message of format 0 and 1 begin.
const (
	atLegacyCRC        = 12
	atLegacyAttributes = 17
	atLegacyTimestamp  = 18 // format 1
)

// checkLegacy verifies the checksum of an outer message: CRC-32 (IEEE) from the
// magic byte to the end.
func (b Batch) checkLegacy() error {
	want := binary.BigEndian.Uint32(b[atLegacyCRC:])
	if got := crc32.ChecksumIEEE(b[atMagic:]); got != want {
		return corrupt("the checksum is %08x, the message says %08x", got, want)
	}
	return nil
}
