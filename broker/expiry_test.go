package broker

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// isolation keeps a broker from ZooKeeper for as long as it lasts.
type isolation struct {
	mu    sync.Mutex
	on    bool
	conns []net.Conn
}

func (i *isolation) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.on {
		return nil, errors.New("isolated")
	}
	c, err := net.DialTimeout(network, address, timeout)
	if err == nil {
		i.conns = append(i.conns, c)
	}
	return c, err
}

func (i *isolation) set(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.on = on
	if on {
		for _, c := range i.conns {
			c.Close()
		}
		i.conns = nil
	}
}

// TestSessionExpiry isolates the controller until its session is gone: another one is elected, and the broker comes back
// under a new epoch, follows, and everything that was acknowledged is there.
func TestSessionExpiry(t *testing.T) {
	l := newLab(t, "zookeeper.session.timeout.ms", "800")
	var far isolation
	isolated := l.startWith(1, Options{DialZooKeeper: far.dial})
	l.eventually("broker 1 is the controller", isolated.IsController)
	l.start(2)
	l.start(3)
	l.createTopic("orders", 3, 3, nil)
	l.inSync("orders", 3)
	w := newLedger(l, "orders")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); w.write(t.Context(), stop) }()
	l.eventually("writes are acknowledged", func() bool { return w.count() > 100 })

	before := isolated.Epoch()
	far.set(true)
	l.eventually("another broker is the controller", func() bool {
		return l.brokers[2].IsController() || l.brokers[3].IsController()
	})
	l.eventually("the others have dropped broker 1", func() bool { return !l.brokers[2].Metadata().Alive(1) && !l.brokers[3].Metadata().Alive(1) })
	far.set(false)
	l.eventually("broker 1 is registered again", func() bool { return isolated.Epoch() > before })
	l.eventually("broker 1 gave up the office", func() bool { return !isolated.IsController() })
	l.inSync("orders", 3)
	target := w.count() + 100
	l.eventually("writes go on", func() bool { return w.count() >= target })
	close(stop)
	<-stopped
	w.check(l)
}

// TestTopicIsMadeAnew deletes a topic and makes one of the same name with another configuration and no old records.
func TestTopicIsMadeAnew(t *testing.T) {
	l := newLab(t)
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	small := "5000"
	l.createTopic("again", 2, 3, map[string]*string{"max.message.bytes": &small})
	l.inSync("again", 3)
	big := &kgo.Record{Topic: "again", Value: make([]byte, 20_000)}
	c := l.client(kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.UnknownTopicRetries(-1))
	if err := c.ProduceSync(t.Context(), big).FirstErr(); err == nil {
		t.Fatal("max.message.bytes had no effect")
	}
	l.deleteTopic("again")
	l.createTopic("again", 2, 3, nil)
	l.inSync("again", 3)
	fresh := l.client(kgo.ProducerBatchCompression(kgo.NoCompression()))
	got, err := fresh.ProduceSync(t.Context(), big).First()
	if err != nil {
		t.Fatalf("the old topic's max.message.bytes is still in effect: %v", err)
	}
	if got.Offset != 0 {
		t.Errorf("the first record of the new topic has offset %d", got.Offset)
	}
}
