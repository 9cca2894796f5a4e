package group

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/internaltopic"
	"klab/broker/storage/batch"
)

// topic is a __consumer_offsets of one partition, on the heap. A load reads what was written when it came to the end, after
// waiting there if it is told to.
type topic struct {
	mu     sync.Mutex
	log    []batch.Batch
	epochs []int32 // since which the writers of the batches lead
	full   bool    // too few replicas are in sync
	// appending is called before a batch is written; nil: nothing is.
	appending func()
	loads     int
	waiting   int           // loads that are at the end of the log
	hold      chan struct{} // a load ends when this does; nil: at once
	broken    error         // what a load ends with
	told      []fact.Fact   // by the coordinator
}

func (t *topic) tell(f fact.Fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, f)
}

func (t *topic) PartitionOf(string) int32 { return 0 }

func (t *topic) Load(ctx context.Context, _ int32, each func(batch.Batch) error) error {
	t.mu.Lock()
	t.loads++
	log, hold, broken := t.log, t.hold, t.broken
	t.mu.Unlock()
	for _, b := range log {
		if err := each(b); err != nil {
			return err
		}
	}
	if hold != nil {
		t.wait(1)
		defer t.wait(-1)
		select {
		case <-hold:
		case <-ctx.Done():
		}
	}
	return errors.Join(broken, ctx.Err())
}

func (t *topic) wait(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting += n
}

func (t *topic) Append(w internaltopic.Write, done func(int64, *kerr.Error)) {
	t.mu.Lock()
	t.epochs = append(t.epochs, w.LeadsSince)
	t.mu.Unlock()
	if t.full && !w.Local {
		done(-1, kerr.NotEnoughReplicas)
		return
	}
	if t.appending != nil {
		t.appending()
	}
	done(t.write(w.Batch), nil)
}

func (t *topic) write(b batch.Batch) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	offset := int64(0)
	if n := len(t.log); n > 0 {
		offset = t.log[n-1].NextOffset()
	}
	b.SetBaseOffset(offset)
	t.log = append(t.log, b)
	return offset
}

var orders0 = TopicPartition{"orders", 0}

func committedAt(at int64) CommittedOffset {
	return CommittedOffset{orders0, Offset{At: at, LeaderEpoch: -1, Committed: time.Now().UnixMilli(), Expires: -1}}
}

// commit writes an offset of a group, in a producer's transaction unless it is batch.None.
func (t *topic) commit(group string, producer, at int64) {
	o := committedAt(at)
	t.write(built(&Append{ProducerID: producer, Records: []batch.Record{offsetRecord(time.Now(), group, &o)}}, 0))
}

func (t *topic) marker(producer int64, kind batch.ControlType) {
	t.write(batch.BuildMarker(batch.Marker{Type: kind}, producer, 0, time.Now().UnixMilli()))
}

// coordinating has f drive a Coordinator of a topic in a bubble.
func coordinating(t *testing.T, at *topic, f func(t *testing.T, c *Coordinator)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := NewCoordinator(Config{BrokerID: 1, Topic: at, Clock: time.Now, Log: slog.New(slog.DiscardHandler), Observe: at.tell,
			CheckInterval: time.Minute, Limits: Limits{MinSession: time.Second, MaxSession: time.Hour, MaxSize: 10, MetadataMax: 100, Retention: time.Hour}})
		defer c.Close()
		f(t, c)
	})
}

// fetched is the offset of orders-0 that a group has committed, -1 if it has none.
func fetched(t *testing.T, c *Coordinator, group string, stable bool) (int64, *kerr.Error) {
	t.Helper()
	found, err := c.Fetch(group, []TopicPartition{orders0}, stable)
	if err != nil {
		return 0, err
	}
	return found[0].At, found[0].Err
}

func wantFetched(t *testing.T, c *Coordinator, group string, want int64) {
	t.Helper()
	if at, err := fetched(t, c, group, true); at != want || err != nil {
		t.Errorf("%s is at %d (%v), want %d", group, at, err, want)
	}
}

