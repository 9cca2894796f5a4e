package batch

import (
	"encoding/binary"
)

// ControlType is what a control batch says.
type ControlType int16

const (
	Abort  ControlType = 0
	Commit ControlType = 1
)

// Marker ends a producer's transaction (KIP-98).
type Marker struct {
	Type             ControlType
	CoordinatorEpoch int32
}

// BuildMarker makes the control batch that ends the transaction of a producer.
// ts is the time of writing in ms since 1970.
func BuildMarker(m Marker, producerID int64, producerEpoch int16, ts int64) Batch {
	o := NewOptions()
	o.Transactional, o.Control = true, true
	o.ProducerID, o.ProducerEpoch = producerID, producerEpoch
	key := binary.BigEndian.AppendUint16(make([]byte, 2, 4), uint16(m.Type))
	value := binary.BigEndian.AppendUint32(make([]byte, 2, 6), uint32(m.CoordinatorEpoch))
	b, err := Build(o, Record{Timestamp: ts, Key: key, Value: value})
	if err != nil {
		panic(err) // one small uncompressed record always fits
	}
	return b
}

// Marker reads a control batch. ok is false for control records of other
// kinds, and for a batch that holds none any more.
func (b Batch) Marker() (m Marker, ok bool, err error) {
	for r, err := range b.Records() {
		if err != nil {
			return Marker{}, false, err
		}
		if len(r.Key) < 4 {
			return Marker{}, false, invalid("a control record's key has %d bytes", len(r.Key))
		}
		m.Type = ControlType(binary.BigEndian.Uint16(r.Key[2:]))
		if m.Type != Abort && m.Type != Commit {
			return Marker{}, false, nil
		}
		if len(r.Value) < 6 {
			return Marker{}, false, invalid("a transaction marker's value has %d bytes", len(r.Value))
		}
		m.CoordinatorEpoch = int32(binary.BigEndian.Uint32(r.Value[2:]))
		return m, true, nil
	}
	return Marker{}, false, nil
}
