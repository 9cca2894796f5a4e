package storage

import "sort"

// segmentFacts is what deciding about a clean needs to know of a segment.
type segmentFacts struct {
	base, size      int64
	firstTimestamp  int64 // of its first batch, or -1
	latestTimestamp int64 // of all its records, or -1
}

// cleanPlan is what there is to clean in a log: a decision without I/O (Kafka's LogCleanerManager and LogToClean).
type cleanPlan struct {
	dirty      int64 // the first offset that was never cleaned
	end        int64 // the base of the first segment that must not be cleaned
	cleanBytes int64 // of the segments that begin below dirty
	dirtyBytes int64 // of those from the one with dirty on, below end
	overdue    bool  // something waits for longer than max.compaction.lag.ms
	reset      bool  // the checkpointed offset was not within the log
	cuts       int64 // truncations that the log had seen before
}

// ratio is the part of the bytes that was never cleaned.
func (p *cleanPlan) ratio() float64 {
	if p.cleanBytes+p.dirtyBytes == 0 {
		return 0
	}
	return float64(p.dirtyBytes) / float64(p.cleanBytes+p.dirtyBytes)
}

// due reports whether the log shall be cleaned now.
func (p *cleanPlan) due(c *LogConfig) bool {
	return p.dirtyBytes > 0 && (p.overdue || p.ratio() > c.MinCleanableRatio)
}

// cleanView is the state of a log that a plan is made from.
type cleanView struct {
	segments   []segmentFacts // by base; the last is the active one
	start, end int64
	stable     int64 // the last stable offset, which is at or below the high watermark
	checkpoint int64 // the first dirty offset of cleaner-offset-checkpoint, -1 if it has none
	cuts       int64 // truncations so far
	now        int64 // ms since 1970
}

// planClean decides what of a log may be cleaned: nothing of the active segment, nothing at or above the last stable
// offset, and nothing from the first segment on that is younger than min.compaction.lag.ms.
func planClean(c *LogConfig, v cleanView) cleanPlan {
	p := cleanPlan{dirty: v.checkpoint, cuts: v.cuts}
	if p.dirty < v.start || p.dirty > v.end {
		p.dirty, p.reset = v.start, p.dirty >= 0
	}
	active := v.segments[len(v.segments)-1].base
	limit := min(v.stable, active)
	for _, s := range v.sealed(p.dirty) {
		if c.MinCompactionLagMs > 0 && s.latestTimestamp > v.now-c.MinCompactionLagMs {
			limit = min(limit, s.base)
			break
		}
	}
	for _, s := range v.sealed(p.dirty) {
		p.overdue = p.overdue || s.firstTimestamp > 0 && s.firstTimestamp < v.now-c.MaxCompactionLagMs
	}
	p.end = active
	if rest := v.sealed(max(p.dirty, limit)); len(rest) > 0 {
		p.end = rest[0].base
	}
	for _, s := range v.segments {
		if s.base < p.dirty {
			p.cleanBytes += s.size
		}
	}
	for _, s := range v.sealed(min(p.dirty, p.end)) {
		if s.base < p.end {
			p.dirtyBytes += s.size
		}
	}
	return p
}

// sealed are the segments from the one that holds offset on, without the active one.
func (v *cleanView) sealed(offset int64) []segmentFacts {
	last := len(v.segments) - 1
	above := sort.Search(len(v.segments), func(i int) bool { return v.segments[i].base > offset })
	if above > last {
		return nil
	}
	return v.segments[max(above-1, 0):last]
}
