package demos

import "time"

// ledger remembers what became of a producer's numbered records: a pure core, one for each producer.
type ledger struct {
	acks    map[int64]ackedAt // by record number
	refused int64
	refusal error // the newest
	lastAck time.Time
	stepGap time.Duration // longest silence that ended in this step
}

type ackedAt struct {
	partition int32
	offset    int64
}

func newLedger() *ledger { return &ledger{acks: map[int64]ackedAt{}} }

func (l *ledger) acked(number int64, partition int32, offset int64, at time.Time) {
	l.acks[number] = ackedAt{partition, offset}
	if !l.lastAck.IsZero() {
		l.stepGap = max(l.stepGap, at.Sub(l.lastAck))
	}
	l.lastAck = at
}

// stepBegins forgets the silences of former steps. One that is under way counts: it ends in this step.
func (l *ledger) stepBegins() { l.stepGap = 0 }

// rest forgets since when the producer was silent: it was stopped, so the silence is nobody's fault.
func (l *ledger) rest() { l.lastAck = time.Time{} }

// reading is what a reader saw of one producer's records: a pure core, one for each reader.
type reading struct {
	seen     map[int64]int   // by record number: how often, at different offsets
	at       map[int64]int64 // by record number: the first offset
	next     map[int32]int64 // by partition: the offset to read next
	highest  map[int32]int64 // by partition: the highest record number
	read     int64
	repeats  int64
	disorder int64
}

func newReading() *reading {
	return &reading{seen: map[int64]int{}, at: map[int64]int64{}, next: map[int32]int64{}, highest: map[int32]int64{}}
}

// record counts one record that was read. Reading an offset again, after a seek, counts as read and as nothing else.
func (r *reading) record(partition int32, offset, number int64) {
	r.read++
	r.next[partition] = offset + 1
	if first, again := r.at[number]; again {
		if offset > first && r.seen[number] == 1 {
			r.seen[number]++
			r.repeats++
		}
		return
	}
	r.at[number], r.seen[number] = offset, 1
	if number < r.highest[partition] {
		r.disorder++
	}
	r.highest[partition] = max(r.highest[partition], number)
}

// lost counts the records acknowledged to l that r, past their offset, did not read. What r has not come to is not lost.
func (r *reading) lost(l *ledger) int64 {
	var lost int64
	for number, ack := range l.acks {
		if _, ok := r.at[number]; !ok && ack.offset >= 0 && r.next[ack.partition] > ack.offset {
			lost++
		}
	}
	return lost
}

// position is the offset that r reads next, over all partitions; with one partition just that.
func (r *reading) position() int64 {
	var sum int64
	for _, next := range r.next {
		sum += next
	}
	return sum
}
