package storage

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// verifying is a log whose transactional batches need a guard.
func verifying(t *testing.T) *Log {
	c := DefaultLogConfig()
	c.VerifyTransactions = true
	return openDisk(t, fsys.NewMem(), c).create(orders0, c)
}

func wantError(t *testing.T, what string, err error, want *kerr.Error) {
	t.Helper()
	if (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestTheFirstAppendOfATransactionNeedsAGuard(t *testing.T) {
	l := verifying(t)
	write := func(g Guard, epoch int16, seq int32) error {
		_, err := l.AppendVerified(transactional(t, 1, epoch, seq, 1), 0, Client, g, testTime)
		return err
	}
	end := func() {
		t.Helper()
		m := batch.BuildMarker(batch.Marker{Type: batch.Abort, CoordinatorEpoch: 1}, 1, 0, testTime.UnixMilli())
		if _, err := l.AppendAsLeader(m, 0, Coordinator, testTime); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, "no guard", write(0, 0, 0), kerr.InvalidTxnState)
	g, ask := l.Verify(1, 0, 0, testTime)
	if again, _ := l.Verify(1, 1, 0, testTime); !ask || g == 0 || again != g {
		t.Fatalf("guards %d and %d, ask %v: a producer has one until it is used", g, again, ask)
	}
	wantError(t, "a guard of another", write(g+1, 0, 0), kerr.InvalidTxnState)
	wantError(t, "a batch that overtook", write(g, 0, 1), kerr.OutOfOrderSequenceNumber)
	wantError(t, "the right guard", write(g, 0, 0), nil)
	if _, ask := l.Verify(1, 1, 0, testTime); ask {
		t.Error("asks again in an open transaction")
	}
	wantError(t, "no guard in an open transaction", write(0, 0, 1), nil)
	end()
	wantError(t, "late, after the end", write(0, 0, 2), kerr.InvalidTxnState)
	wantError(t, "late, with the old guard", write(g, 0, 2), kerr.InvalidTxnState)
	stale, _ := l.Verify(1, 2, 0, testTime)
	end() // the coordinator aborts while the verdict is on its way
	wantError(t, "verified before the end", write(stale, 0, 2), kerr.InvalidTxnState)
	if _, err := l.AppendVerified(idempotent(t, 2, 0, 0, 1), 0, Client, 0, testTime); err != nil {
		t.Errorf("an idempotent batch needs no guard: %v", err)
	}
}

func TestADuplicateNeedsNoGuard(t *testing.T) {
	l := verifying(t)
	g, _ := l.Verify(1, 0, 0, testTime)
	first, err := l.AppendVerified(transactional(t, 1, 0, 0, 2), 0, Client, g, testTime)
	if err != nil {
		t.Fatal(err)
	}
	m := batch.BuildMarker(batch.Marker{Type: batch.Commit, CoordinatorEpoch: 1}, 1, 0, testTime.UnixMilli())
	if _, err := l.AppendAsLeader(m, 0, Coordinator, testTime); err != nil {
		t.Fatal(err)
	}
	info, err := l.AppendVerified(transactional(t, 1, 0, 0, 2), 0, Client, 0, testTime)
	if err != nil || !info.Duplicate || info.FirstOffset != first.FirstOffset {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestOldGuardsAreForgotten(t *testing.T) {
	l := verifying(t)
	g, _ := l.Verify(1, 5, 0, testTime)
	l.states.expire(testTime.UnixMilli())
	if again, _ := l.Verify(1, 7, 0, testTime); again == g {
		t.Error("the same guard came twice")
	}
}
