package storage

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
)

const epochFile = "leader-epoch-checkpoint"

// epochStart says at which offset a leader epoch began.
type epochStart struct {
	Epoch int32
	Start int64
}

// epochs is the history of leader epochs of one log (KIP-101): both columns
// increase. Values are immutable: each change makes a new one, so that readers
// need no lock.
type epochs []epochStart

func (e epochs) latest() int32 {
	if len(e) == 0 {
		return -1
	}
	return e[len(e)-1].Epoch
}

// assign adds an epoch. Later entries contradict it and go.
func (e epochs) assign(epoch int32, start int64) epochs {
	keep := len(e)
	for keep > 0 && (e[keep-1].Epoch >= epoch || e[keep-1].Start >= start) {
		keep--
	}
	return append(slices.Clone(e[:keep]), epochStart{epoch, start})
}

// has reports whether the epoch is the latest and begins at or before start:
// assigning it again would change nothing.
func (e epochs) has(epoch int32, start int64) bool {
	return len(e) > 0 && e.latest() == epoch && e[len(e)-1].Start <= start
}

// cutEnd drops what begins at or after end.
func (e epochs) cutEnd(end int64) epochs {
	keep := len(e)
	for keep > 0 && e[keep-1].Start >= end {
		keep--
	}
	return e[:keep:keep]
}

// cutStart drops what ended before start; the epoch that covers start begins there now.
func (e epochs) cutStart(start int64) epochs {
	covers := -1
	for covers+1 < len(e) && e[covers+1].Start <= start {
		covers++
	}
	if covers < 0 || covers == 0 && e[0].Start == start {
		return e
	}
	out := slices.Clone(e[covers:])
	out[0].Start = start
	return out
}

// endOffset answers OffsetForLeaderEpoch (kafka-formats D.6): the largest known epoch
// that is not above the asked one, and where it ended. (-1, -1) is undefined.
func (e epochs) endOffset(epoch int32, logEnd int64) (int32, int64) {
	if epoch == -1 || len(e) == 0 || epoch > e.latest() {
		return -1, -1
	}
	if epoch == e.latest() {
		return epoch, logEnd
	}
	higher := slices.IndexFunc(e, func(s epochStart) bool { return s.Epoch > epoch })
	if higher == 0 {
		return epoch, e[0].Start
	}
	return e[higher-1].Epoch, e[higher].Start
}

// at is the epoch that an offset was written in, or -1.
func (e epochs) at(offset int64) int32 {
	return e.cutEnd(offset + 1).latest()
}

func (e epochs) format() []byte {
	lines := make([]string, len(e))
	for i, s := range e {
		lines[i] = fmt.Sprintf("%d %d", s.Epoch, s.Start)
	}
	return formatCheckpoint(lines)
}

func parseEpochs(data []byte) (epochs, error) {
	entries, err := parseCheckpoint(data, 2)
	if err != nil {
		return nil, err
	}
	var e epochs
	for i, f := range entries {
		epoch, err1 := strconv.ParseInt(f[0], 10, 32)
		start, err2 := strconv.ParseInt(f[1], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+3, err)
		}
		e = e.assign(int32(epoch), start)
	}
	return e, nil
}

// epochHistory publishes the current epochs to readers.
type epochHistory struct{ p atomic.Pointer[epochs] }

func (h *epochHistory) get() epochs {
	if e := h.p.Load(); e != nil {
		return *e
	}
	return nil
}

func (h *epochHistory) set(e epochs) { h.p.Store(&e) }
