package broker

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
)

// follower starts two brokers with a topic that both have, and returns the one that is not the controller.
func (l *lab) follower(opt Options) *Broker {
	l.t.Helper()
	l.start(1)
	l.controller()
	b := l.startWith(2, opt)
	l.createTopic("t", 4, 2, nil)
	l.inSync("t", 2)
	l.eventually("broker 2 knows the controller", func() bool { return b.controller.ControllerID() == 1 })
	return b
}

// TestControlledShutdownNeedsNoPause: the pause between two tries says nothing of how long one may take.
func TestControlledShutdownNeedsNoPause(t *testing.T) {
	l := newLab(t, "controlled.shutdown.retry.backoff.ms", "0")
	b := l.follower(Options{})
	if err := b.moveLeadership(t.Context()); err != nil {
		t.Error(err)
	}
	l.eventually("broker 2 leads nothing", func() bool {
		topic, _ := l.brokers[1].Metadata().Topic("t")
		for _, p := range topic.Partitions {
			if p.Leader != 1 {
				return false
			}
		}
		return true
	})
}

// TestControlledShutdownTriesAreCounted, and each gives a controller that does not answer controller.socket.timeout.ms.
func TestControlledShutdownTriesAreCounted(t *testing.T) {
	l := newLab(t, "controlled.shutdown.retry.backoff.ms", "0", "controller.socket.timeout.ms", "100", "controlled.shutdown.max.retries", "4")
	var mute atomic.Bool
	var dialled atomic.Int32
	b := l.follower(Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if !mute.Load() {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		dialled.Add(1)
		<-ctx.Done() // there is somebody, and no answer
		return nil, ctx.Err()
	}})
	b.peers.close() // whatever is connected already
	mute.Store(true)
	err := b.moveLeadership(t.Context())
	if got := dialled.Load(); err == nil || got != 4 {
		t.Errorf("asked %d times, want 4: %v", got, err)
	}
}
