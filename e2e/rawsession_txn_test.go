//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// txnSession is about transactions: InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit, EndTxn,
// WriteTxnMarkers, DescribeProducers, DescribeTransactions and ListTransactions, and what consumers see of them.
func txnSession(s *rawScript) {
	s.topic("txn", [][]int32{{1, 2, 3}, {1, 2, 3}}, keepForever)
	initSteps(s)
	txnLifeSteps(s)
	foreignerSteps(s)
	openSteps(s)
	fencingSteps(s)
	markerSteps(s)
	observerSteps(s)
}

func initSteps(s *rawScript) {
	const id = "init"
	at := coordinator(id)
	edited := func(edit func(*kmsg.InitProducerIDRequest)) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := initOf(id)
			edit(req)
			return req
		}
	}
	s.each("init", at, edited(func(*kmsg.InitProducerIDRequest) {}))
	s.each("init at another coordinator", at%3+1, edited(func(*kmsg.InitProducerIDRequest) {}))
	s.each("init with an empty transactional id", at, edited(func(r *kmsg.InitProducerIDRequest) { r.TransactionalID = kmsg.StringPtr("") }))
	for _, timeout := range []int32{0, -1, 900000, 900001} {
		s.each(fmt.Sprintf("init with the timeout %d", timeout), at, edited(func(r *kmsg.InitProducerIDRequest) { r.TransactionTimeoutMillis = timeout }))
	}
	s.versions("init with an unknown producer id", at, 3, 5, edited(func(r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = 990100, 0 }))
	s.versions("init with a producer id alone", at, 3, 5, edited(func(r *kmsg.InitProducerIDRequest) { r.ProducerID = 990100 }))
	s.versions("init with an epoch alone", at, 3, 5, edited(func(r *kmsg.InitProducerIDRequest) { r.ProducerEpoch = 1 }))
	for v := int16(3); v <= 5; v++ {
		known := ask[*kmsg.InitProducerIDResponse](s, fmt.Sprintf("init %d: as anybody", v), at, withVersion(initOf(id), v))
		again := func(name string, epoch int16) {
			req := withVersion(initOf(id), v)
			req.ProducerID, req.ProducerEpoch = known.ProducerID, epoch
			s.send(fmt.Sprintf("init %d: %s", v, name), at, req)
		}
		again("with its producer id and epoch", known.ProducerEpoch)
		again("with its former epoch", known.ProducerEpoch)
		again("with an epoch before that", known.ProducerEpoch-1)
		again("with an epoch to come", known.ProducerEpoch+5)
	}
}

// producer is who writes in a transaction.
type rawProducer struct {
	txn   string
	id    int64
	epoch int16
}

// producer gets a producer id for a transactional id, with the newest version.
func (s *rawScript) producer(txn string) rawProducer {
	resp := ask[*kmsg.InitProducerIDResponse](s, txn+" gets a producer id", coordinator(txn), withVersion(initOf(txn), 4))
	return rawProducer{txn, resp.ProducerID, resp.ProducerEpoch}
}

// completed waits until a transaction's markers are written, which an EndTxn's answer does not tell.
func (s *rawScript) completed(txn string) {
	s.t.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{txn}
	until(s, "the transaction of "+txn+" is complete", coordinator(txn), req, func(r *kmsg.DescribeTransactionsResponse) bool {
		return len(r.TransactionStates) == 1 && r.TransactionStates[0].State != "PrepareCommit" && r.TransactionStates[0].State != "PrepareAbort"
	})
}

