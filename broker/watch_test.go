package broker

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/znode"
)

// garble overwrites a configuration with what nobody can read, and notifies.
func (l *lab) garble(b *Broker, entity string) {
	l.t.Helper()
	l.alter(b, entity, nil)
	if _, err := b.zk.Set(l.t.Context(), "/config/"+entity, []byte("garbage"), -1); err != nil {
		l.t.Fatal(err)
	}
	if _, err := b.zk.Create(l.t.Context(), znode.ConfigChangePrefix, znode.EncodeConfigChange(entity), zk.FlagSequence); err != nil {
		l.t.Fatal(err)
	}
}

// TestGarbledConfigsHinderNobody: neither the changes after them nor the next start. As in Kafka they count as empty.
func TestGarbledConfigsHinderNobody(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.controller()
	l.createTopic("garbled", 1, 1, nil)
	l.createTopic("t", 1, 1, nil)
	l.inSync("garbled", 1)
	l.inSync("t", 1)
	l.garble(b, "topics/garbled")
	l.garble(b, "brokers/1")
	l.alter(b, "topics/t", map[string]string{"max.message.bytes": "1000"})
	l.eventually("a later change is seen", func() bool { return b.topics.logConfig("t").MaxMessageBytes == 1000 })
	if got := b.topics.logConfig("garbled").MaxMessageBytes; got != 1_048_588 {
		t.Errorf("the garbled topic allows %d bytes", got)
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := l.start(1)
	l.inSync("t", 1)
	if got := again.topics.logConfig("t").MaxMessageBytes; got != 1000 {
		t.Errorf("after the start the topic allows %d bytes", got)
	}
}

// TestOldNotificationsArePurged by a broker that has long seen them.
func TestOldNotificationsArePurged(t *testing.T) {
	l := newLab(t)
	var ahead atomic.Int64
	b := l.startWith(1, Options{Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	l.controller()
	limit := func() int { return b.cfg.Int("message.max.bytes") }
	children := func() int {
		names, _, err := b.zk.Children(t.Context(), znode.ConfigChangesPath)
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	l.alter(b, "brokers/1", map[string]string{"message.max.bytes": "1000"})
	l.eventually("the change is seen", func() bool { return limit() == 1000 })
	if n := children(); n != 1 {
		t.Fatalf("%d notifications stay for slower brokers, want 1", n)
	}
	ahead.Store(int64(keepNotifications + time.Minute))
	l.alter(b, "brokers/1", map[string]string{"message.max.bytes": "2000"})
	l.eventually("the change is seen", func() bool { return limit() == 2000 })
	l.eventually("no notification is left", func() bool { return children() == 0 })
}
