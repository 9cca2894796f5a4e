package broker

import (
	"testing"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/znode"
)

// TestGarbageBesideTheRegistrations stops no broker, neither at its start nor when it registers anew.
func TestGarbageBesideTheRegistrations(t *testing.T) {
	l := newLab(t, "zookeeper.session.timeout.ms", "800")
	var far isolation
	b := l.startWith(1, Options{DialZooKeeper: far.dial})
	l.controller()
	if _, err := b.zk.Create(t.Context(), znode.BrokerPath(9), []byte("garbage"), zk.FlagPersistent); err != nil {
		t.Fatal(err)
	}
	before := b.Epoch()
	other := l.start(2)
	far.set(true)
	l.eventually("the session of broker 1 has expired", func() bool {
		registered, _, err := other.zk.Exists(t.Context(), znode.BrokerPath(1))
		return err == nil && !registered
	})
	far.set(false)
	l.eventually("broker 1 is registered again", func() bool { return b.Epoch() > before })
}
