package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// producerIDs gives out ids from blocks that the controller allocates (KIP-730). The next block is asked for when nine
// tenths of the current one are used. Safe for concurrent use.
type producerIDs struct {
	allocate func(ctx context.Context) (idBlock, error)

	mu       sync.Mutex
	current  idBlock
	ahead    idBlock       // the next one; empty until it has come
	arrived  chan struct{} // not nil while a block is being asked for; closed when the answer is there
	lastFail error         // of the last answer; nil if it brought a block
}

// idBlock is a run of ids that are not given out yet.
type idBlock struct {
	next, left int64
	size       int64
}

// errNoBlock is answered when the controller gave no block in time.
var errNoBlock = errors.New("cannot get a block of producer ids")

// next returns an id, waiting for a block if it must.
func (p *producerIDs) next(ctx context.Context) (int64, error) {
	for {
		id, wait, ok := p.take()
		if ok {
			return id, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return -1, errors.Join(errNoBlock, ctx.Err())
		}
		if err := p.failed(); err != nil {
			return -1, errors.Join(errNoBlock, err)
		}
	}
}

// take returns an id, or what to wait for.
func (p *producerIDs) take() (id int64, wait <-chan struct{}, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current.left == 0 {
		p.current, p.ahead = p.ahead, idBlock{}
	}
	if p.current.left <= p.current.size/10 && p.ahead.left == 0 && p.arrived == nil {
		p.arrived = make(chan struct{})
		go p.fetch()
	}
	if p.current.left == 0 {
		return 0, p.arrived, false
	}
	id = p.current.next
	p.current.next++
	p.current.left--
	return id, nil, true
}

func (p *producerIDs) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lastFail
}

// allocateTimeout bounds one request for a block; whoever waits asks again by asking for an id.
const allocateTimeout = 10 * time.Second

func (p *producerIDs) fetch() {
	ctx, cancel := context.WithTimeout(context.Background(), allocateTimeout)
	defer cancel()
	block, err := p.allocate(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lastFail = err; err == nil {
		p.ahead = block
	}
	close(p.arrived)
	p.arrived = nil
}

// allocateProducerIDs asks the controller for a block.
func (b *Broker) allocateProducerIDs(ctx context.Context) (idBlock, error) {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = b.id, b.epoch.Load()
	resp, err := b.peers.forward(ctx, req)
	if err != nil {
		return idBlock{}, err
	}
	block := resp.(*kmsg.AllocateProducerIDsResponse)
	if err := kerr.ErrorForCode(block.ErrorCode); err != nil {
		return idBlock{}, err
	}
	return idBlock{next: block.ProducerIDStart, left: int64(block.ProducerIDLen), size: int64(block.ProducerIDLen)}, nil
}
