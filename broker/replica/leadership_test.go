package replica

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// TestACoordinatorWritesAsLongAsItsBrokerLeads has the controller raise the leader epoch of a partition that goes on being led,
// as it does whenever it takes a replica out of the ISR, and then give the leadership away and back.
func TestACoordinatorWritesAsLongAsItsBrokerLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		b, both := l.brokers[1], []int32{1, 2}
		var told []Leadership
		b.cfg.LeadershipChanged = func(all []Leadership) { told = append(told, all...) }
		writes := func(since int32) error {
			done := make(chan Appended, 1)
			b.Append(&Append{Acks: 1, LeadsSince: since, Origin: storage.Coordinator, Batches: []Batch{{TopicPartition: tp(0), Records: records(t, "state")}},
				Done: func(r []Appended) { done <- r[0] }})
			return (<-done).Err
		}
		l.elect(0, 1, both, both)
		l.elect(0, 1, []int32{1}, both)
		if err := writes(0); err != nil {
			t.Errorf("in a later epoch of the same leadership: %v", err)
		}
		if err := writes(1); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("of a leadership that there never was: %v", err)
		}
		l.elect(0, 2, both, both)
		if err := writes(0); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("when another leads: %v", err)
		}
		l.elect(0, 1, both, both)
		if err := writes(0); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("of a former leadership: %v", err)
		}
		if err := writes(3); err != nil {
			t.Errorf("of the leadership that there is: %v", err)
		}
		l.states[0].LeaderEpoch++ // a decision that never came here: another may have led
		l.elect(0, 1, both, both)
		if err := writes(3); !errors.Is(err, kerr.NotLeaderForPartition) {
			t.Errorf("after a gap in the epochs: %v", err)
		}
		want := []Leadership{{tp(0), 0, true}, {tp(0), 0, true}, {tp(0), 2, false}, {tp(0), 3, true}, {tp(0), 5, true}}
		if !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}
