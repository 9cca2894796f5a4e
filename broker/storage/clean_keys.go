package storage

import (
	"crypto/md5"
	"encoding/binary"
)

// keyMap remembers the last offset of each key in bounded memory (Kafka's SkimpyOffsetMap): keys are known by their MD5
// only. It grows with what is put into it, up to most slots.
type keyMap struct {
	slots  []keySlot
	used   int
	most   int     // slots
	load   float64 // which part of most may be used
	latest int64   // the last offset that the map covers, -1 if it covers nothing
}

// keySlot is 24 bytes, as in Kafka. next is the offset + 1; 0 means free.
type keySlot struct {
	hash [md5.Size]byte
	next int64
}

const (
	keySlotSize   = md5.Size + 8
	firstKeySlots = 1 << 10
)

// newKeyMap takes at most the given bytes, of which it fills a part (log.cleaner.io.buffer.load.factor).
func newKeyMap(bytes int64, load float64) *keyMap {
	most := max(int(bytes/keySlotSize), 2)
	return &keyMap{slots: make([]keySlot, min(firstKeySlots, most)), most: most, load: load, latest: -1}
}

// put notes a key at an offset. It reports false, and notes nothing, if there is no room for another key.
func (m *keyMap) put(key []byte, offset int64) bool {
	hash := md5.Sum(key)
	at := find(m.slots, hash)
	if m.slots[at].next == 0 {
		if m.used >= m.limit() {
			return false
		}
		if m.used >= len(m.slots)*3/4 && len(m.slots) < m.most {
			m.grow()
			at = find(m.slots, hash)
		}
		m.used++
	}
	m.slots[at] = keySlot{hash, offset + 1}
	return true
}

// limit is how many keys the map takes: one slot at least stays free, so that every search ends.
func (m *keyMap) limit() int { return min(int(float64(m.most)*m.load), m.most-1) }

// get is the last offset of a key, -1 if it is not known.
func (m *keyMap) get(key []byte) int64 { return m.slots[find(m.slots, md5.Sum(key))].next - 1 }

// cover notes that the map knows all keys up to an offset.
func (m *keyMap) cover(offset int64) { m.latest = max(m.latest, offset) }

func (m *keyMap) grow() {
	bigger := make([]keySlot, min(2*len(m.slots), m.most))
	for _, s := range m.slots {
		if s.next != 0 {
			bigger[find(bigger, s.hash)] = s
		}
	}
	m.slots = bigger
}

// find is the slot that holds a hash, or the free one that it belongs into.
func find(slots []keySlot, hash [md5.Size]byte) int {
	at := int(binary.LittleEndian.Uint64(hash[:]) % uint64(len(slots)))
	for slots[at].next != 0 && slots[at].hash != hash {
		if at++; at == len(slots) {
			at = 0
		}
	}
	return at
}
