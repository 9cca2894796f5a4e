package controller

import (
	"context"
	"errors"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// AllocateProducerIDs gives a broker the next block of producer ids (KIP-730).
// A block whose answer was lost is wasted, never given out twice. It blocks.
func (s *Shell) AllocateProducerIDs(ctx context.Context, req *kmsg.AllocateProducerIDsRequest) *kmsg.AllocateProducerIDsResponse {
	resp := kmsg.NewPtrAllocateProducerIDsResponse()
	resp.SetVersion(req.GetVersion())
	if refused := s.checkBrokerEpoch(ctx, req.BrokerID, req.BrokerEpoch); refused != nil {
		resp.ErrorCode = refused.Code
		return resp
	}
	block, err := nextBlock(ctx, s.cfg.Session, req.BrokerID)
	if err != nil {
		s.cfg.Log.Error("cannot allocate producer ids", "for", req.BrokerID, "error", err)
		resp.ErrorCode = kerr.UnknownServerError.Code
		return resp
	}
	resp.ProducerIDStart, resp.ProducerIDLen = block.Start, int32(block.End-block.Start+1)
	return resp
}

func (s *Shell) checkBrokerEpoch(ctx context.Context, broker int32, epoch int64) *kerr.Error {
	verdict := make(chan *kerr.Error, 1)
	posted := s.box.post(func() {
		if s.reign == nil {
			verdict <- kerr.NotController
			return
		}
		switch b, ok := s.reign.core.brokers[broker]; {
		case !ok:
			verdict <- kerr.BrokerIDNotRegistered
		case b.epoch != epoch:
			verdict <- kerr.StaleBrokerEpoch
		default:
			verdict <- nil
		}
	})
	if !posted {
		return kerr.NotController
	}
	select {
	case err := <-verdict:
		return err
	case <-ctx.Done():
		return kerr.NotController
	}
}

// errExhausted is fatal: there are no producer ids left.
var errExhausted = errors.New("all producer ids are used up")

// nextBlock takes the block after the last one by compare-and-set.
func nextBlock(ctx context.Context, store Store, broker int32) (znode.ProducerIDBlock, error) {
	for {
		data, stat, err := store.Get(ctx, znode.ProducerIDBlockPath)
		if err != nil {
			return znode.ProducerIDBlock{}, err
		}
		block := znode.ProducerIDBlock{Broker: broker, Start: 0, End: znode.ProducerIDBlockSize - 1}
		if len(data) > 0 {
			last, err := znode.DecodeProducerIDBlock(data)
			if err != nil {
				return znode.ProducerIDBlock{}, err
			}
			if last.End > math.MaxInt64-znode.ProducerIDBlockSize {
				return znode.ProducerIDBlock{}, errExhausted
			}
			block.Start, block.End = last.End+1, last.End+znode.ProducerIDBlockSize
		}
		_, err = store.Set(ctx, znode.ProducerIDBlockPath, block.Encode(), stat.Version)
		if err == nil || !errors.Is(err, session.ErrBadVersion) {
			return block, err
		}
	}
}
