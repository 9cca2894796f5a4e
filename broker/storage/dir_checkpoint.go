package storage

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"

	"klab/broker/storage/fsys"
)

// loadCheckpoints reads the checkpoint files.
func (d *Dir) loadCheckpoints() error {
	c := &d.checkpoints
	var errs [4]error
	c.recovery, errs[0] = readOffsets(d.fs, filepath.Join(d.path, recoveryPointFile))
	c.start, errs[1] = readOffsets(d.fs, filepath.Join(d.path, logStartFile))
	c.highWatermarks, errs[2] = readOffsets(d.fs, filepath.Join(d.path, highWatermarkFile))
	c.cleaned, errs[3] = readOffsets(d.fs, filepath.Join(d.path, cleanerFile))
	return errors.Join(errs[:]...)
}

// HighWatermarks are those of replication-offset-checkpoint as it was loaded or
// last written, without those of deleted logs.
func (d *Dir) HighWatermarks() map[TopicPartition]int64 {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	return maps.Clone(d.checkpoints.highWatermarks)
}

// CheckpointHighWatermarks replaces replication-offset-checkpoint. It must name
// all partitions that the directory hosts.
func (d *Dir) CheckpointHighWatermarks(offsets map[TopicPartition]int64) error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	return d.replace(highWatermarkFile, &d.checkpoints.highWatermarks, maps.Clone(offsets))
}

// CheckpointRecoveryPoints writes up to where each log needs no recovery after a crash.
func (d *Dir) CheckpointRecoveryPoints() error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	points := map[TopicPartition]int64{}
	for tp, l := range d.Logs() {
		points[tp] = l.recovery.Load()
	}
	return d.replace(recoveryPointFile, &d.checkpoints.recovery, points)
}

// CheckpointLogStartOffsets writes the start of each log that begins within or
// after its first segment's first offset.
func (d *Dir) CheckpointLogStartOffsets() error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	starts := map[TopicPartition]int64{}
	for tp, l := range d.Logs() {
		if start := l.start.Load(); start > (*l.segments.Load())[0].base {
			starts[tp] = start
		}
	}
	return d.replace(logStartFile, &d.checkpoints.start, starts)
}

// replace writes a checkpoint unless the file says the same. The caller holds checkpoints.
func (d *Dir) replace(name string, known *map[TopicPartition]int64, offsets map[TopicPartition]int64) error {
	if err := d.Failed(); err != nil {
		return err
	}
	if *known != nil && maps.Equal(*known, offsets) {
		return nil
	}
	path := filepath.Join(d.path, name)
	if err := fsys.ReplaceFile(d.fs, path, formatOffsets(offsets)); err != nil {
		return d.fail(fmt.Errorf("cannot write checkpoint %s: %w", path, err))
	}
	*known = offsets
	return nil
}

// unvouch makes sure that no checkpoint on disk says that a log is durable,
// begins, or is clean, above an offset.
func (d *Dir) unvouch(tp TopicPartition, offset int64) error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	c := &d.checkpoints
	if c.recovery[tp] > offset {
		points := maps.Clone(c.recovery)
		points[tp] = offset
		if err := d.replace(recoveryPointFile, &c.recovery, points); err != nil {
			return err
		}
	}
	if c.start[tp] > offset {
		starts := maps.Clone(c.start)
		delete(starts, tp)
		if err := d.replace(logStartFile, &c.start, starts); err != nil {
			return err
		}
	}
	if c.cleaned[tp] > offset {
		cleaned := maps.Clone(c.cleaned)
		cleaned[tp] = offset
		return d.replace(cleanerFile, &c.cleaned, cleaned)
	}
	return nil
}

// cleanedTo is where a log is dirty from on, -1 if the checkpoint does not know it.
func (d *Dir) cleanedTo(tp TopicPartition) int64 {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	if offset, ok := d.checkpoints.cleaned[tp]; ok {
		return offset
	}
	return -1
}

// checkpointClean notes durably where a log is dirty from on.
func (d *Dir) checkpointClean(l *Log, offset int64) error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	c := &d.checkpoints
	if now, ok := d.Log(l.tp); !ok || now != l || c.cleaned[l.tp] == offset && c.cleaned != nil {
		return nil // deleted meanwhile, or the file says so already
	}
	cleaned := maps.Clone(c.cleaned)
	if cleaned == nil {
		cleaned = map[TopicPartition]int64{}
	}
	cleaned[l.tp] = min(offset, l.end.Load())
	return d.replace(cleanerFile, &c.cleaned, cleaned)
}

// forgetClean removes a log from the cleaners' checkpoint. The caller holds checkpoints.
func (d *Dir) forgetClean(tp TopicPartition) error {
	c := &d.checkpoints
	if _, ok := c.cleaned[tp]; !ok {
		return nil
	}
	cleaned := maps.Clone(c.cleaned)
	delete(cleaned, tp)
	return d.replace(cleanerFile, &c.cleaned, cleaned)
}

// forgetCheckpoints removes what the checkpoints on disk say of an earlier log
// of that name.
func (d *Dir) forgetCheckpoints(tp TopicPartition) error {
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	c := &d.checkpoints
	var errs []error
	for _, file := range []struct {
		name  string
		known *map[TopicPartition]int64
	}{{recoveryPointFile, &c.recovery}, {logStartFile, &c.start}, {highWatermarkFile, &c.highWatermarks}, {cleanerFile, &c.cleaned}} {
		if (*file.known)[tp] == 0 {
			continue
		}
		rest := maps.Clone(*file.known)
		delete(rest, tp)
		errs = append(errs, d.replace(file.name, file.known, rest))
	}
	return errors.Join(errs...)
}
