//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// sessionTimeout is zookeeper.session.timeout.ms of configs/server-*.toml.
const sessionTimeout = 2 * time.Second

func TestKillingTheLeaderTwentyTimesLosesNothing(t *testing.T) {
	// A controller gives leadership back to the preferred replica five seconds after it took office. In the middle of a kill
	// that is a second cause of the same write.
	l := up(t, "--override", "auto.leader.rebalance.enable=false")
	l.createTopic("ledger", 1, 3, "min.insync.replicas=2")
	admin := l.admin()
	l.waitISR(admin, "ledger", 0, 3)
	g := l.keepLedger("ledger", 1000)
	g.waitMore(t, 500)
	var silences []time.Duration
	apart := 0 // rounds in which the timeline and the ledger differ
	for round := range 20 {
		leader, _ := l.partitionState(admin, "ledger", 0)
		killed := time.Now()
		l.klab("broker", "kill", fmt.Sprint(leader.Leader))
		eventually(t, 15*time.Second, "another leader", func() bool {
			now, ok := l.partitionState(admin, "ledger", 0)
			return ok && now.Leader >= 0 && now.Leader != leader.Leader
		})
		g.waitMore(t, 200)
		silence := g.silence(killed)
		silences = append(silences, silence)
		if !l.timelineAgrees(round, silence) {
			apart++
		}
		l.klab("broker", "start", fmt.Sprint(leader.Leader))
		l.waitISR(admin, "ledger", 0, 3)
		g.waitMore(t, 100)
	}
	g.close()
	g.verify(l)
	if apart > 2 { // what else the machine does stalls the one or the other now and then
		t.Errorf("in %d rounds of 20 the timeline and the ledger differ by more than 30 ms", apart)
	}
	slices.Sort(silences)
	t.Logf("silence after SIGKILL of the leader: median %v, min %v, max %v", silences[10], silences[0], silences[19])
	if bar := sessionTimeout + 150*time.Millisecond; silences[10] >= bar {
		t.Errorf("median silence %v, want under %v", silences[10], bar)
	}
}

// timelineAgrees holds the milliseconds that the timeline shows for the first acknowledged write against the ledger's: they may
// differ by 30 ms.
func (l *lab) timelineAgrees(round int, silence time.Duration) bool {
	l.t.Helper()
	events := l.events()
	var kill, write *event
	for i := range events {
		switch e := &events[i]; {
		case e.Kind == "process.killed":
			kill, write = e, nil
		case e.Kind == "write.first" && e.Topic == "ledger" && kill != nil && write == nil:
			write = e
		}
	}
	if kill == nil || write == nil || write.SinceCauseMs == nil {
		l.t.Errorf("round %d: the timeline lacks the kill (%v) or the first write after it (%v)", round, kill, write)
		return false
	}
	off := math.Abs(*write.SinceCauseMs - float64(silence.Milliseconds()))
	if off > 30 {
		l.t.Logf("round %d: the timeline says %.0f ms, the ledger %d ms", round, *write.SinceCauseMs, silence.Milliseconds())
	}
	return off <= 30
}

func TestStoppingTheLeaderIsHardlyNoticed(t *testing.T) {
	l := up(t)
	l.createTopic("ledger", 1, 3, "min.insync.replicas=2")
	admin := l.admin()
	l.waitISR(admin, "ledger", 0, 3)
	g := l.keepLedger("ledger", 1000)
	g.waitMore(t, 500)
	withinBar(t, "silence at a controlled shutdown of the leader", 50*time.Millisecond, 9, func() time.Duration {
		leader, _ := l.partitionState(admin, "ledger", 0)
		stopped := time.Now()
		l.klab("broker", "stop", fmt.Sprint(leader.Leader))
		g.waitMore(t, 300)
		silence := g.silence(stopped)
		l.klab("broker", "start", fmt.Sprint(leader.Leader))
		l.waitISR(admin, "ledger", 0, 3)
		return silence
	})
	g.close()
	g.verify(l)
}
