package storage

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// segmentFiles are the files of one segment as a listing shows them.
type segmentFiles struct {
	base     int64
	sizes    segmentSizes
	complete bool // the indexes exist and hold whole entries
}

// folderFiles are the files of a partition.
type folderFiles struct {
	segments  []segmentFiles // by base
	snapshots []int64        // ascending
}

// listSegments lists a partition's directory, and removes indexes without a log.
func listSegments(f *folder) (folderFiles, error) {
	infos, err := f.fs.ReadDir(f.dir())
	if err != nil {
		return folderFiles{}, fmt.Errorf("cannot list partition: %w", err)
	}
	var out folderFiles
	sizes := map[int64]map[string]int64{}
	for _, info := range infos {
		base, suffix, ok := parseNumbered(info.Name)
		switch {
		case !ok:
		case suffix == snapshotSuffix:
			out.snapshots = append(out.snapshots, base)
		case slices.Contains(segmentSuffixes, suffix):
			if sizes[base] == nil {
				sizes[base] = map[string]int64{}
			}
			sizes[base][suffix] = info.Size
		}
	}
	for _, base := range slices.Sorted(maps.Keys(sizes)) {
		if _, ok := sizes[base][logSuffix]; !ok {
			if err := removeOrphans(f, base, sizes[base]); err != nil {
				return folderFiles{}, err
			}
			continue
		}
		out.segments = append(out.segments, segmentFilesOf(base, sizes[base]))
	}
	return out, nil
}

func segmentFilesOf(base int64, sizes map[string]int64) segmentFiles {
	_, hasIndex := sizes[indexSuffix]
	_, hasTimes := sizes[timeIndexSuffix]
	return segmentFiles{
		base:  base,
		sizes: segmentSizes{sizes[logSuffix], sizes[indexSuffix], sizes[timeIndexSuffix], sizes[txnIndexSuffix]},
		complete: hasIndex && hasTimes &&
			sizes[indexSuffix]%offsetEntrySize == 0 &&
			sizes[timeIndexSuffix]%timeEntrySize == 0 &&
			sizes[txnIndexSuffix]%abortedEntrySize == 0,
	}
}

func removeOrphans(f *folder, base int64, suffixes map[string]int64) error {
	for suffix := range suffixes {
		if err := f.fs.Remove(f.numbered(base, suffix)); err != nil {
			return fmt.Errorf("cannot remove an index without a log: %w", err)
		}
	}
	return nil
}

// completeSwaps removes what was deleted, and ends what the cleaner left half
// done: it undoes what has no complete result and completes what has one. Each
// step is durable before the next, so that a crash on the way is one more like it.
func completeSwaps(f *folder) error {
	infos, err := f.fs.ReadDir(f.dir())
	if err != nil {
		return fmt.Errorf("cannot list partition: %w", err)
	}
	left := sortLeftovers(infos)
	replaced, err := f.replacedBy(left.swaps, infos)
	if err != nil {
		return err
	}
	logs, indexes := left.byKind()
	if err := f.removeAll(left.undone); err != nil {
		return err
	}
	if err := f.removeAll(append(left.useless, replaced...)); err != nil {
		return err
	}
	if err := f.complete(logs); err != nil {
		return err
	}
	return f.complete(indexes)
}

// leftovers are files of a partition that are neither segments nor snapshots.
type leftovers struct {
	undone  []string // swaps of a replacement that had not begun
	useless []string // .deleted and .cleaned
	swaps   []string // to be completed
}

// sortLeftovers tells the files to be removed from the swaps to be completed. A swap at or above the first .cleaned
// file is not complete.
func sortLeftovers(infos []fsys.Info) (out leftovers) {
	firstCleaned := int64(math.MaxInt64)
	for _, info := range infos {
		base, suffix, ok := parseNumbered(info.Name)
		switch {
		case !ok:
		case strings.HasSuffix(suffix, deletedSuffix):
			out.useless = append(out.useless, info.Name)
		case strings.HasSuffix(suffix, cleanedSuffix):
			firstCleaned = min(firstCleaned, base)
			out.useless = append(out.useless, info.Name)
		case strings.HasSuffix(suffix, swapSuffix):
			out.swaps = append(out.swaps, info.Name)
		}
	}
	out.swaps = slices.DeleteFunc(out.swaps, func(name string) bool {
		base, _, _ := parseNumbered(name)
		if base >= firstCleaned {
			out.undone = append(out.undone, name)
		}
		return base >= firstCleaned
	})
	return out
}

// byKind parts the swaps of records, which are completed first, from those of indexes.
func (o *leftovers) byKind() (logs, indexes []string) {
	for _, name := range o.swaps {
		if strings.HasSuffix(name, logSuffix+swapSuffix) {
			logs = append(logs, name)
		} else {
			indexes = append(indexes, name)
		}
	}
	return logs, indexes
}

// removeAll removes files, durably.
func (f *folder) removeAll(names []string) error {
	for _, name := range names {
		if err := f.fs.Remove(f.file(name)); err != nil {
			return fmt.Errorf("cannot remove a leftover: %w", err)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return f.fs.SyncDir(f.dir())
}

// complete gives swaps their final names, durably.
func (f *folder) complete(names []string) error {
	for _, name := range names {
		if err := f.fs.Rename(f.file(name), f.file(strings.TrimSuffix(name, swapSuffix))); err != nil {
			return fmt.Errorf("cannot complete a cleaning: %w", err)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return f.fs.SyncDir(f.dir())
}

// replacedBy lists the files of the segments that are in the range of offsets which the swaps of records cover, and the
// snapshots up to the next segment (see moveAside). If their records have their final name already, nothing is left to be
// replaced.
func (f *folder) replacedBy(swaps []string, infos []fsys.Info) (names []string, err error) {
	from, to := int64(math.MaxInt64), int64(0)
	for _, name := range swaps {
		base, suffix, _ := parseNumbered(name)
		if suffix != logSuffix+swapSuffix {
			continue
		}
		end, err := endOfFile(f.fs, f.file(name), base)
		if err != nil {
			return nil, err
		}
		from, to = min(from, base), max(to, end, base+1) // the segment at base goes even if nothing is kept of it
	}
	next := int64(math.MaxInt64) // the base of the first segment that stays
	for _, info := range infos {
		if base, suffix, ok := parseNumbered(info.Name); ok && suffix == logSuffix && base >= to {
			next = min(next, base)
		}
	}
	for _, info := range infos {
		base, suffix, ok := parseNumbered(info.Name)
		replaced := slices.Contains(segmentSuffixes, suffix) && base < to || suffix == snapshotSuffix && base < next
		if ok && base >= from && replaced {
			names = append(names, info.Name)
		}
	}
	return names, nil
}

// endOfFile reads through a file of batches and returns the offset after the last.
func endOfFile(f fsys.FS, path string, base int64) (end int64, err error) {
	data, err := f.Stat(path)
	if err != nil {
		return 0, err
	}
	file, err := f.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	w := openWindow(&largeWindows, file, data.Size)
	defer w.close(&largeWindows)
	for at, end := int64(0), base; ; {
		h, err := w.header(at)
		if _, bad := errors.AsType[*batch.Error](err); bad || err == io.EOF || errors.Is(err, batch.ErrShort) {
			return end, nil
		}
		if err != nil {
			return 0, fmt.Errorf("cannot read %s: %w", path, err)
		}
		at, end = at+h.Size(), h.NextOffset()
	}
}
