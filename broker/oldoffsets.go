package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// oldOffsets are the offsets that consumers before 0.9 keep: /consumers/<group>/offsets/<topic>/<partition>, as text.
type oldOffsets struct{ zk *session.Client }

// Commit writes an offset.
func (o oldOffsets) Commit(ctx context.Context, group, topic string, partition int32, offset int64) error {
	path, data := znode.OldOffsetPath(group, znode.TopicPartition{Topic: topic, Partition: partition}), strconv.AppendInt(nil, offset, 10)
	_, err := o.zk.Set(ctx, path, data, -1)
	if !errors.Is(err, session.ErrNoNode) {
		return err
	}
	if err = o.zk.CreateRecursive(ctx, path, data); errors.Is(err, session.ErrNodeExists) { // by somebody else, just now
		_, err = o.zk.Set(ctx, path, data, -1)
	}
	return err
}

// Fetch reads an offset; found is false if there is none.
func (o oldOffsets) Fetch(ctx context.Context, group, topic string, partition int32) (offset int64, found bool, err error) {
	path := znode.OldOffsetPath(group, znode.TopicPartition{Topic: topic, Partition: partition})
	data, _, err := o.zk.Get(ctx, path)
	if errors.Is(err, session.ErrNoNode) || err == nil && data == nil {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if offset, err = strconv.ParseInt(string(data), 10, 64); err != nil {
		return 0, false, fmt.Errorf("cannot read the offset in %s: %w", path, err)
	}
	return offset, true, nil
}
