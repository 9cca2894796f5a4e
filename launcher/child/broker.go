package child

import (
	"context"
	"net"
	"time"

	"klab/broker"
	"klab/broker/config"
	"klab/broker/fact"
	"klab/launcher/event"
	"klab/launcher/spec"
)

// untilHeard is how long a broker that serves waits for the controller to tell it of the cluster before it counts as ready.
// Clients may ask it for a topic by then. Where no controller can tell it anything, it is as ready as it gets.
const untilHeard = 2 * time.Second

// runBroker is the job of a broker's process.
func runBroker(ctx context.Context, w work) error {
	cfg, err := config.Load(w.props)
	if err != nil {
		return &spec.Error{Err: err}
	}
	for _, key := range cfg.Unknown() {
		w.log.Warn("ignoring a key that Kafka does not have", "key", key)
	}
	b, err := broker.Open(ctx, cfg, broker.Options{
		Log:           w.log,
		DialZooKeeper: dialWhenUp(ctx, w.zookeeper),
		Observe:       func(f fact.Fact) { w.observe(brokerEvent(f)) },
	})
	if err != nil && ctx.Err() != nil {
		return nil // it was asked to end before it began
	}
	if err != nil {
		return err
	}
	select {
	case <-b.Introduced():
	case <-time.After(untilHeard):
	case <-ctx.Done():
	}
	w.ready()
	if err := b.Wait(ctx); ctx.Err() == nil {
		return err // it ended by itself
	}
	return b.Shutdown(untilDown(w.down))
}

// dialWhenUp lets a broker that starts beside its ZooKeeper connect at the moment in which that serves, not at its next try.
func dialWhenUp(ctx context.Context, up <-chan struct{}) func(network, address string, timeout time.Duration) (net.Conn, error) {
	return func(network, address string, timeout time.Duration) (net.Conn, error) {
		select {
		case <-up:
			return net.DialTimeout(network, address, timeout)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// untilDown bounds a controlled shutdown: when the whole cluster ends there is nobody to hand leaderships over to.
func untilDown(down <-chan struct{}) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-down
		cancel()
	}()
	return ctx
}

// brokerEvent tells a broker's fact. It concerns the broker that it names, else the one that reports it.
func brokerEvent(f fact.Fact) event.Event {
	e := event.Event{Time: f.Time, Kind: f.Kind, Broker: f.Broker, Topic: f.Topic, Partition: -1, Fields: f.Fields}
	if f.Topic != "" {
		e.Partition = f.Partition
	}
	switch id := f.Fields["broker"].(type) {
	case int32:
		e.Broker = id
	case int:
		e.Broker = int32(id)
	}
	return e
}
