//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What the test below moves: records of eosIn to eosOut, by the group eosGroup.
const (
	eosIn, eosOut, eosGroup = "eos-in", "eos-out", "eos"
	eosPartitions           = 3
	eosTimeout              = 8 * time.Second // transaction.timeout.ms: how long one that was given up may hang
)

// TestExactlyOnceUnderChaos has two workers consume, transform and produce under transactions while brokers are killed,
// stopped and paused at random, and while the workers abort and give up transactions. Under read_committed the output is
// the input, nothing twice, every transaction whole, and none is left open.
func TestExactlyOnceUnderChaos(t *testing.T) {
	l := up(t)
	admin := l.admin()
	for _, topic := range []string{eosIn, eosOut} {
		l.createTopic(topic, eosPartitions, 3, "min.insync.replicas=2")
	}
	random := chance(t)
	writer := l.keepLedgerOver(eosIn, eosPartitions, 400)
	var workers sync.WaitGroup
	working, stopWorkers := context.WithCancel(t.Context())
	for i := range 2 {
		w := worker{lab: l, name: fmt.Sprintf("eos-%d", i), random: rand.New(rand.NewPCG(random.Uint64(), 0)), refused: map[string]int{}}
		workers.Go(func() {
			w.run(working)
			t.Logf("%s began %d transactions; records were refused for %v", w.name, w.sent, w.refused)
		})
	}
	defer workers.Wait()
	defer stopWorkers()
	writer.waitMore(t, 100)

	l.chaos(admin, random, soak(40*time.Second, 10*time.Minute))

	writer.close()
	eventually(t, 2*time.Minute, "the workers moved everything", func() bool { return l.drained(admin) })
	stopWorkers()
	workers.Wait()
	eventually(t, 2*eosTimeout+30*time.Second, "no transaction is open", func() bool { return l.settled(admin) })
	l.compareOutput(writer)
}

// chaos breaks one broker after the other, and now and then all at once, each time after all replicas were in sync again.
func (l *lab) chaos(admin *kadm.Client, random *rand.Rand, during time.Duration) {
	l.t.Helper()
	counts := map[string]int{}
	for end := time.Now().Add(during); time.Now().Before(end); {
		what := []string{"kill", "stop", "pause", "kill all"}[random.IntN(4)]
		counts[what]++
		hit, how, back := []string{fmt.Sprint(1 + random.IntN(3))}, what, "start"
		switch what {
		case "pause":
			back = "resume"
		case "kill all": // who coordinates what is decided anew, by brokers that know nothing yet
			hit, how = []string{"1", "2", "3"}, "kill"
		}
		l.each(hit, how)
		l.letPass(time.Duration(500+random.IntN(4000)) * time.Millisecond)
		l.each(hit, back)
		for _, topic := range []string{eosIn, eosOut, "__transaction_state", "__consumer_offsets"} {
			eventually(l.t, time.Minute, "all replicas of "+topic+" are in sync", func() bool { return inSync(admin, topic) })
		}
	}
	l.t.Logf("chaos: %v", counts)
}

// each does something to several brokers at once.
func (l *lab) each(brokers []string, verb string) {
	l.t.Helper()
	var doing sync.WaitGroup
	failed := make([]string, len(brokers))
	for i, id := range brokers {
		doing.Go(func() {
			if _, stderr, code := l.try("broker", verb, id); code != 0 {
				failed[i] = stderr
			}
		})
	}
	doing.Wait()
	if text := strings.Join(failed, ""); text != "" {
		l.t.Fatalf("klab broker %s: %s", verb, text)
	}
}

// letPass is the time for which a fault lasts.
func (l *lab) letPass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.t.Context().Done():
	}
}

func inSync(admin *kadm.Client, topic string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	topics, err := admin.ListTopicsWithInternal(ctx, topic)
	if err != nil || len(topics[topic].Partitions) == 0 {
		return false
	}
	for _, p := range topics[topic].Partitions {
		if p.Err != nil || p.Leader < 0 || len(p.ISR) != len(p.Replicas) {
			return false
		}
	}
	return true
}

// drained says whether the group has committed the end of every input partition.
func (l *lab) drained(admin *kadm.Client) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ends, err := admin.ListEndOffsets(ctx, eosIn)
	if err != nil {
		return false
	}
	committed, err := admin.FetchOffsets(ctx, eosGroup)
	if err != nil {
		return false
	}
	for partition := range int32(eosPartitions) {
		end, ok := ends.Lookup(eosIn, partition)
		at, has := committed.Lookup(eosIn, partition)
		if !ok || end.Err != nil || end.Offset > 0 && (!has || at.At != end.Offset) {
			return false
		}
	}
	return true
}

