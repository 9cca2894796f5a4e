package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"klab/broker/storage/fsys"
)

const partitionMetadataFile = "partition.metadata"

// formatPartitionMetadata has, as Kafka's, no newline at the end (kafka-formats B.3).
func formatPartitionMetadata(id TopicID) []byte {
	return []byte("version: 0\ntopic_id: " + id.String())
}

func parsePartitionMetadata(data []byte) (TopicID, error) {
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		if !ok {
			return TopicID{}, fmt.Errorf("line %q has no colon", line)
		}
		fields[key] = strings.TrimSpace(value)
	}
	if v, err := strconv.Atoi(fields["version"]); err != nil || v < 0 {
		return TopicID{}, fmt.Errorf("version %q is not a number from 0 on", fields["version"])
	}
	id, err := ParseTopicID(fields["topic_id"])
	if err == nil && id.IsZero() {
		err = errors.New("the topic id is zero")
	}
	return id, err
}

// readPartitionMetadata returns the zero id if there is no file.
func readPartitionMetadata(f fsys.FS, dir string) (TopicID, error) {
	path := filepath.Join(dir, partitionMetadataFile)
	data, err := fsys.ReadFile(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		return TopicID{}, nil
	}
	var id TopicID
	if err == nil {
		id, err = parsePartitionMetadata(data)
	}
	if err != nil {
		return TopicID{}, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return id, nil
}