// txnLifeSteps lead a transaction through its life in every version, once to a commit and once to an abort.
func txnLifeSteps(s *rawScript) {
	for v := range int16(6) {
		id := fmt.Sprintf("txn-life-v%d", v)
		group := "group-of-" + id
		at, p := coordinator(id), s.producer(id)
		step := func(name string, to to, last int16, req kmsg.Request) {
			req.SetVersion(min(v, last))
			s.send(fmt.Sprintf("txn %d: %s", v, name), to, req)
		}
		for i, commit := range []bool{true, false} {
			end := []string{"commit", "abort"}[i]
			step(end+": add partitions", at, 5, addPartitionsOf(p, "txn", 0, 1))
			step(end+": add them again", at, 5, addPartitionsOf(p, "txn", 0))
			s.send(fmt.Sprintf("txn %d: %s: produce", v, end), 1, withVersion(txnProduceOf(p, "txn", 0, int32(i)), 9))
			step(end+": add offsets", at, 4, addOffsetsOf(p, group))
			step(end+": commit offsets", coordinator(group), 4, txnCommitOf(p, group, "txn", 0, int64(i)+40))
			step(end+": fetch offsets", coordinator(group), 9, offsetFetchOf(group, "txn", 0))
			stable := withVersion(offsetFetchOf(group, "txn", 0), 7)
			stable.RequireStable = true
			s.send(fmt.Sprintf("txn %d: %s: fetch stable offsets", v, end), coordinator(group), stable)
			s.send(fmt.Sprintf("txn %d: %s: describe", v, end), at, describeTransactions(id))
			step(end+": end", at, 4, endOf(p, commit))
			s.completed(id)
			step(end+": end again", at, 4, endOf(p, commit))
			step(end+": end the other way", at, 4, endOf(p, !commit))
			s.stableOffsets(group)
			s.send(fmt.Sprintf("txn %d: %s: fetch offsets afterwards", v, end), coordinator(group), withVersion(offsetFetchOf(group, "txn", 0), 7))
			s.send(fmt.Sprintf("txn %d: %s: describe afterwards", v, end), at, describeTransactions(id))
		}
	}
	s.settled("txn", 0)
	for _, isolation := range []int8{0, 1} {
		s.versions(fmt.Sprintf("fetch transactions with isolation level %d", isolation), 1, 4, 12, func(int16) kmsg.Request {
			req := fetchOf("txn", 0, 0)
			req.IsolationLevel = isolation
			return req
		})
		s.versions(fmt.Sprintf("list the latest offset with isolation level %d", isolation), 1, 2, 9, func(int16) kmsg.Request {
			req := listOf("txn", 0, -1)
			req.IsolationLevel = isolation
			return req
		})
	}
	s.versions("fetch transactions in an old format", 1, 0, 3, func(int16) kmsg.Request { return fetchOf("txn", 0, 0) })
}

// stableOffsets waits until no transaction holds a group's offsets.
func (s *rawScript) stableOffsets(group string) {
	s.t.Helper()
	req := withVersion(offsetFetchOf(group, "txn", 0), 7)
	req.RequireStable = true
	until(s, "the offsets of "+group+" are stable", coordinator(group), req, func(r *kmsg.OffsetFetchResponse) bool {
		return len(r.Topics) == 1 && len(r.Topics[0].Partitions) == 1 && r.Topics[0].Partitions[0].ErrorCode != 88
	})
}

// settled waits until the last stable offset of a partition is its end.
func (s *rawScript) settled(topic string, partition int32) {
	s.t.Helper()
	until(s, topic+" has no open transaction", 1, withVersion(fetchOf(topic, partition, 0), 12), func(r *kmsg.FetchResponse) bool {
		p := r.Topics[0].Partitions[0]
		return p.HighWatermark == p.LastStableOffset
	})
}

// foreignerSteps are about a transactional id, a producer id and an epoch that are not those of the coordinator.
func foreignerSteps(s *rawScript) {
	const id = "native"
	at := coordinator(id)
	p := s.producer(id)
	for _, c := range []struct {
		name string
		at   to
		p    rawProducer
	}{
		{"an unknown transactional id", coordinator("unknown"), rawProducer{"unknown", 990200, 0}},
		{"an empty transactional id", coordinator(""), rawProducer{"", 990200, 0}},
		{"another producer id", at, rawProducer{id, 990200, 0}},
		{"another producer epoch", at, rawProducer{id, p.id, p.epoch + 3}},
		{"a former producer epoch", at, rawProducer{id, p.id, p.epoch - 1}},
		{"another coordinator", at%3 + 1, p},
	} {
		s.each("add partitions with "+c.name, c.at, func(int16) kmsg.Request { return addPartitionsOf(c.p, "txn", 0) })
		s.each("add offsets with "+c.name, c.at, func(int16) kmsg.Request { return addOffsetsOf(c.p, "g") })
		s.each("end with "+c.name, c.at, func(int16) kmsg.Request { return endOf(c.p, true) })
	}
	s.each("end without having begun, commit", at, func(int16) kmsg.Request { return endOf(p, true) })
	s.each("end without having begun, abort", at, func(int16) kmsg.Request { return endOf(p, false) })
	s.each("add an unknown topic", at, func(int16) kmsg.Request { return addPartitionsOf(p, "none", 0) })
	s.each("add unknown partitions", at, func(int16) kmsg.Request { return addPartitionsOf(p, "txn", 0, 9, -1) })
	s.each("add no partition", at, func(int16) kmsg.Request { return addPartitionsOf(p, "txn") })
	s.each("add offsets of the group without a name", at, func(int16) kmsg.Request { return addOffsetsOf(p, "") })
	s.versions("verify partitions that were not added", at, 4, 5, func(int16) kmsg.Request {
		req := addPartitionsOf(p, "txn", 0)
		req.Transactions[0].VerifyOnly = true
		return req
	})
	s.versions("add partitions of two transactions", at, 4, 5, func(int16) kmsg.Request {
		req := addPartitionsOf(p, "txn", 0)
		req.Transactions[0].VerifyOnly = true
		other := addPartitionsOf(rawProducer{elsewhere(id), 990300, 0}, "txn", 0)
		other.Transactions[0].VerifyOnly = true
		req.Transactions = append(req.Transactions, other.Transactions...)
		return req
	})
	s.unanswered("add partitions of no transaction", at, withVersion(kmsg.NewPtrAddPartitionsToTxnRequest(), 5))
}

