package znode

import "strconv"

// ProducerIDBlockSize is how many producer ids one block has.
const ProducerIDBlockSize = 1000

// ProducerIDBlock is the data of /latest_producer_id_block: the block that was
// given out last. Null data means that none was.
type ProducerIDBlock struct {
	Broker     int32
	Start, End int64 // both inclusive
}

// Encode writes version 1, with the bounds as decimal strings.
func (p ProducerIDBlock) Encode() []byte {
	return encode(struct {
		Version int    `json:"version"`
		Broker  int32  `json:"broker"`
		Start   string `json:"block_start"`
		End     string `json:"block_end"`
	}{1, p.Broker, strconv.FormatInt(p.Start, 10), strconv.FormatInt(p.End, 10)})
}

// DecodeProducerIDBlock reads what Encode writes.
func DecodeProducerIDBlock(data []byte) (ProducerIDBlock, error) {
	const what = "producer id block"
	var p ProducerIDBlock
	o, err := decodeObject(what, data)
	if err != nil {
		return p, err
	}
	var start, end decimal
	err = firstError(o.need(what, "broker", &p.Broker), o.need(what, "block_start", &start), o.need(what, "block_end", &end))
	p.Start, p.End = int64(start), int64(end)
	return p, err
}