func join(c *Coordinator) (got *JoinReply) {
	got = &JoinReply{}
	c.Join("g", &Join{Session: time.Minute, Rebalance: time.Minute, ProtocolType: "consumer", Protocols: []Protocol{{Name: "range"}}, ClientID: "c", UniqueMemberPart: "1"},
		func(r JoinReply) { *got = r })
	return got
}

func TestWhatIsAnsweredDuringALoad(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		at.hold = make(chan struct{})
		if err := join(c).Err; err != kerr.NotCoordinator {
			t.Errorf("a join before the election: %v", err)
		}
		c.Elected(0, 3)
		synctest.Wait()
		if err := join(c).Err; err != kerr.CoordinatorLoadInProgress {
			t.Errorf("a join: %v", err)
		}
		c.Sync("g", &Sync{}, func(r SyncReply) {
			if r.Err != kerr.RebalanceInProgress {
				t.Errorf("a sync: %v", r.Err)
			}
		})
		if err := c.Heartbeat("g", Membership{MemberID: "m"}); err != nil {
			t.Errorf("a heartbeat: %v", err)
		}
		c.Commit("g", &Commit{Membership: Membership{Generation: -1}, Offsets: []CommittedOffset{committedAt(9)}}, func(errs []*kerr.Error) {
			if !reflect.DeepEqual(errs, []*kerr.Error{kerr.CoordinatorLoadInProgress}) {
				t.Errorf("a commit: %v", errs)
			}
		})
		if _, err := fetched(t, c, "g", false); err != kerr.CoordinatorLoadInProgress {
			t.Errorf("a fetch: %v", err)
		}
		if all, err := c.List(); len(all) > 0 || err != kerr.CoordinatorLoadInProgress {
			t.Errorf("a list: %v, %v", all, err)
		}
		close(at.hold)
		synctest.Wait()
		wantFetched(t, c, "g", 7)
		if all, err := c.List(); len(all) != 1 || err != nil {
			t.Errorf("a list after it: %v, %v", all, err)
		}
		if err := join(c).Err; err != nil {
			t.Errorf("a join after it: %v", err)
		}
	})
}

// The end of a transaction may come before, while and after the load reads its marker. Its offsets count once, or not at all.
func TestAMarkerComesDuringALoad(t *testing.T) {
	for name, inLog := range map[string]bool{"behind what is read": false, "in what is read": true} {
		for outcome, kind := range map[string]batch.ControlType{"commit": batch.Commit, "abort": batch.Abort} {
			t.Run(name+" "+outcome, func(t *testing.T) {
				at := &topic{}
				at.commit("g", batch.None, 7)
				at.commit("g", 42, 8)
				if inLog {
					at.marker(42, kind)
					at.commit("g", batch.None, 9) // later than what the marker decided
				}
				coordinating(t, at, func(t *testing.T, c *Coordinator) {
					at.hold = make(chan struct{})
					c.Elected(0, 3)
					synctest.Wait()
					c.TransactionEnded(0, 42, kind == batch.Commit)
					close(at.hold)
					synctest.Wait()
					switch {
					case inLog:
						wantFetched(t, c, "g", 9)
					case kind == batch.Commit:
						wantFetched(t, c, "g", 8)
					default:
						wantFetched(t, c, "g", 7)
					}
				})
			})
		}
	}
}

func TestATransactionIsOpenAfterALoad(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	at.commit("g", 42, 8)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		if _, err := fetched(t, c, "g", true); err != kerr.UnstableOffsetCommit {
			t.Errorf("a stable fetch: %v", err)
		}
		if at, err := fetched(t, c, "g", false); at != 7 || err != nil {
			t.Errorf("another: %d, %v", at, err)
		}
		c.TransactionEnded(0, 42, true)
		wantFetched(t, c, "g", 8)
	})
}

// What one leadership loaded is not another's: the log may have gone on elsewhere in between.
func TestResignedDuringALoad(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		at.hold = make(chan struct{})
		c.Elected(0, 3)
		synctest.Wait()
		c.Resigned(0, 4)
		synctest.Wait()
		if err := join(c).Err; err != kerr.NotCoordinator || at.waiting != 0 {
			t.Errorf("a join: %v; %d loads go on", err, at.waiting)
		}
		at.commit("g", batch.None, 8)
		close(at.hold)
		c.Elected(0, 5)
		synctest.Wait()
		wantFetched(t, c, "g", 8)
		if at.loads != 2 {
			t.Errorf("%d loads", at.loads)
		}
	})
}