// openSteps are about an open transaction.
func openSteps(s *rawScript) {
	const id, group = "open", "group-of-open"
	s.topic("opened", [][]int32{{1, 2, 3}, {1, 2, 3}}, keepForever)
	at, p := coordinator(id), s.producer(id)
	s.send("open: produce before the partition is added", 1, withVersion(txnProduceOf(p, "opened", 0, 0), 9))
	s.send("open: add a partition", at, withVersion(addPartitionsOf(p, "opened", 0), 3))
	s.versions("open: verify it", at, 4, 5, func(int16) kmsg.Request {
		req := addPartitionsOf(p, "opened", 0, 1)
		req.Transactions[0].VerifyOnly = true
		return req
	})
	s.versions("open: produce without a transactional id", 1, 9, 9, func(int16) kmsg.Request {
		return produceOf(-1, "opened", batchSpec{values: []string{"plain"}, producer: p.id, epoch: p.epoch}.build())
	})
	s.versions("open: produce", 1, 3, 11, func(v int16) kmsg.Request { return txnProduceOf(p, "opened", 0, int32(v-3)) })
	s.send("open: produce to another partition", 1, withVersion(func() kmsg.Request {
		req := txnProduceOf(p, "opened", 0, 0)
		req.Topics[0].Partitions[0].Partition = 1
		return req
	}(), 9))
	s.each("open: commit offsets before they are added", coordinator(group), func(int16) kmsg.Request { return txnCommitOf(p, group, "opened", 0, 3) })
	s.send("open: add offsets", at, withVersion(addOffsetsOf(p, group), 3))
	s.each("open: commit offsets", coordinator(group), func(int16) kmsg.Request { return txnCommitOf(p, group, "opened", 0, 3) })
	s.each("open: commit offsets at another coordinator", coordinator(group)%3+1, func(int16) kmsg.Request { return txnCommitOf(p, group, "opened", 0, 3) })
	s.each("open: commit offsets of an unknown topic", coordinator(group), func(int16) kmsg.Request { return txnCommitOf(p, group, "none", 0, 3) })
	s.each("open: commit offsets to the group without a name", coordinator(""), func(int16) kmsg.Request { return txnCommitOf(p, "", "opened", 0, 3) })
	s.versions("open: commit offsets with an unknown member", coordinator(group), 3, 4, func(int16) kmsg.Request {
		req := txnCommitOf(p, group, "opened", 0, 3)
		req.MemberID, req.Generation = "stranger", 5
		return req
	})
	s.versions("open: commit offsets with a generation alone", coordinator(group), 3, 4, func(int16) kmsg.Request {
		req := txnCommitOf(p, group, "opened", 0, 3)
		req.Generation = 5
		return req
	})
	s.send("open: delete pending offsets", coordinator(group), withVersion(deleteGroups(group), 2))
	openSeenSteps(s, p)
}

// openSeenSteps look at the open transaction, and let another producer end it.
func openSeenSteps(s *rawScript, p rawProducer) {
	at := coordinator(p.txn)
	for _, isolation := range []int8{0, 1} {
		s.versions(fmt.Sprintf("open: fetch with isolation level %d", isolation), 1, 4, 5, func(int16) kmsg.Request {
			req := fetchOf("opened", 0, 0)
			req.IsolationLevel = isolation
			return req
		})
		for _, time := range []int64{-1, -3, rawEpochMs} {
			s.versions(fmt.Sprintf("open: list offsets at %d with isolation level %d", time, isolation), 1, 7, 7, func(int16) kmsg.Request {
				req := listOf("opened", 0, time)
				req.IsolationLevel = isolation
				return req
			})
		}
	}
	s.send("open: describe producers", 1, describeProducers("opened", 0, 1))
	s.send("open: describe transactions", at, describeTransactions(p.txn))
	s.each("open: list transactions", at, func(int16) kmsg.Request {
		req := listTransactions()
		req.ProducerIDFilters = []int64{p.id}
		return req
	})
	s.send("open: a new producer takes over", at, withVersion(initOf(p.txn), 4))
	s.completed(p.txn)
	s.settled("opened", 0)
	s.send("open: describe producers after the take-over", 1, describeProducers("opened", 0))
	s.send("open: fetch after the take-over", 1, withVersion(func() kmsg.Request {
		req := fetchOf("opened", 0, 0)
		req.IsolationLevel = 1
		return req
	}(), 12))
}

