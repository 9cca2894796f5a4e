//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// worker moves records under transactions. It opens a new session whenever the one before got an error, sometimes with
// the transactional id of the one before, which ends what that left open, and sometimes with a new one, so that only
// transaction.timeout.ms ends it.
type worker struct {
	*lab
	name       string
	random     *rand.Rand
	generation int
	sent       int            // transactions begun
	refused    map[string]int // why records were not written, and how often: their transactions were aborted
}

func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.generation += w.random.IntN(2)
		session, err := kgo.NewGroupTransactSession(
			kgo.SeedBrokers(bootstrap...), kgo.MetadataMinAge(50*time.Millisecond),
			kgo.TransactionalID(fmt.Sprintf("%s-%d", w.name, w.generation)), kgo.TransactionTimeout(eosTimeout),
			kgo.ConsumerGroup(eosGroup), kgo.ConsumeTopics(eosIn), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
			kgo.SessionTimeout(6*time.Second), kgo.RebalanceTimeout(10*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
			kgo.DefaultProduceTopic(eosOut), kgo.ProducerLinger(0))
		if err != nil {
			w.t.Error(err)
			return
		}
		for ctx.Err() == nil && w.transact(ctx, session) {
		}
		session.Close()
	}
}

// transact moves what a poll gave in one transaction; false if the session is of no more use.
func (w *worker) transact(ctx context.Context, session *kgo.GroupTransactSession) bool {
	polling, cancel := context.WithTimeout(ctx, time.Second)
	records := session.PollRecords(polling, 100).Records()
	cancel()
	if len(records) == 0 {
		return true
	}
	if session.Begin() != nil {
		return false
	}
	w.sent++
	tx, size := fmt.Sprintf("%s-tx-%d", w.name, w.sent), fmt.Sprint(len(records))
	written := kgo.AbortingFirstErrPromise(session.Client())
	for _, r := range records {
		headers := []kgo.RecordHeader{{Key: "tx", Value: []byte(tx)}, {Key: "size", Value: []byte(size)}}
		session.Produce(ctx, &kgo.Record{Key: r.Value, Value: r.Value, Headers: headers}, written.Promise())
	}
	err := written.Err()
	if err != nil {
		w.refused[err.Error()]++
	}
	fate := kgo.TransactionEndTry(err == nil)
	switch w.random.IntN(20) {
	case 0:
		fate = kgo.TryAbort
	case 1:
		session.Client().Flush(ctx)
		return false // given up with its records written
	}
	ending, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_, err = session.End(ending, fate)
	return err == nil
}
