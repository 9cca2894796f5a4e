package controller

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/znode"
)

func aBroker(id, port int32) znode.Broker {
	return znode.Broker{ID: id, JMXPort: -1, Timestamp: 1, Endpoints: []znode.Endpoint{{Listener: "PLAINTEXT", SecurityProtocol: "PLAINTEXT", Host: "127.0.0.1", Port: port}}}
}

func TestRegister(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	var line cutter
	first := l.open(line.dial)
	t.Cleanup(func() { first.Close() })
	epoch, err := Register(ctx, first, aBroker(1, 9093))
	if err != nil {
		t.Fatal(err)
	}
	data, stat, err := l.admin.Get(ctx, znode.BrokerPath(1))
	if err != nil || stat.Version != 1 || stat.Czxid != epoch || stat.EphemeralOwner != first.SessionID() || string(data) != string(aBroker(1, 9093).Encode()) {
		t.Errorf("the node is %s %+v, %v; epoch %d", data, stat, err, epoch)
	}
	if again, err := Register(ctx, first, aBroker(1, 9093)); err != nil || again != epoch {
		t.Errorf("the same session registers again with epoch %d, %v; want %d", again, err, epoch)
	}

	// The process died; the next one is quicker than the expiry.
	line.cut()
	second := l.open((&cutter{}).dial)
	defer second.Close()
	replaced, err := Register(ctx, second, aBroker(1, 9093))
	if err != nil || replaced <= epoch {
		t.Errorf("a successor at the same address registers with %d, %v", replaced, err)
	}

	other := l.open((&cutter{}).dial)
	defer other.Close()
	r := registration{store: other, broker: aBroker(1, 9094), was: other.WasSession, log: slog.New(slog.DiscardHandler)}
	if _, err := r.run(ctx, 50*time.Millisecond); err == nil || !strings.Contains(err.Error(), "another broker with this id is alive") {
		t.Errorf("the same id elsewhere: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.run(canceled, time.Minute); err == nil || strings.Contains(err.Error(), "alive") {
		t.Errorf("given up: %v", err)
	}
}

func TestCheckEndpoints(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	if _, err := Register(ctx, l.admin, aBroker(1, 9093)); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string]string{znode.BrokerPath(8): "garbage", znode.BrokersPath + "/x": ""} {
		if _, err := l.admin.Create(ctx, path, []byte(data), zk.FlagPersistent); err != nil {
			t.Fatal(err)
		}
	}
	err := CheckEndpoints(ctx, l.admin, aBroker(2, 9093))
	if err == nil || !strings.Contains(err.Error(), "live broker 1 advertises 127.0.0.1:9093 already") {
		t.Errorf("another broker with the same address: %v", err)
	}
	if err := errors.Join(CheckEndpoints(ctx, l.admin, aBroker(1, 9093)), CheckEndpoints(ctx, l.admin, aBroker(2, 9094))); err != nil {
		t.Errorf("the same broker, and another one elsewhere: %v", err)
	}
}

func TestRegisterWaitsForAPredecessorElsewhere(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	var line cutter
	dead := l.open(line.dial)
	t.Cleanup(func() { dead.Close() })
	if _, err := Register(ctx, dead, aBroker(1, 9093)); err != nil {
		t.Fatal(err)
	}
	line.cut()
	next := l.open((&cutter{}).dial)
	defer next.Close()
	if _, err := Register(ctx, next, aBroker(1, 9999)); err != nil {
		t.Errorf("after the predecessor's session expired: %v", err)
	}
}

func TestRegisterReplacesItsOwnExpiredSession(t *testing.T) {
	l, ctx := newLab(t), t.Context()
	if _, err := l.admin.Create(ctx, znode.BrokerPath(1), aBroker(1, 1).Encode(), zk.FlagEphemeral); err != nil {
		t.Fatal(err)
	}
	c := l.open((&cutter{}).dial)
	defer c.Close()
	r := registration{store: c, broker: aBroker(1, 9093), log: slog.New(slog.DiscardHandler), was: func(id int64) bool { return id == l.admin.SessionID() }}
	if epoch, err := r.run(ctx, time.Second); err != nil || epoch == 0 {
		t.Errorf("%d, %v", epoch, err)
	}
}