// fencingSteps are what a producer hears after another took over.
func fencingSteps(s *rawScript) {
	const id, group = "fenced", "group-of-fenced"
	at := coordinator(id)
	old := s.producer(id)
	s.send("fenced: add a partition", at, withVersion(addPartitionsOf(old, "txn", 1), 3))
	s.send("fenced: produce", 1, withVersion(func() kmsg.Request {
		req := txnProduceOf(old, "txn", 1, 0)
		req.Topics[0].Partitions[0].Partition = 1
		return req
	}(), 9))
	s.send("fenced: end", at, withVersion(endOf(old, true), 3))
	s.completed(id)
	s.send("fenced: a new producer", at, withVersion(initOf(id), 4))
	s.each("fenced: add partitions", at, func(int16) kmsg.Request { return addPartitionsOf(old, "txn", 1) })
	s.each("fenced: add offsets", at, func(int16) kmsg.Request { return addOffsetsOf(old, group) })
	s.each("fenced: end a transaction", at, func(int16) kmsg.Request { return endOf(old, true) })
	s.versions("fenced: produce to the partition", 1, 3, 11, func(int16) kmsg.Request {
		req := txnProduceOf(old, "txn", 1, 1)
		req.Topics[0].Partitions[0].Partition = 1
		return req
	})
	s.versions("fenced: init with what it had", at, 3, 5, func(int16) kmsg.Request {
		req := initOf(id)
		req.ProducerID, req.ProducerEpoch = old.id, old.epoch
		return req
	})
}

// markerSteps send markers as a coordinator does.
func markerSteps(s *rawScript) {
	s.topic("marked", [][]int32{{1, 2, 3}}, keepForever)
	marker := func(topic string, partition int32, id int64, epoch int16, coordinatorEpoch int32) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := kmsg.NewPtrWriteTxnMarkersRequest()
			m := kmsg.NewWriteTxnMarkersRequestMarker()
			m.ProducerID, m.ProducerEpoch, m.CoordinatorEpoch, m.Committed = id, epoch, coordinatorEpoch, true
			m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: topic, Partitions: []int32{partition}}}
			req.Markers = append(req.Markers, m)
			return req
		}
	}
	s.each("markers of an unknown producer", 1, marker("marked", 0, 990400, 2, 5))
	s.each("markers of a former producer epoch", 1, marker("marked", 0, 990400, 1, 5))
	s.each("markers of a former coordinator epoch", 1, marker("marked", 0, 990400, 2, 4))
	s.each("markers to a follower", 2, marker("marked", 0, 990400, 2, 5))
	s.each("markers to an unknown partition", 1, marker("marked", 9, 990400, 2, 5))
	s.each("markers to an unknown topic", 1, marker("none", 0, 990400, 2, 5))
	s.each("no markers", 1, func(int16) kmsg.Request {
		req := kmsg.NewPtrWriteTxnMarkersRequest()
		req.Markers = []kmsg.WriteTxnMarkersRequestMarker{}
		return req
	})
	s.fetchAll("what the markers left", 1, "marked", 0)
}

// observerSteps describe and list transactions.
func observerSteps(s *rawScript) {
	s.send("describe the producers of unknown partitions", 1, describeProducers("txn", 9, -1))
	s.send("describe the producers of an unknown topic", 1, describeProducers("none", 0))
	s.send("describe the producers of a follower", 2, describeProducers("txn", 0))
	s.send("describe the producers of a topic without a name", 1, describeProducers("", 0))
	s.send("describe unknown transactions", coordinator("unknown"), describeTransactions("unknown", elsewhere("unknown"), ""))
	s.send("describe no transaction", 1, describeTransactions())
	for _, state := range []string{"Ongoing", "CompleteCommit", "ongoing", "None", "Dead", ""} {
		s.each("list transactions in the state "+state, coordinator("init"), func(int16) kmsg.Request { return listTransactions(state) })
	}
	s.each("list transactions of an unknown producer", coordinator("init"), func(int16) kmsg.Request {
		req := listTransactions()
		req.ProducerIDFilters = []int64{990500}
		return req
	})
	s.versions("list transactions that are old", coordinator("init"), 1, 1, func(int16) kmsg.Request {
		req := listTransactions("Ongoing")
		req.DurationFilterMillis = 3600000
		return req
	})
	s.each("list all transactions", coordinator("init"), func(int16) kmsg.Request { return listTransactions() })
}
