package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// What older fetches can be given: zstd since version 10 (KIP-110), format 2 since version 4, format 1 since version 2.
const (
	fetchKnowsZstd    = 10
	fetchKnowsFormat2 = 4
	fetchKnowsFormat1 = 2
)

// convert brings records into a format that the request's version knows.
func (e *evaluation) convert(part *fetchPart, v *view, records []byte) ([]byte, *kerr.Error) {
	if e.version >= fetchKnowsZstd {
		return records, nil
	}
	c := v.at.log.Config()
	if c.CompressionType == batch.Zstd.String() {
		return nil, kerr.UnsupportedCompressionType
	}
	if e.version >= fetchKnowsFormat2 {
		return records, nil
	}
	if !c.DownConversion && !e.follower() {
		return nil, kerr.UnsupportedVersion
	}
	magic := int8(1)
	if e.version < fetchKnowsFormat1 {
		magic = 0
	}
	old, err := batch.Downgrade(records, magic, part.fetchOffset)
	if err != nil {
		return nil, codeOf(err)
	}
	return old, nil
}
