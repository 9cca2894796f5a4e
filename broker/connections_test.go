package broker

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/server"
)

func TestConnectionLimits(t *testing.T) {
	cfg, err := config.LoadStrict(map[string]string{
		"broker.id": "1", "zookeeper.connect": "h:1", "listeners": "CLIENTS://:1,BROKERS://:2",
		"listener.security.protocol.map": "CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT", "inter.broker.listener.name": "BROKERS",
		"max.connections": "100", "max.connection.creation.rate": "50", "listener.name.clients.max.connections": "7",
		"max.connections.per.ip.overrides": "localhost:3,0:0:0:0:0:0:0:1:4,::ffff:10.0.0.1:5",
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := connectionLimits(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got.Of["CLIENTS"] != (server.ListenerLimits{MaxConnections: 7, MaxCreationRate: 50}) ||
		got.Of["BROKERS"] != (server.ListenerLimits{MaxConnections: 100, MaxCreationRate: 50}) || got.InterBroker != "BROKERS" {
		t.Errorf("%+v", got)
	}
	for address, want := range map[string]int{"127.0.0.1": 3, "::1": 4, "10.0.0.1": 5} {
		if n := got.MaxPerIPOf[netip.MustParseAddr(address)]; n != want {
			t.Errorf("%s may have %d connections, want %d", address, n, want)
		}
	}
	if got.RateWindow != time.Second || got.RateWindows != 11 {
		t.Errorf("rates are counted in %d windows of %v", got.RateWindows, got.RateWindow)
	}
}

// TestLimitsChangeWhileRunning: a host that may have no connection any more gets none.
func TestLimitsChangeWhileRunning(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.announced(1)
	if err, message := l.change(l.client(), 1, kmsg.ConfigResourceTypeBroker, "1", "max.connections.per.ip.overrides=localhost:0"); err != nil {
		t.Fatal(err, message)
	}
	l.eventually("a connection is refused", func() bool {
		nc, err := net.Dial("tcp", b.Addr("PLAINTEXT").String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = nc.Read(make([]byte, 1))
		timeout, ok := err.(net.Error)
		return !ok || !timeout.Timeout()
	})
}