// The controller may decide this and that about a partition that goes on being led here.
func TestALeadershipThatGoesOnLoadsNothing(t *testing.T) {
	at := &topic{}
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		commitTo(t, c, 8)
		c.Elected(0, 3)
		commitTo(t, c, 9)
		synctest.Wait()
		if want := []int32{3, 3}; !reflect.DeepEqual(at.epochs, want) || at.loads != 1 {
			t.Errorf("appended as a leader since %v, want %v; %d loads", at.epochs, want, at.loads)
		}
		c.Elected(0, 5) // it was somebody else's in between
		synctest.Wait()
		if wantFetched(t, c, "g", 9); at.loads != 2 {
			t.Errorf("%d loads", at.loads)
		}
	})
}

// commitTo commits orders-0 for the group g, which must succeed.
func commitTo(t *testing.T, c *Coordinator, at int64) {
	t.Helper()
	c.Commit("g", &Commit{Membership: Membership{Generation: -1}, ProducerID: batch.None, Offsets: []CommittedOffset{committedAt(at)}}, func(errs []*kerr.Error) {
		if errs[0] != nil {
			t.Error(errs[0])
		}
	})
}

// commitIn commits orders-0 for the group g in a producer's transaction.
func commitIn(c *Coordinator, producer, at int64) (got []*kerr.Error) {
	req := &Commit{Membership: Membership{Generation: -1}, Transactional: true, ProducerID: producer, Offsets: []CommittedOffset{committedAt(at)}}
	c.CommitInTransaction("g", Transaction{ProducerID: producer}, req, func(errs []*kerr.Error) { got = errs })
	return got
}

// A group is deleted while a commit of it is being appended. The one that takes its name comes after its tombstones.
func TestADeletedGroupsTombstonesComeBeforeTheNextGroup(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		at.appending = func() {
			at.appending = nil
			if err := c.Delete("g"); err != nil {
				t.Error(err)
			}
			c.Commit("g", &Commit{Membership: Membership{Generation: -1}, Offsets: []CommittedOffset{committedAt(9)}}, func(errs []*kerr.Error) {
				if errs[0] != kerr.CoordinatorNotAvailable {
					t.Errorf("a commit before the tombstones are written: %v", errs[0])
				}
			})
		}
		commitTo(t, c, 8)
		commitTo(t, c, 9)
		wantFetched(t, c, "g", 9)
		c.Resigned(0, 4)
		c.Elected(0, 5)
		synctest.Wait()
		wantFetched(t, c, "g", 9)
	})
}

// Too few replicas are in sync for a commit, and a deletion that was answered counts all the same.
func TestADeletionCountsHoweverFewReplicasAreInSync(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		at.full = true
		if err := c.Delete("g"); err != nil {
			t.Error(err)
		}
		c.Resigned(0, 4)
		c.Elected(0, 5)
		synctest.Wait()
		wantFetched(t, c, "g", -1)
	})
}

// One of two commits of a transaction fails while the other is under way: the transaction's end still finds the group.
func TestACommitOfATransactionFailsBesideAnother(t *testing.T) {
	at := &topic{}
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		p, _, err := c.find("g")
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.groupOrNew("g")
		if err != nil {
			t.Fatal(err)
		}
		p.opened(42, e) // the second has come so far
		at.full = true
		if errs := commitIn(c, 42, 8); errs[0] != kerr.CoordinatorNotAvailable {
			t.Errorf("the first: %v", errs)
		}
		at.full = false
		e.do(func(g *Group, now time.Time) Effects {
			req := &Commit{Membership: Membership{Generation: -1}, Transactional: true, ProducerID: 42, Offsets: []CommittedOffset{committedAt(8)}}
			return g.Commit(now, req, &waiting[[]*kerr.Error]{func([]*kerr.Error) {}})
		})
		c.TransactionEnded(0, 42, true)
		wantFetched(t, c, "g", 8)
	})
}

