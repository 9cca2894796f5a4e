package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// replyGrace is how long replies that are owed may take to be written when request processing has stopped.
const replyGrace = 50 * time.Millisecond

// Shutdown stops the broker in Kafka's order (kafka-formats A.2): leadership moves to the other replicas, requests stop,
// checkpoints and the clean marker are written, and the session closes last. ctx bounds the wait for the controller; what
// comes after is never left out.
func (b *Broker) Shutdown(ctx context.Context) error {
	if b.stopping.Swap(true) {
		<-b.stopped
		return nil
	}
	defer close(b.stopped)
	if b.cfg.Bool("controlled.shutdown.enable") {
		if err := b.moveLeadership(ctx); err != nil {
			b.log.Warn("went on without a controlled shutdown", "error", err)
		}
	}
	b.background.cancel()
	b.server.Drain()
	b.closeTransactions()
	b.groups.Close()                                        // answers members that wait
	errs := []error{b.replicas.Close(context.Background())} // answers what waits for replicas or for data
	grace, cancel := context.WithTimeout(context.Background(), replyGrace)
	defer cancel()
	b.server.Close(grace)
	b.serving.stop()
	b.background.stop()
	for _, d := range b.dirs {
		errs = append(errs, d.Close())
	}
	b.controlling.stop()
	b.peers.close()
	errs = append(errs, b.zk.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cannot shut down broker %d cleanly: %w", b.id, err)
	}
	return nil
}

// askAgain is the pause when there was no controller to ask: it has just moved, most often.
const askAgain = 20 * time.Millisecond

// moveLeadership asks the controller for a controlled shutdown until nothing is left to move, as often as
// controlled.shutdown.max.retries says (KIP-49). That there was no controller to ask does not count, as long as the pauses of
// Kafka's tries have not gone by.
func (b *Broker) moveLeadership(ctx context.Context) error {
	tries, pause := b.cfg.Int("controlled.shutdown.max.retries"), b.cfg.Duration("controlled.shutdown.retry.backoff.ms")
	patience := time.Duration(tries) * pause
	for tried := 0; tried < tries && b.hasPeers(); { // without peers nobody could take over: Kafka would try in vain
		began := time.Now()
		err := b.controlledShutdown(ctx)
		if err == nil {
			return nil
		}
		b.log.Info("the controlled shutdown is not done yet", "reason", err)
		if errors.Is(err, errUnasked) {
			if patience <= 0 || !b.pauseWhilePeers(ctx, askAgain) {
				return err
			}
			patience -= time.Since(began)
			continue
		}
		if tried++; tried == tries || !b.pauseWhilePeers(ctx, pause) {
			return err
		}
	}
	return nil
}

// errUnasked says that nobody could be asked for a controlled shutdown: the controller has moved or ended, most often.
var errUnasked = errors.New("there was no controller to ask")

// controlledShutdown asks once. A controller that is there and does not answer within controller.socket.timeout.ms has been asked.
func (b *Broker) controlledShutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Duration("controller.socket.timeout.ms"))
	defer cancel()
	req := kmsg.NewPtrControlledShutdownRequest()
	req.Version = 3
	req.BrokerID, req.BrokerEpoch = b.id, b.epoch.Load()
	resp, err := b.peers.forward(ctx, req)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errUnasked, err)
	}
	if err != nil {
		return err
	}
	answer := resp.(*kmsg.ControlledShutdownResponse)
	switch err := kerr.ErrorForCode(answer.ErrorCode); {
	case err == kerr.NotController, err == kerr.StaleControllerEpoch:
		return fmt.Errorf("%w: %w", errUnasked, err)
	case err == nil && len(answer.PartitionsRemaining) > 0:
		return fmt.Errorf("%d partitions have no other replica to lead them", len(answer.PartitionsRemaining))
	default:
		return err
	}
}

// hasPeers reports whether another live broker is known.
func (b *Broker) hasPeers() bool {
	for _, other := range b.metadata.Snapshot().Brokers() {
		if other.ID != b.id {
			return true
		}
	}
	return false
}

// pauseWhilePeers waits before the next try; false if ctx ended or the last peer has gone meanwhile.
func (b *Broker) pauseWhilePeers(ctx context.Context, d time.Duration) bool {
	over, look := time.NewTimer(d), time.NewTicker(askAgain)
	defer over.Stop()
	defer look.Stop()
	for b.hasPeers() {
		select {
		case <-over.C:
			return true
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// Abandon stops the broker as a crash would: no word to anyone, nothing flushed or checkpointed, and the session left to its
// timeout. For tests and demonstrations.
func (b *Broker) Abandon() { b.abandon(nil) }

// fail stops the broker by itself: the last log directory is gone, or a part that it cannot be without has ended.
func (b *Broker) fail(err error) {
	b.log.Error("the broker stops", "error", err)
	go b.abandon(err)
}

func (b *Broker) abandon(why error) {
	if b.stopping.Swap(true) {
		<-b.stopped
		return
	}
	b.failure = why
	defer close(b.stopped)
	b.zkLine.Cut()
	b.verifier.Close() // handlers may wait for it
	b.serving.stop()
	b.background.cancel()
	for _, d := range b.dirs {
		d.Abandon()
	}
	b.controlling.cancel()
	b.closeTransactions()
	b.groups.Close()
	b.replicas.Close(context.Background())
	b.background.stop()
	b.controlling.stop()
	b.peers.close()
	b.zk.Close()
}

// undo closes what a start that failed has opened.
func (b *Broker) undo() {
	b.stopping.Store(true)
	b.background.stop()
	if b.server != nil {
		closed, cancel := context.WithCancel(context.Background())
		cancel()
		b.server.Close(closed)
	}
	b.serving.stop()
	b.controlling.stop()
	if b.groups != nil {
		b.closeTransactions()
		b.groups.Close()
	}
	for _, d := range b.dirs {
		if d != nil {
			d.Close()
		}
	}
	if b.zk != nil {
		b.zk.Close()
	}
}
