package replica

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/partition"
	"klab/broker/storage"
)

// LogDir is what one log directory holds, for DescribeLogDirs.
type LogDir struct {
	Path     string
	Err      error // why it is offline; nil if it is not
	Replicas []LogDirReplica
}

// LogDirReplica is one log in a directory.
type LogDirReplica struct {
	storage.TopicPartition
	Size      int64 // bytes
	OffsetLag int64 // high watermark less log end, if positive
}

// LogDirs lists the log directories and their logs.
func (r *Replicas) LogDirs() []LogDir {
	dirs := make([]LogDir, 0, len(r.cfg.Dirs))
	hosted := r.table().hosted
	for _, d := range r.cfg.Dirs {
		dir := LogDir{Path: d.Path(), Err: r.dirError(d)}
		if dir.Err == nil {
			for tp, log := range d.Logs() {
				dir.Replicas = append(dir.Replicas, LogDirReplica{TopicPartition: tp, Size: log.Size(), OffsetLag: lag(hosted[tp])})
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

func lag(h *hosted) int64 {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(0, h.core.HighWatermark()-h.core.EndOffset())
}

func (r *Replicas) dirError(d *storage.Dir) error {
	r.failMu.Lock()
	defer r.failMu.Unlock()
	return r.failedDirs[d]
}

// checkDir takes a log directory offline if storage has given it up. It is called after every error of a log.
func (r *Replicas) checkDir(d *storage.Dir) {
	if why := d.Failed(); why != nil {
		r.failDir(d, why)
	}
}

func (r *Replicas) onlineDirs() []*storage.Dir {
	r.failMu.Lock()
	defer r.failMu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.cfg.Dirs), func(d *storage.Dir) bool { return r.failedDirs[d] != nil })
}

// failDir takes a log directory offline for good: its partitions answer KAFKA_STORAGE_ERROR until the broker restarts
// (kafka-formats D.11). It may be called with any lock held, so the partitions follow on a goroutine of their own.
func (r *Replicas) failDir(d *storage.Dir, why error) {
	r.failMu.Lock()
	_, known := r.failedDirs[d]
	if !known {
		r.failedDirs[d] = why
	}
	r.failMu.Unlock()
	if known {
		return
	}
	r.cfg.Log.Error("a log directory failed", "dir", d.Path(), "error", why)
	go func() {
		r.offlineAll(d)
		r.observe(fact.LogDirFailed, storage.TopicPartition{}, map[string]any{"dir": d.Path(), "error": why.Error()})
		r.cfg.DirFailed(d.Path(), why)
	}()
}

func (r *Replicas) offlineAll(d *storage.Dir) {
	r.control.Lock()
	defer r.control.Unlock()
	var lost []*hosted
	r.publish(func(t *table) {
		for tp, h := range t.hosted {
			if h.dir != d {
				continue
			}
			lost = append(lost, h)
			t.hosted[tp] = r.offline(&order{tp: tp})
		}
	})
	var resigned []Leadership
	for _, h := range lost {
		r.unfollow(h)
		r.idle(h, kerr.KafkaStorageError)
		resigned = append(resigned, Leadership{TopicPartition: h.tp, LeaderEpoch: partition.None})
	}
	r.cfg.LeadershipChanged(resigned)
	r.retireIdleFetchers()
}
