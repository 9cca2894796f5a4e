package replica

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/storage/fsys"
)

func TestAFailedDirectoryTakesItsPartitionsOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		var broken atomic.Bool
		b := l.start(2, fsys.Intercept(fsys.NewMem(), func(op fsys.Op) error {
			if broken.Load() && op.Kind.Changes() {
				return syscall.EIO
			}
			return nil
		}))
		failed := make(chan string, 10)
		b.cfg.DirFailed = func(dir string, err error) { failed <- dir }
		l.announceBrokers()
		both := []int32{1, 2}
		l.elect(0, 2, both, both) // leads
		l.elect(1, 1, both, both) // follows
		within(t, time.Second, b.produce(0, -1, "a"))
		within(t, time.Second, l.brokers[1].produce(1, -1, "a"))
		waiting := consumerFetch(0, 1)
		waiting.MaxWaitMillis = 60_000
		parked := b.fetchLater(waiting)

		var told []Leadership
		b.cfg.LeadershipChanged = func(all []Leadership) { told = append(told, all...) }
		broken.Store(true)
		if got := within(t, time.Second, b.produce(0, -1, "b")); !errors.Is(got.Err, kerr.KafkaStorageError) {
			t.Errorf("the write: %v, want KAFKA_STORAGE_ERROR", got.Err)
		}
		if dir := within(t, time.Second, failed); dir != "/data" {
			t.Errorf("the directory that failed is %q", dir)
		}
		synctest.Wait()
		if got := within(t, time.Second, parked).Topics[0].Partitions[0].ErrorCode; got != kerr.KafkaStorageError.Code {
			t.Errorf("the parked fetch: %v", kerr.ErrorForCode(got))
		}
		if got := <-b.produce(1, 1, "c"); !errors.Is(got.Err, kerr.KafkaStorageError) {
			t.Errorf("another partition of the directory: %v", got.Err)
		}
		if dirs := b.LogDirs(); len(dirs) != 1 || dirs[0].Err == nil {
			t.Errorf("log directories %+v", dirs)
		}
		if n := len(l.factsOf(fact.LogDirFailed)); n != 1 || len(failed) != 0 {
			t.Errorf("%d facts and %d more calls about one directory", n, len(failed))
		}
		if len(b.fetchers) != 0 {
			t.Error("still fetches for replicas that are offline")
		}
		if len(told) != 2 || told[0].Leads || told[1].Leads {
			t.Errorf("told %+v, want that it leads neither", told)
		}
	})
}

func TestLogDirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 2)
		b.write(0, "a")
		dirs := b.LogDirs()
		if len(dirs) != 1 || dirs[0].Err != nil || len(dirs[0].Replicas) != 2 {
			t.Fatalf("%+v", dirs)
		}
		for _, r := range dirs[0].Replicas {
			if (r.Size > 0) != (r.Partition == 0) || r.OffsetLag != 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}
