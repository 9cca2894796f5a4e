package txn

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"klab/broker/storage"
)

// The model is one transactional id, its coordinator, a few partitions and two producers that both believe the id is
// theirs. Anything may be lost or late, and the coordinator may die between any two steps. Whatever happens, every
// transaction ends the same way on all its partitions, as its producer was told, and none stays open.

const modelPartitions = 3

// world is all of it.
type world struct {
	t *rapid.T

	log   Metadata // what __transaction_state says
	epoch int32    // of the coordinator
	txn   *Txn
	write *Record // under way
	now   int64
	fresh int64

	marks     []sentMark
	parts     [modelPartitions]modelPartition
	producers [2]modelProducer
	round     int          // which transaction is open, or was last
	promised  map[int]bool // round to outcome, as a producer was told
	ended     map[int]bool // round to outcome, as a partition saw it
	replies   map[string]*Reply
}

// sentMark is one marker on the network.
type sentMark struct {
	at, from  int32 // partition, coordinator epoch
	pid       int64
	epoch     int16
	commit    bool
	recipient *Txn // nil once the coordinator is dead
}

// modelPartition is what a partition's leader knows.
type modelPartition struct {
	epochs       map[int64]int16 // by producer id
	coordinators map[int64]int32
	open         map[int64][]int // rounds of the records that are open
	guards       map[int64]int   // of verifications since the last marker or append
	lastGuard    int
}

// modelProducer is what a producer believes.
type modelProducer struct {
	pid   int64
	epoch int16
	guard [modelPartitions]int // a verified append that is still to come
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, fresh: 100, promised: map[int]bool{}, ended: map[int]bool{}, replies: map[string]*Reply{}}
	for i := range w.parts {
		w.parts[i] = modelPartition{map[int64]int16{}, map[int64]int32{}, map[int64][]int{}, map[int64]int{}, 0}
	}
	for i := range w.producers {
		w.producers[i] = modelProducer{pid: none, epoch: none}
	}
	w.txn = New("tx", 99, 1000, 0)
	w.log = w.txn.Current()
	return w
}

func (w *world) carryOut(e Effects) {
	if e.Reply != nil {
		w.replies[e.Reply.Token.(string)] = e.Reply
	}
	if e.Write != nil {
		if w.write != nil {
			w.t.Fatal("two records are written at once")
		}
		w.write = e.Write
	}
	if m := e.Mark; m != nil {
		for _, tp := range m.Partitions {
			w.marks = append(w.marks, sentMark{tp.Partition, w.epoch, m.ProducerID, m.ProducerEpoch, m.Commit, w.txn})
		}
	}
}

// answered takes the answer to a request, if it has come.
func (w *world) answered(token string) *Reply {
	r := w.replies[token]
	delete(w.replies, token)
	return r
}

// land makes the record under way durable. A transaction that is complete is open nowhere.
func (w *world) land() {
	if s := w.write.State; s == CompleteCommit || s == CompleteAbort {
		for at := range w.parts {
			for _, rounds := range w.parts[at].open {
				if slices.Contains(rounds, w.round) {
					w.t.Fatalf("transaction %d is complete and open in partition %d", w.round, at)
				}
			}
		}
	}
	if w.write.State == Ongoing && w.log.State != Ongoing {
		w.round++
	}
	w.log = w.write.Metadata
}

func (w *world) finishWrite(lands, told bool) {
	if w.write == nil {
		return
	}
	if lands {
		w.land()
	}
	w.write = nil
	var err *kerr.Error
	if !lands || !told {
		err = kerr.CoordinatorNotAvailable
	}
	w.carryOut(w.txn.Written(err, w.now))
	w.settle()
}

// settle tells the producers what came back.
func (w *world) settle() {
	for i := range w.producers {
		p := &w.producers[i]
		if r := w.answered(fmt.Sprint("init", i)); r != nil && r.Err == nil {
			p.pid, p.epoch, p.guard = r.ProducerID, r.ProducerEpoch, [modelPartitions]int{}
		}
		w.answered(fmt.Sprint("add", i))
		for _, commit := range []bool{true, false} {
			if r := w.answered(fmt.Sprint("end", i, commit)); r != nil && r.Err == nil && w.log.State != Empty {
				w.promised[w.round] = commit
			}
		}
	}
}

// crash replaces the coordinator. A record that was under way has landed or never will.
func (w *world) crash(landed bool) {
	if w.write != nil && landed {
		w.land()
	}
	w.write = nil
	for i := range w.marks {
		w.marks[i].recipient = nil
	}
	clear(w.replies)
	w.epoch++
	w.txn = Loaded("tx", w.log)
	w.carryOut(w.txn.Resume(w.now))
}

// deliver brings one marker to its partition, as a leader takes it (kafka-formats B.12).
func (w *world) deliver(i int, answer bool) {
	m := w.marks[i]
	p := &w.parts[m.at]
	known, seen := p.epochs[m.pid]
	if !(seen && m.epoch < known) && m.from >= p.coordinators[m.pid] {
		for _, round := range p.open[m.pid] {
			if was, ok := w.ended[round]; ok && was != m.commit {
				w.t.Fatalf("transaction %d is torn: partition %d says commit=%v", round, m.at, m.commit)
			}
			w.ended[round] = m.commit
		}
		delete(p.open, m.pid)
		delete(p.guards, m.pid)
		p.epochs[m.pid], p.coordinators[m.pid] = m.epoch, m.from
	}
	if m.recipient != w.txn {
		w.marks = slices.Delete(w.marks, i, i+1)
		return
	}
	if answer { // else the coordinator sends it again
		w.marks = slices.Delete(w.marks, i, i+1)
		w.carryOut(w.txn.Marked([]storage.TopicPartition{{Topic: "t", Partition: m.at}}))
	}
}

