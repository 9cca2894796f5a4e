//go:build e2e || interop

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// waitReplicasEqual waits until the segment files of the three replicas are equal byte for byte.
func (l *lab) waitReplicasEqual(topic string, partition int32) {
	l.t.Helper()
	var difference string
	deadline := time.Now().Add(15 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; time.Now().Before(deadline); <-tick.C {
		if difference = l.compareReplicas(topic, partition); difference == "" {
			return
		}
	}
	l.t.Fatalf("the replicas of %s/%d differ: %s", topic, partition, difference)
}

func (l *lab) compareReplicas(topic string, partition int32) string {
	dirs, err := l.partitionDirs(topic, partition)
	if err != nil || len(dirs) != 3 {
		return fmt.Sprintf("found folders %v (%v), want three", dirs, err)
	}
	names, err := filepath.Glob(filepath.Join(dirs[0], "*.log"))
	if err != nil || len(names) == 0 {
		return fmt.Sprintf("no segments in %s (%v)", dirs[0], err)
	}
	for _, name := range names {
		want, err := os.ReadFile(name)
		if err != nil {
			return err.Error()
		}
		for _, dir := range dirs[1:] {
			got, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
			if err != nil {
				return err.Error()
			}
			if !bytes.Equal(got, want) {
				return fmt.Sprintf("%s: %d bytes in %s, %d in %s", filepath.Base(name), len(want), dirs[0], len(got), dir)
			}
		}
	}
	return ""
}

// partitionDirs finds the folders of a partition's replicas below the home, wherever the cluster file puts them.
func (l *lab) partitionDirs(topic string, partition int32) ([]string, error) {
	var dirs []string
	want := fmt.Sprintf("%s-%d", topic, partition)
	err := filepath.WalkDir(l.home, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == want {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs, err
}
