package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"
)

// load reads the checkpoints and opens every log in the directory. From its
// first step on a crash makes the next start recover.
func (d *Dir) load(ctx context.Context) error {
	clean, err := d.unmark()
	if err != nil {
		return d.fail(err)
	}
	if err := d.loadCheckpoints(); err != nil {
		return d.fail(err)
	}
	partitions, err := d.scan()
	if err != nil {
		return d.fail(err)
	}
	began := d.clock()
	err = each(partitions, d.opt.RecoveryThreads, func(tp TopicPartition) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return d.loadLog(tp, clean)
	})
	if err == nil {
		d.log.Info("log directory loaded", slog.String("dir", d.path), slog.Int("logs", len(partitions)),
			slog.Bool("clean", clean), slog.Duration("took", d.clock().Sub(began)))
	}
	return err
}

// unmark removes the marker of a clean shutdown and reports whether it was there.
func (d *Dir) unmark() (clean bool, err error) {
	err = d.fs.Remove(filepath.Join(d.path, cleanFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = d.fs.SyncDir(d.path)
	}
	if err != nil {
		return false, fmt.Errorf("cannot remove %s: %w", cleanFile, err)
	}
	return true, nil
}

// scan lists the partitions. Directories of deleted ones are removed once
// their time has come, counted anew; those of moves and strays are left alone.
func (d *Dir) scan() ([]TopicPartition, error) {
	infos, err := d.fs.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("cannot list log directory: %w", err)
	}
	var partitions []TopicPartition
	for _, info := range infos {
		if !info.Dir || info.Name == "remote-log-index-cache" || info.Name == "__cluster_metadata-0" {
			continue
		}
		tp, kind := parseFolder(info.Name)
		switch kind {
		case folderLive:
			partitions = append(partitions, tp)
		case folderDeleted:
			delay := time.Duration(d.config(tp.Topic).FileDeleteDelayMs) * time.Millisecond
			d.removeLater(filepath.Join(d.path, info.Name), delay)
		case folderOther:
			d.log.Warn("a directory is no partition's: Apache Kafka would refuse to start on it",
				slog.String("dir", d.path), slog.String("name", info.Name))
		}
	}
	return partitions, nil
}

func (d *Dir) mayCompact(topic string) bool { return d.opt.Compacts != nil && d.opt.Compacts(topic) }

func (d *Dir) config(topic string) LogConfig {
	if d.opt.Config == nil {
		return d.opt.Default
	}
	return d.opt.Config(topic)
}

func (d *Dir) loadLog(tp TopicPartition, clean bool) error {
	l := newLog(d, tp, filepath.Join(d.path, tp.String()), d.config(tp.Topic))
	d.checkpoints.Lock()
	hints := loadHints{clean: clean, recovery: d.checkpoints.recovery[tp], start: d.checkpoints.start[tp]}
	d.checkpoints.Unlock()
	if err := l.load(hints); err != nil {
		return d.fail(fmt.Errorf("cannot load the log of %v: %w", tp, err))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.logs[tp] = l
	return nil
}
