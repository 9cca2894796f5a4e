package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"klab/broker/config"
	zkserver "klab/coordinator/server"
)

// lab is a coordinator and brokers in this process.
type lab struct {
	t       testing.TB
	zk      string
	home    string
	props   map[string]string // of every broker, over the lab's own
	brokers map[int]*Broker
}

// newLab starts a coordinator. props are further broker properties, name and value in turn.
func newLab(t testing.TB, props ...string) *lab {
	t.Helper()
	l := &lab{t: t, home: t.TempDir(), props: map[string]string{}, brokers: map[int]*Broker{}}
	for i := 0; i < len(props); i += 2 {
		l.props[props[i]] = props[i+1]
	}
	noSync := false
	s, err := zkserver.Open(zkserver.Config{
		DataDir: filepath.Join(l.home, "zookeeper"), ClientPortAddress: "127.0.0.1",
		TickTime: 100 * time.Millisecond, MinSessionTimeout: 200 * time.Millisecond, MaxSessionTimeout: time.Minute, ForceSync: &noSync,
	}, zkserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-served })
	l.zk = addr.String()
	return l
}

func (l *lab) config(id int) *config.Config {
	l.t.Helper()
	props := map[string]string{
		"broker.id": strconv.Itoa(id), "zookeeper.connect": l.zk + "/lab", "zookeeper.session.timeout.ms": "2000",
		"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": filepath.Join(l.home, fmt.Sprint("broker", id)),
		"controlled.shutdown.retry.backoff.ms": "200", "replica.lag.time.max.ms": "1500", "replica.fetch.backoff.ms": "100",
	}
	for k, v := range l.props {
		props[k] = v
	}
	cfg, err := config.LoadStrict(props)
	if err != nil {
		l.t.Fatal(err)
	}
	return cfg
}

// start opens broker id; it is abandoned at the end of the test if it still runs.
func (l *lab) start(id int) *Broker {
	l.t.Helper()
	return l.startWith(id, Options{})
}

func (l *lab) startWith(id int, opt Options) *Broker {
	l.t.Helper()
	opt.Log = testLog(id)
	b, err := Open(context.Background(), l.config(id), opt)
	if err != nil {
		l.t.Fatal(err)
	}
	l.brokers[id] = b
	l.t.Cleanup(b.Abandon)
	return b
}

// testLog prints what brokers log when KLAB_TEST_LOG is set.
func testLog(id int) *slog.Logger {
	if os.Getenv("KLAB_TEST_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil)).With("broker", id)
}

func (l *lab) seeds() []string {
	var seeds []string
	for _, b := range l.brokers {
		seeds = append(seeds, b.Addr("PLAINTEXT").(*net.TCPAddr).String())
	}
	return seeds
}

// client makes a client that knows every broker that was started.
func (l *lab) client(opts ...kgo.Opt) *kgo.Client {
	l.t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(l.seeds()...), kgo.MetadataMinAge(20 * time.Millisecond), kgo.MetadataMaxAge(time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
	}, opts...)
	c, err := kgo.NewClient(opts...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(c.Close)
	return c
}

// eventually waits until ok, which looks at a state of the cluster, holds.
func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-deadline:
			l.t.Fatalf("20 seconds went by and still not: %s", what)
		}
	}
}

// inSync waits until every partition of the topic has n replicas in sync, in the eyes of every running broker.
func (l *lab) inSync(topic string, n int) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%s has %d replicas in sync", topic, n), func() bool {
		for _, b := range l.brokers {
			t, ok := b.Metadata().Topic(topic)
			if !ok {
				return false
			}
			for _, p := range t.Partitions {
				if len(p.ISR) != n || p.Leader < 0 {
					return false
				}
			}
		}
		return true
	})
}

// announced waits until the controller has told every broker of at least n: one that has just registered may not be known to
// it yet, nor to a client that asks for metadata.
func (l *lab) announced(n int) {
	l.t.Helper()
	l.eventually("the controller has announced enough brokers", func() bool {
		for _, b := range l.brokers {
			if len(b.Metadata().Brokers()) < n {
				return false
			}
		}
		return true
	})
}

// createTopic makes a topic once there are as many brokers as it wants replicas.
func (l *lab) createTopic(topic string, partitions int32, replicas int16, configs map[string]*string) {
	l.t.Helper()
	l.announced(int(replicas))
	adm := kadm.NewClient(l.client())
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	resp, err := adm.CreateTopic(ctx, partitions, replicas, configs, topic)
	if err != nil {
		l.t.Fatal(err)
	}
	if resp.Err != nil {
		l.t.Fatal(resp.Err, resp.ErrMessage)
	}
}

// controller is the id of the active controller.
func (l *lab) controller() int {
	l.t.Helper()
	var id int
	l.eventually("there is a controller", func() bool {
		for i, b := range l.brokers {
			if b.IsController() {
				id = i
				return true
			}
		}
		return false
	})
	return id
}