// settled says whether no partition has an open transaction: its last stable offset is its high watermark, and the
// coordinators know of no transaction that is not complete.
func (l *lab) settled(admin *kadm.Client) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, topic := range []string{eosOut, "__consumer_offsets"} {
		stable, err := admin.ListCommittedOffsets(ctx, topic)
		if err != nil || stable.Error() != nil {
			return false
		}
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err != nil || ends.Error() != nil {
			return false
		}
		open := false
		stable.Each(func(at kadm.ListedOffset) {
			end, _ := ends.Lookup(at.Topic, at.Partition)
			open = open || at.Offset != end.Offset
		})
		if open {
			return false
		}
	}
	transactions, err := admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"})
	return err == nil && len(transactions) == 0
}

// compareOutput holds the output against the input, and the transactions that it came in against their sizes.
func (l *lab) compareOutput(writer *ledger) {
	l.t.Helper()
	input, output := map[string]bool{}, map[string]int{}
	for _, r := range withoutControl(l.readTopic(eosIn, kgo.ReadUncommitted())) {
		input[string(r.Value)] = true
	}
	if len(input) < writer.count() {
		l.t.Errorf("%d records were acknowledged, the input has %d", writer.count(), len(input))
	}
	sizes, sums := map[string]string{}, map[string]int{}
	for _, r := range withoutControl(l.readTopic(eosOut, kgo.ReadCommitted())) {
		output[string(r.Value)]++
		tx, size := string(r.Headers[0].Value), string(r.Headers[1].Value)
		sizes[tx] = size
		sums[tx]++
	}
	twice, lost := 0, 0
	for value := range input {
		twice += max(0, output[value]-1)
		lost += max(0, 1-output[value])
	}
	if twice > 0 || lost > 0 || len(output) != len(input) {
		l.t.Errorf("of %d input records %d are lost and %d come twice; the output has %d different ones", len(input), lost, twice, len(output))
	}
	all := l.readTopic(eosOut, kgo.ReadUncommitted())
	for tx, size := range sizes {
		if fmt.Sprint(sums[tx]) != size {
			l.t.Errorf("transaction %s is torn: %d of its %s records are there; on disk are %s", tx, sums[tx], size, whereabouts(all, tx))
		}
	}
	aborted := len(withoutControl(all)) - len(input)
	if aborted <= 0 {
		l.t.Errorf("nothing was aborted, so nothing was shown")
	}
	l.t.Logf("%d records in %d transactions, %d records of aborted ones", len(input), len(sizes), aborted)
}

// whereabouts says where the records of a transaction are, and how each was ended by its producer's next marker.
func whereabouts(all []*kgo.Record, tx string) string {
	var found []string
	for i, r := range all {
		if r.Attrs.IsControl() || string(r.Headers[0].Value) != tx {
			continue
		}
		ended := "by nothing"
		for _, m := range all[i:] {
			if m.Attrs.IsControl() && m.Partition == r.Partition && m.ProducerID == r.ProducerID {
				ended = fmt.Sprintf("by %x at %d in epoch %d", m.Key, m.Offset, m.ProducerEpoch)
				break
			}
		}
		found = append(found, fmt.Sprintf("%d@%d of producer %d epoch %d, ended %s", r.Partition, r.Offset, r.ProducerID, r.ProducerEpoch, ended))
	}
	return strings.Join(found, "; ")
}

func withoutControl(records []*kgo.Record) []*kgo.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r *kgo.Record) bool { return r.Attrs.IsControl() })
}

// readTopic reads all partitions of a topic to their last stable offsets, with the control records.
func (l *lab) readTopic(topic string, isolation kgo.IsolationLevel) []*kgo.Record {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ends, err := l.admin().ListCommittedOffsets(ctx, topic)
	if err != nil {
		l.t.Fatal(err)
	}
	missing := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			missing[end.Partition] = end.Offset
		}
	})
	client := l.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords())
	var records []*kgo.Record
	for len(missing) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			l.t.Fatalf("cannot read %s, of which %v are missing: %v", topic, missing, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records = append(records, r)
			if r.Offset+1 >= missing[r.Partition] {
				delete(missing, r.Partition)
			}
		})
	}
	return records
}
