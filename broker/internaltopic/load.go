package internaltopic

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// Load reads a partition that is hosted here from its log's start to its end, whatever is committed, and hands every batch
// to each, control batches included. A batch is valid during the call only. It ends early with the error of each, of the
// disk, or of ctx.
func (t *Topic) Load(ctx context.Context, partition int32, each func(batch.Batch) error) error {
	log, kerror := t.cfg.Replicas.Log(t.at(partition))
	if kerror != nil {
		return fmt.Errorf("cannot load %v: %w", t.at(partition), kerror)
	}
	if err := load(ctx, log, t.cfg.LoadBytes, each); err != nil {
		return fmt.Errorf("cannot load %v: %w", t.at(partition), err)
	}
	return nil
}

func load(ctx context.Context, log *storage.Log, atOnce int, each func(batch.Batch) error) error {
	var buffer []byte
	room := func(n int) []byte {
		buffer = slices.Grow(buffer[:0], n)[:n]
		return buffer
	}
	for next := log.StartOffset(); next < log.EndOffset(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := log.ReadInto(room, next, atOnce, log.EndOffset(), true)
		if err != nil {
			return err
		}
		if len(r.Records) == 0 {
			return nil // what is left has no batch any more
		}
		for b, err := range batch.All(r.Records) {
			if err != nil {
				return err
			}
			if err := each(b); err != nil {
				return err
			}
		}
		next = r.NextOffset
	}
	return nil
}

// codeOf finds the Kafka error in err's chain; nil stays nil.
func codeOf(err error) *kerr.Error {
	if err == nil {
		return nil
	}
	if code, ok := errors.AsType[*kerr.Error](err); ok {
		return code
	}
	return kerr.UnknownServerError
}
