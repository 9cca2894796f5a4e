//go:build e2e

package e2e

import (
	"context"
	"maps"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// identity is what must go on over a crash.
type identity struct {
	cluster string
	topics  map[string]kadm.TopicID
	epochs  map[int32]int32
}

func (l *lab) identity(topic string) identity {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	meta, err := l.admin().Metadata(ctx, topic)
	if err != nil {
		l.t.Fatal(err)
	}
	id := identity{cluster: meta.Cluster, topics: map[string]kadm.TopicID{}, epochs: map[int32]int32{}}
	for name, detail := range meta.Topics {
		id.topics[name] = detail.ID
		for partition, p := range detail.Partitions {
			id.epochs[partition] = p.LeaderEpoch
		}
	}
	return id
}

func TestSIGKILLOfEveryProcessAtOnceLosesNothing(t *testing.T) {
	l := up(t)
	l.createTopic("crash", 1, 3, "min.insync.replicas=2")
	admin := l.admin()
	l.waitISR(admin, "crash", 0, 3)
	before := l.identity("crash")
	g := l.keepLedger("crash", 1000)
	for range 3 {
		g.waitMore(t, 500)
		pids := l.status().pids()
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != os.ErrProcessDone {
				t.Logf("kill %d: %v", pid, err)
			}
		}
		for _, pid := range pids {
			eventually(t, 5*time.Second, "every process is dead", func() bool { return !alive(pid) })
		}
		for _, addr := range append([]string{"127.0.0.1:2181"}, bootstrap...) { // a thread in the middle of a sync keeps its process's sockets
			eventually(t, 20*time.Second, addr+" is free", func() bool { return portFree(addr) })
		}
		l.klab("up")
		l.waitISR(admin, "crash", 0, 3)
	}
	g.waitMore(t, 200)
	g.close()
	g.verify(l)
	after := l.identity("crash")
	if after.cluster != before.cluster || !maps.Equal(after.topics, before.topics) {
		t.Errorf("cluster and topic ids: %v, before the crash %v", after, before)
	}
	if after.epochs[0] < before.epochs[0] {
		t.Errorf("leader epoch %d, before the crash %d: epochs never go back", after.epochs[0], before.epochs[0])
	}
}
