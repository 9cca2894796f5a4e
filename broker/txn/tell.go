package txn

import "klab/broker/fact"

// telling keeps the successes of one transactional id from filling a timeline: of those that follow each other quickly,
// one transaction a second is told, from its beginning to its end. What a person would look for is always told.
type telling struct {
	lastMs  int64
	quiet   bool // the transaction under way is not told of
	skipped int  // transactions not told of since the last that was
}

const tellEveryMs = 1000

// told is an event that is told, with how many transactions before it were not.
type told struct {
	Event
	skipped int
}

// filter chooses what is told of.
func (t *telling) filter(events []Event, nowMs int64) (tell []told) {
	for _, e := range events {
		if e.Kind == Began {
			if t.quiet = nowMs-t.lastMs < tellEveryMs; t.quiet {
				t.skipped++
			} else {
				t.lastMs = nowMs
			}
		}
		if t.quiet && (e.Kind == Began || e.Cause == ByClient) {
			continue
		}
		next := told{Event: e}
		if e.Kind == Began {
			next.skipped, t.skipped = t.skipped, 0
		}
		tell = append(tell, next)
	}
	return tell
}

var kinds = map[string]string{
	Began:     fact.TransactionBegan,
	Prepared:  fact.TransactionPrepared,
	Committed: fact.TransactionCommitted,
	Aborted:   fact.TransactionAborted,
	Fenced:    fact.ProducerFenced,
}

func (c *Coordinator) observe(id string, events []told) {
	for _, e := range events {
		fields := map[string]any{"id": id, "producer": e.ProducerID, "epoch": e.ProducerEpoch}
		switch e.Kind {
		case Began:
			fields["partitions"], fields["skipped"] = e.Partitions, e.skipped
		case Prepared:
			fields["partitions"], fields["cause"], fields["commit"] = e.Partitions, e.Cause, e.Commit
		case Committed, Aborted:
			fields["partitions"], fields["cause"], fields["ms"] = e.Partitions, e.Cause, e.TookMs
		}
		c.cfg.Observe(fact.Fact{Time: c.cfg.Clock(), Broker: c.cfg.BrokerID, Kind: kinds[e.Kind], Fields: fields})
	}
}
