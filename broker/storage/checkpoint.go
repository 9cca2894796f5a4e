package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"klab/broker/storage/fsys"
)

// The checkpoint files of a log directory (kafka-formats B.2).
const (
	recoveryPointFile = "recovery-point-offset-checkpoint"
	logStartFile      = "log-start-offset-checkpoint"
	highWatermarkFile = "replication-offset-checkpoint"
	cleanerFile       = "cleaner-offset-checkpoint"
)

// formatCheckpoint writes version 0, the number of lines, and the lines.
func formatCheckpoint(lines []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "0\n%d\n", len(lines))
	for _, l := range lines {
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// parseCheckpoint returns the lines of a checkpoint, each split into want
// fields. An empty file has none; anything irregular is an error.
func parseCheckpoint(data []byte, want int) ([][]string, error) {
	if len(data) == 0 {
		return nil, nil
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "0" {
		return nil, fmt.Errorf("line 1: version %q is not 0", lines[0])
	}
	if len(lines) < 2 {
		return nil, errors.New("line 2: the number of entries is missing")
	}
	n, err := strconv.Atoi(lines[1])
	if err != nil || n != len(lines)-2 {
		return nil, fmt.Errorf("line 2: %q entries are announced, %d follow", lines[1], len(lines)-2)
	}
	entries := make([][]string, 0, n)
	for i, line := range lines[2:] {
		fields := strings.Fields(line)
		if len(fields) != want {
			return nil, fmt.Errorf("line %d: %q has %d fields, not %d", i+3, line, len(fields), want)
		}
		entries = append(entries, fields)
	}
	return entries, nil
}

func formatOffsets(offsets map[TopicPartition]int64) []byte {
	lines := make([]string, 0, len(offsets))
	for tp, offset := range offsets {
		lines = append(lines, fmt.Sprintf("%s %d %d", tp.Topic, tp.Partition, offset))
	}
	slices.Sort(lines)
	return formatCheckpoint(lines)
}

func parseOffsets(data []byte) (map[TopicPartition]int64, error) {
	entries, err := parseCheckpoint(data, 3)
	if err != nil {
		return nil, err
	}
	offsets := make(map[TopicPartition]int64, len(entries))
	for i, f := range entries {
		p, err1 := strconv.ParseInt(f[1], 10, 32)
		offset, err2 := strconv.ParseInt(f[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+3, err)
		}
		offsets[TopicPartition{f[0], int32(p)}] = offset
	}
	return offsets, nil
}

// readOffsets reads a checkpoint; of an absent one the result is nil.
func readOffsets(f fsys.FS, path string) (map[TopicPartition]int64, error) {
	data, err := fsys.ReadFile(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint %s: %w", path, err)
	}
	offsets, err := parseOffsets(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint %s: %w (an empty file means: no entries)", path, err)
	}
	return offsets, nil
}