// A producer's transaction ends while the partition loads, and it commits in its next as soon as that is possible.
func TestTheNextTransactionAfterALoad(t *testing.T) {
	for _, commit := range []bool{true, false} {
		at := &topic{}
		at.commit("g", batch.None, 7)
		at.commit("g", 42, 8)
		coordinating(t, at, func(t *testing.T, c *Coordinator) {
			at.hold = make(chan struct{})
			c.Elected(0, 3)
			synctest.Wait()
			c.TransactionEnded(0, 42, commit)
			loaded := map[string]*entry{}
			p := c.partitions[0]
			l := newLoading(&c.cfg.Limits)
			for _, b := range at.log {
				if err := l.replay(b); err != nil {
					t.Fatal(err)
				}
			}
			for id, g := range l.result(time.Now()) {
				loaded[id] = &entry{at: p, group: g}
			}
			p.adopt(loaded)
			if errs := commitIn(c, 42, 100); errs[0] != nil { // before anything else runs
				t.Errorf("the next transaction's commit: %v", errs)
			}
			if _, err := fetched(t, c, "g", true); err != kerr.UnstableOffsetCommit {
				t.Errorf("a stable fetch in the next transaction: %v", err)
			}
			c.TransactionEnded(0, 42, true)
			wantFetched(t, c, "g", 100)
		})
	}
}

// A request has found the partition when that is unloaded: it is not told that there is no such group, or offset.
func TestUnloadedUnderARequest(t *testing.T) {
	at := &topic{}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		p := c.partitions[0]
		p.unload() // and c does not know it yet
		if _, err := fetched(t, c, "g", false); err != kerr.NotCoordinator {
			t.Errorf("a fetch: %v", err)
		}
		if err := c.Heartbeat("g", Membership{MemberID: "m"}); err != kerr.NotCoordinator {
			t.Errorf("a heartbeat: %v", err)
		}
		if err := c.Delete("g"); err != kerr.NotCoordinator {
			t.Errorf("a deletion: %v", err)
		}
	})
}

func TestALogThatCannotBeRead(t *testing.T) {
	at := &topic{broken: errors.New("the disk is gone")}
	at.commit("g", batch.None, 7)
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		c.Elected(0, 3)
		synctest.Wait()
		wantFetched(t, c, "g", -1)
		if err := join(c).Err; err != nil {
			t.Errorf("a join: %v", err)
		}
	})
}

// Partitions are loaded two at a time, and whoever waits for its turn gives way when it is resigned or all is closed.
func TestLoadsWaitForTheirTurn(t *testing.T) {
	at := &topic{}
	coordinating(t, at, func(t *testing.T, c *Coordinator) {
		at.hold = make(chan struct{})
		for p := range int32(5) {
			c.Elected(p, 0)
		}
		synctest.Wait()
		if at.waiting != loadsAtOnce {
			t.Errorf("%d loads at once", at.waiting)
		}
		c.Resigned(0, 1)
		c.Resigned(1, 1)
		synctest.Wait()
		if at.waiting != loadsAtOnce {
			t.Errorf("%d loads after two were resigned", at.waiting)
		}
		c.Close()
		if at.waiting != 0 {
			t.Errorf("%d loads after the end", at.waiting)
		}
		if err := join(c).Err; err != kerr.CoordinatorNotAvailable {
			t.Errorf("a join after the end: %v", err)
		}
	})
}

func TestALoadIsToldOfWhereThereAreGroups(t *testing.T) {
	empty, full := &topic{}, &topic{}
	full.commit("g", batch.None, 7)
	for at, want := range map[*topic]int{empty: 0, full: 1} {
		coordinating(t, at, func(t *testing.T, c *Coordinator) {
			c.Elected(0, 3)
			synctest.Wait()
			if len(at.told) != want || want == 1 && (at.told[0].Kind != fact.GroupsLoaded || at.told[0].Fields["groups"] != 1 || at.told[0].Fields["offsets"] != 1) {
				t.Errorf("told %+v, want %d facts", at.told, want)
			}
		})
	}
}