// verify asks the coordinator for a partition before the first append.
func (w *world) verify(i int, at int32) {
	p := &w.producers[i]
	foreign, err := w.txn.Verify(p.pid, p.epoch, []storage.TopicPartition{{Topic: "t", Partition: at}})
	if err == nil && len(foreign) == 0 {
		w.parts[at].lastGuard++
		p.guard[at] = w.parts[at].lastGuard
		w.parts[at].guards[p.pid] = p.guard[at]
	}
}

// produce appends what was verified, perhaps late.
func (w *world) produce(i int, at int32) {
	p, part := &w.producers[i], &w.parts[at]
	guard := p.guard[at]
	p.guard[at] = 0
	known, seen := part.epochs[p.pid]
	if seen && p.epoch < known || len(part.open[p.pid]) == 0 && (guard == 0 || part.guards[p.pid] != guard) {
		return
	}
	if _, over := w.ended[w.round]; over && w.log.State != Ongoing && !w.log.State.preparing() {
		w.t.Fatalf("partition %d took a record after the end of transaction %d", at, w.round)
	}
	part.epochs[p.pid] = p.epoch
	part.open[p.pid] = append(part.open[p.pid], w.round)
	delete(part.guards, p.pid)
}

// calm lets everything arrive, and time out.
func (w *world) calm() {
	for range 100 + len(w.marks) { // coordinators that crashed left markers behind
		w.now += 1000
		w.carryOut(w.txn.TimedOut(w.now))
		w.finishWrite(true, true)
		if len(w.marks) > 0 {
			w.deliver(0, true)
		}
	}
}

func TestNoTransactionIsTornOrLeftOpen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt)
		producer := rapid.IntRange(0, 1)
		partition := rapid.Int32Range(0, modelPartitions-1)
		rt.Repeat(map[string]func(*rapid.T){
			"init": func(t *rapid.T) {
				i := producer.Draw(t, "producer")
				w.fresh++
				r := Init{TimeoutMs: 1000, ProducerID: none, ProducerEpoch: none, Fresh: w.fresh}
				if p := w.producers[i]; p.pid != none && rapid.Bool().Draw(t, "named") {
					r.ProducerID, r.ProducerEpoch = p.pid, p.epoch
				}
				w.carryOut(w.txn.Init(fmt.Sprint("init", i), r, w.now))
				w.settle()
			},
			"add": func(t *rapid.T) {
				i := producer.Draw(t, "producer")
				at := storage.TopicPartition{Topic: "t", Partition: partition.Draw(t, "partition")}
				w.carryOut(w.txn.Add(fmt.Sprint("add", i), w.producers[i].pid, w.producers[i].epoch, []storage.TopicPartition{at}, w.now))
				w.settle()
			},
			"run": func(t *rapid.T) { // one producer gets far without a hitch
				i := producer.Draw(t, "producer")
				if w.producers[i].pid == none {
					w.carryOut(w.txn.Init(fmt.Sprint("init", i), Init{1000, none, none, 100}, w.now))
					w.finishWrite(true, true)
				}
				for at := range rapid.Int32Range(1, modelPartitions).Draw(t, "partitions") {
					w.carryOut(w.txn.Add(fmt.Sprint("add", i), w.producers[i].pid, w.producers[i].epoch, []storage.TopicPartition{{Topic: "t", Partition: at}}, w.now))
					w.finishWrite(true, true)
					w.verify(i, at)
					w.produce(i, at)
				}
				w.settle()
			},
			"verify":  func(t *rapid.T) { w.verify(producer.Draw(t, "producer"), partition.Draw(t, "partition")) },
			"produce": func(t *rapid.T) { w.produce(producer.Draw(t, "producer"), partition.Draw(t, "partition")) },
			"end": func(t *rapid.T) {
				i, commit := producer.Draw(t, "producer"), rapid.Bool().Draw(t, "commit")
				w.carryOut(w.txn.End(fmt.Sprint("end", i, commit), w.producers[i].pid, w.producers[i].epoch, commit, w.now))
				w.settle()
			},
			"written": func(t *rapid.T) {
				lands := rapid.Bool().Draw(t, "lands")
				w.finishWrite(lands, lands && rapid.IntRange(0, 3).Draw(t, "told") > 0)
			},
			"marker": func(t *rapid.T) {
				if len(w.marks) > 0 {
					w.deliver(rapid.IntRange(0, len(w.marks)-1).Draw(t, "marker"), rapid.Bool().Draw(t, "answered"))
				}
			},
			"time": func(t *rapid.T) {
				w.now += rapid.Int64Range(1, 700).Draw(t, "ms")
				w.carryOut(w.txn.TimedOut(w.now))
			},
			"crash": func(t *rapid.T) { w.crash(rapid.Bool().Draw(t, "landed")) },
		})
		w.calm()
		for at := range w.parts {
			for pid, rounds := range w.parts[at].open {
				rt.Fatalf("partition %d has open records of producer %d, of transactions %v", at, pid, rounds)
			}
		}
		if s := w.txn.Current().State; !s.atRest() {
			rt.Fatalf("the id is %v for good", s)
		}
		for round, commit := range w.promised {
			if was, ok := w.ended[round]; ok && was != commit {
				rt.Fatalf("the producer of transaction %d was told commit=%v, and the partitions commit=%v", round, commit, was)
			}
		}
	})
}
