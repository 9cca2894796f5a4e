package replica

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/partition"
	"klab/broker/storage"
	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// In these tests things that usually come one after the other overlap.

// A proposal is decided, a new leader epoch makes it void and another one is decided, and then the void one is queued.
func TestAVoidProposalDoesNotReplaceAValidOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		free := make(chan struct{})
		l.alter = func(r *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
			<-free
			return l.commitISR(r)
		}
		for p := range int32(2) {
			l.elect(p, 1, []int32{1, 2}, []int32{1, 2, 3}, 1, 2) // the fetches of 3 are made by hand
		}
		b := l.brokers[1]
		fetched := func(p int32) *kmsg.FetchRequest {
			req := kmsg.NewPtrFetchRequest()
			req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch, req.ReplicaID = 12, 1, 1<<20, -1, 3
			addPartition(req, p, 0)
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = -1
			return req
		}
		b.fetchLater(fetched(1)) // its proposal occupies the one request in flight
		synctest.Wait()
		h := b.table().hosted[tp(0)]
		h.mu.Lock()
		_, e := h.core.FollowerFetched(partition.Fetched{Replica: 3}, time.Now(), b.cfg.Metadata.Snapshot())
		late := h.after(e, 0)
		h.mu.Unlock()
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2, 3}, 1, 2)
		b.fetchLater(fetched(0))
		synctest.Wait()
		b.settle(h, late)
		close(free)
		time.Sleep(time.Second)
		if isr := l.isr(0); !slices.Equal(isr, []int32{1, 2, 3}) {
			t.Errorf("in sync are %v", isr)
		}
	})
}

// A broker comes back with an empty log, slow to fetch, while another joins the ISR.
func TestAReplicaThatLostItsLogDoesNotJoinTheISR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		all := []int32{1, 2, 3}
		l.elect(0, 1, all, all)
		if got := <-l.brokers[1].produce(0, -1, "a", "b"); got.Err != nil {
			t.Fatal(got.Err)
		}
		l.brokers[2].stop()
		l.brokers[3].stop()
		l.announceBrokers()
		l.elect(0, 1, []int32{1}, all)
		time.Sleep(time.Minute)
		l.start(2, fsys.NewMem())
		l.start(3, fsys.NewMem())
		l.isolate(3, true)
		l.announceBrokers()
		l.mu.Lock()
		state := *l.states[0]
		l.mu.Unlock()
		l.tell(2, state)
		l.tell(3, state)
		time.Sleep(3 * time.Second)
		if isr := l.isr(0); !slices.Equal(isr, []int32{1, 2}) {
			t.Errorf("in sync are %v, and broker 3 has never fetched", isr)
		}
	})
}

// A transaction's records are appended long before its marker makes them readable.
func TestReadCommittedHearsOfACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 1)
		req := consumerFetch(0, 0)
		req.IsolationLevel, req.MaxWaitMillis, req.MinBytes = 1, 30_000, 1000
		began := time.Now()
		got := b.fetchLater(req)
		o := batch.NewOptions()
		o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, 7, 0, 0
		open, err := batch.Build(o, batch.Record{Timestamp: began.UnixMilli(), Value: make([]byte, 50_000)})
		if err != nil {
			t.Fatal(err)
		}
		b.appendBatch(0, storage.Client, open)
		time.Sleep(time.Second)
		b.appendBatch(0, storage.Coordinator, batch.BuildMarker(batch.Marker{Type: batch.Commit}, 7, 0, time.Now().UnixMilli()))
		if a := (<-got).Topics[0].Partitions[0]; len(a.RecordBatches) < 50_000 || time.Since(began) > 2*time.Second {
			t.Errorf("%d bytes after %v, committed after 1 s", len(a.RecordBatches), time.Since(began))
		}
	})
}

func TestAFetchThatWaitsHoldsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 1)
		for range 4 {
			b.write(0, string(make([]byte, 500_000)))
		}
		req := consumerFetch(0, 0)
		req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 30_000, 50<<20, 50<<20
		req.Topics[0].Partitions[0].PartitionMaxBytes = 50 << 20
		waits := b.fetchLater(req)
		synctest.Wait()
		if held := b.held.held.Load(); held != 0 || len(waits) > 0 {
			t.Errorf("%d bytes are held by a fetch that waits and has given its memory back", held)
		}
		<-waits
	})
}

// A client sends the fetches of one session on two connections, and both wait.
func TestTwoFetchesOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 1)
		id := b.fetchOnce(sessionFetch(0, 0, 0)).SessionID
		answered := make(chan *kmsg.FetchResponse, 2)
		var both [2]*fetch
		for i := range both {
			req := sessionFetch(id, int32(1+i))
			req.MaxWaitMillis = 300
			both[i] = b.newFetch(req, "PLAINTEXT", func(resp *kmsg.FetchResponse) { answered <- resp })
			if err := both[i].join(req, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range both {
			f.start(time.Now())
		}
		time.Sleep(time.Second)
		if len(answered) != 2 {
			t.Errorf("%d of two are answered", len(answered))
		}
	})
}

// A leader stops in the middle of an answer.
func TestCloseDoesNotWaitForALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 2, []int32{2}, []int32{1, 2}, 2)
		b := l.brokers[1]
		b.cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				io.ReadFull(far, make([]byte, 40))
				go io.Copy(io.Discard, far)
				far.Write([]byte{0, 0, 1, 0, 0, 0, 0, 1})
			}()
			return near, nil
		}
		l.mu.Lock()
		state := *l.states[0]
		l.mu.Unlock()
		l.tell(1, state)
		time.Sleep(time.Second)
		began := time.Now()
		if err := b.Close(t.Context()); err != nil || time.Since(began) > time.Second {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
	})
}
