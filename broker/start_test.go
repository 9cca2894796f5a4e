package broker

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"klab/broker/config"
	"klab/broker/storage"
	"klab/broker/storage/fsys"
	"klab/coordinator/znode"
)

// openError starts broker id with further properties and returns why that failed.
func (l *lab) openError(id int, props ...string) error {
	l.t.Helper()
	base := l.config(id)
	all := base.Properties(config.StaticBroker)
	for i := 0; i < len(props); i += 2 {
		all[props[i]] = props[i+1]
	}
	cfg, err := config.LoadStrict(all)
	if err != nil {
		l.t.Fatal(err)
	}
	b, err := Open(context.Background(), cfg, Options{})
	if err == nil {
		b.Abandon()
		l.t.Fatalf("broker %d started with %q", id, props)
	}
	return err
}

func expectWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func TestStartIsRefused(t *testing.T) {
	l := newLab(t, "zookeeper.session.timeout.ms", "300") // a registration of the same id is given that long to expire
	first := l.start(1)
	addr := first.Addr("PLAINTEXT").String()
	_, port, _ := net.SplitHostPort(addr)

	t.Run("port in use", func(t *testing.T) {
		err := l.openError(2, "listeners", "PLAINTEXT://"+addr)
		expectWords(t, err, "cannot listen on "+addr, "change listeners")
		if runtime.GOOS == "linux" {
			expectWords(t, err, fmt.Sprintf("pid %d", os.Getpid()))
		}
	})
	t.Run("advertised twice", func(t *testing.T) {
		err := l.openError(2, "advertised.listeners", "PLAINTEXT://127.0.0.1:"+port)
		expectWords(t, err, "cannot register broker 2", "live broker 1 advertises "+addr)
	})
	t.Run("same id", func(t *testing.T) {
		err := l.openError(1, "log.dirs", filepath.Join(l.home, "elsewhere"))
		expectWords(t, err, "1")
	})
	t.Run("another broker's directory", func(t *testing.T) {
		dir := filepath.Join(l.home, "broker1")
		err := l.openError(2, "log.dirs", dir)
		expectWords(t, err, dir, "belongs to broker 1", "broker.id says 2")
	})
	t.Run("another cluster's directory", func(t *testing.T) {
		dir := filepath.Join(l.home, "foreign")
		if err := storage.WriteMetaProperties(fsys.OS{}, dir, storage.MetaProperties{BrokerID: 2, ClusterID: "FA4NvUMrSQGk8Hc1MgFG6Q"}); err != nil {
			t.Fatal(err)
		}
		err := l.openError(2, "log.dirs", dir)
		expectWords(t, err, dir, "belongs to cluster FA4NvUMrSQGk8Hc1MgFG6Q", "holds cluster "+first.ClusterID(), "zookeeper.connect")
	})
	t.Run("no ZooKeeper", func(t *testing.T) {
		closed, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed.Close()
		err = l.openError(2, "zookeeper.connect", closed.Addr().String(), "zookeeper.connection.timeout.ms", "300")
		expectWords(t, err, closed.Addr().String(), "ZooKeeper")
	})
	t.Run("no TLS", func(t *testing.T) {
		expectWords(t, l.openError(2, "listeners", "SSL://127.0.0.1:0", "security.inter.broker.protocol", "SSL"), "only PLAINTEXT is served")
	})

	// A start that failed holds nothing: the next one may have everything.
	l.start(2)
}

func TestIdentityIsKept(t *testing.T) {
	l := newLab(t, "broker.id", "-1", "reserved.broker.max.id", "1000")
	b := l.start(1)
	if b.ID() != 1001 {
		t.Errorf("the first generated id is %d", b.ID())
	}
	id, cluster := b.ID(), b.ClusterID()
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := l.start(1)
	if again.ID() != id || again.ClusterID() != cluster {
		t.Errorf("came back as %d in %s, was %d in %s", again.ID(), again.ClusterID(), id, cluster)
	}
	if other := l.start(7); other.ID() != 1002 {
		t.Errorf("the second generated id is %d", other.ID())
	}
}

// TestZnodesAreKafkas compares what a broker leaves in ZooKeeper with what a Kafka 3.9 broker does.
func TestZnodesAreKafkas(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.controller()
	for _, path := range append(znode.PersistentPaths(), znode.ControllerPath, znode.ControllerEpochPath, znode.ClusterIDPath) {
		if ok, _, err := b.zk.Exists(t.Context(), path); err != nil || !ok {
			t.Errorf("%s is missing (%v)", path, err)
		}
	}
	data, stat, err := b.zk.Get(t.Context(), znode.BrokerPath(1))
	if err != nil {
		t.Fatal(err)
	}
	if stat.Version != 1 || stat.Czxid != b.Epoch() || stat.EphemeralOwner != b.zk.SessionID() {
		t.Errorf("registration: version %d, czxid %d, broker epoch %d", stat.Version, stat.Czxid, b.Epoch())
	}
	reg, err := znode.DecodeBroker(1, data)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := reg.Endpoints[0].String(), "PLAINTEXT://"+b.Addr("PLAINTEXT").String(); got != want {
		t.Errorf("registered %s, bound %s", got, want)
	}
}

// TestNothingIsLeftRunning counts goroutines after both ways to stop, and after a start that failed.
func TestNothingIsLeftRunning(t *testing.T) {
	l := newLab(t, "zookeeper.session.timeout.ms", "300")
	if err := l.start(1).Shutdown(t.Context()); err != nil { // the coordinator serves from here on
		t.Fatal(err)
	}
	before := goleak.IgnoreCurrent()
	first := l.start(1)
	l.controller()
	l.openError(1, "log.dirs", filepath.Join(l.home, "elsewhere"))
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := l.start(2)
	l.eventually("broker 2 is the controller", second.IsController)
	second.Abandon()
	goleak.VerifyNone(t, before)
}
