package broker

import (
	"net"
	"testing"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// TestAdvertisedListenersChangeAtOnce, under the same broker epoch; what another broker advertises is not taken.
func TestAdvertisedListenersChangeAtOnce(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	other := l.start(2)
	l.announced(2)
	c := l.client()
	before := b.Epoch()
	_, port, _ := net.SplitHostPort(b.Addr("PLAINTEXT").String())
	hostOf := func() string {
		e, _ := other.Metadata().Endpoint(1, "PLAINTEXT")
		return e.Host
	}
	if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBroker, "1", "advertised.listeners=PLAINTEXT://localhost:"+port); err != nil {
		t.Fatal(err, message)
	}
	l.eventually("broker 2 knows of it", func() bool { return hostOf() == "localhost" })
	if b.Epoch() != before {
		t.Errorf("the broker epoch went from %d to %d", before, b.Epoch())
	}
	taken := "advertised.listeners=PLAINTEXT://" + other.Addr("PLAINTEXT").String()
	if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBroker, "1", taken); err != nil { // Kafka looks only when it applies it
		t.Fatal(err, message)
	}
	if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBroker, "1", "advertised.listeners-"); err != nil {
		t.Fatal(err, message)
	}
	l.eventually("broker 2 knows of the first address", func() bool { return hostOf() == "127.0.0.1" })
	for _, edit := range []string{"listeners=PLAINTEXT://127.0.0.1:1", "advertised.listeners=SSL://localhost:0"} {
		if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBroker, "1", edit); err != kerr.InvalidRequest {
			t.Errorf("%s: %v %s", edit, err, message)
		}
	}
	if _, err := b.boundPort("SSL"); err == nil {
		t.Error("a listener that is not bound has a port")
	}
}

// TestUnusableListenersHinderNoStart: a start goes on with the static ones.
func TestUnusableListenersHinderNoStart(t *testing.T) {
	l := newLab(t)
	other := l.start(2)
	for _, config := range []map[string]string{
		{"advertised.listeners": "SSL://localhost:0"},
		{"advertised.listeners": "garbage"},
		{"listeners": "PLAINTEXT://127.0.0.1:1"},
		{"listener.security.protocol.map": "PLAINTEXT:SSL"},
	} {
		l.alter(other, "brokers/1", config)
		b := l.start(1)
		data, _, err := b.zk.Get(t.Context(), znode.BrokerPath(1))
		if err != nil {
			t.Fatal(err)
		}
		reg, err := znode.DecodeBroker(1, data)
		if want := "PLAINTEXT://" + b.Addr("PLAINTEXT").String(); err != nil || len(reg.Endpoints) != 1 || reg.Endpoints[0].String() != want {
			t.Errorf("%v: registered %v, want %s (%v)", config, reg.Endpoints, want, err)
		}
		if err := b.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
