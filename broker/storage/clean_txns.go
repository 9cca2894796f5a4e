package storage

import (
	"cmp"
	"slices"

	"klab/broker/storage/batch"
)

// cleanedTxns follows the transactions while a cleaner reads batches in order (Kafka's CleanedTransactionMetadata): a
// pure core that tells which data was aborted and which markers end a transaction without any data left.
type cleanedTxns struct {
	ahead   []AbortedTransaction // not reached yet, by first offset
	aborted map[int64]*abortedTxn
	data    map[int64]bool // producers with data of a transaction that was not aborted
}

// abortedTxn is an aborted transaction that is being read.
type abortedTxn struct {
	AbortedTransaction
	seen bool // some of its data is still there
}

func newCleanedTxns() *cleanedTxns {
	return &cleanedTxns{aborted: map[int64]*abortedTxn{}, data: map[int64]bool{}}
}

// add tells of aborted transactions that overlap what will be read. One that is told of again does no harm.
func (c *cleanedTxns) add(list []AbortedTransaction) {
	c.ahead = append(c.ahead, list...)
	slices.SortStableFunc(c.ahead, func(a, b AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
}

// reach begins the aborted transactions whose first offset is at or below an offset.
func (c *cleanedTxns) reach(offset int64) {
	for len(c.ahead) > 0 && c.ahead[0].FirstOffset <= offset {
		t := c.ahead[0]
		c.ahead = c.ahead[1:]
		if c.aborted[t.ProducerID] == nil {
			c.aborted[t.ProducerID] = &abortedTxn{AbortedTransaction: t}
		}
	}
}

// readData notes a batch of data. It reports whether its records were aborted.
func (c *cleanedTxns) readData(b batch.Batch) (aborted bool) {
	c.reach(b.LastOffset())
	if !b.Transactional() {
		return false
	}
	if t := c.aborted[b.ProducerID()]; t != nil {
		t.seen = true
		return true
	}
	c.data[b.ProducerID()] = true
	return false
}

// readMarker notes a control batch. over says that no data of its transaction is left, so that it need not stay for long;
// aborted is the transaction that it aborted, if data of that is left.
func (c *cleanedTxns) readMarker(b batch.Batch) (over bool, aborted *AbortedTransaction, err error) {
	c.reach(b.LastOffset())
	if b.Count() == 0 {
		return true, nil, nil // cleaned before
	}
	m, ok, err := b.Marker()
	if err != nil || !ok {
		return false, nil, err
	}
	id := b.ProducerID()
	if m.Type == batch.Commit {
		over = !c.data[id]
		delete(c.data, id)
		return over, nil, nil
	}
	t := c.aborted[id]
	delete(c.aborted, id)
	if t == nil || !t.seen {
		return true, nil, nil
	}
	return false, &t.AbortedTransaction, nil
}
