package broker

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"klab/broker/storage/batch"
)

// liar is a producer that sends what it likes to one broker.
type liar struct {
	l   *lab
	c   *kgo.Client
	tx  *string
	pid int64
}

// ask sends a request to the broker that is leader and coordinator of everything.
func (s *liar) ask(req kmsg.Request) kmsg.Response {
	s.l.t.Helper()
	resp, err := s.c.Broker(1).Request(s.l.t.Context(), req)
	if err != nil {
		s.l.t.Fatal(err)
	}
	return resp
}

// produce writes one record to each partition, and returns the error of the first.
func (s *liar) produce(tx *string, epoch int16, sequence int32, pids ...int64) *kerr.Error {
	s.l.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.TransactionID = -1, 5000, tx
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	for i, pid := range pids {
		o := batch.NewOptions()
		o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, pid, epoch, sequence
		b, err := batch.Build(o, batch.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("v")})
		if err != nil {
			s.l.t.Fatal(err)
		}
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), b
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	return kerr.TypedErrorForCode(s.ask(req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

func (s *liar) init() (epoch int16) {
	s.l.t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = s.tx, 60_000
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		resp := s.ask(req).(*kmsg.InitProducerIDResponse)
		if resp.ErrorCode == 0 {
			s.pid = resp.ProducerID
			return resp.ProducerEpoch
		}
	}
	s.l.t.Fatal("no producer id within 20 seconds")
	return 0
}

func (s *liar) add(epoch int16) {
	s.l.t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.SetVersion(3)
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = *s.tx, s.pid, epoch
	topic := kmsg.NewAddPartitionsToTxnRequestTopic()
	topic.Topic, topic.Partitions = "t", []int32{0}
	req.Topics = append(req.Topics, topic)
	pinned := s.l.client(kgo.MaxVersions(versionsUpTo(24, 3)))
	resp, err := pinned.Broker(1).Request(s.l.t.Context(), req)
	if err != nil {
		s.l.t.Fatal(err)
	}
	if code := resp.(*kmsg.AddPartitionsToTxnResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		s.l.t.Fatal(kerr.ErrorForCode(code))
	}
}

func TestAProducerThatLies(t *testing.T) {
	l := newLab(t, "transaction.state.log.num.partitions", "1", "transaction.state.log.replication.factor", "1", "transaction.state.log.min.isr", "1")
	l.start(1)
	l.createTopic("t", 2, 1, nil)
	id := "liar"
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorType, find.CoordinatorKeys = 1, []string{id}
	s := &liar{l: l, c: l.client(), tx: &id}
	s.ask(find) // makes the topic
	epoch := s.init()
	check := func(what string, got, want *kerr.Error) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("a transactional batch without a transactional id", s.produce(nil, epoch, 0, s.pid), kerr.TransactionalIDAuthorizationFailed)
	check("two producers in one request", s.produce(&id, epoch, 0, s.pid, s.pid+1), kerr.InvalidProducerIDMapping)
	check("a partition that was not added", s.produce(&id, epoch, 0, s.pid), kerr.TransactionAbortable)
	check("somebody else's producer id", s.produce(&id, epoch, 0, s.pid+7), kerr.InvalidProducerIDMapping)
	other := "nobody"
	check("a transactional id that nobody has", s.produce(&other, epoch, 0, s.pid), kerr.InvalidProducerIDMapping)
	s.add(epoch)
	check("an epoch to come", s.produce(&id, epoch+1, 0, s.pid), kerr.InvalidProducerEpoch)
	check("the first batch", s.produce(&id, epoch, 0, s.pid), nil)
	check("the same again", s.produce(&id, epoch, 0, s.pid), nil)
	check("a gap", s.produce(&id, epoch, 5, s.pid), kerr.OutOfOrderSequenceNumber)
	check("the next", s.produce(&id, epoch, 1, s.pid), nil)
	log := l.leaderLog("t", 0)
	if end := log.EndOffset(); end != 2 {
		t.Errorf("the log ends at %d, two records were taken", end)
	}
	for epoch == 0 { // the transaction is aborted for the new producer
		epoch = s.init()
	}
	l.eventually("the old transaction has ended", func() bool { return !l.open("t", 0) })
	check("the epoch before", s.produce(&id, 0, 2, s.pid), kerr.InvalidProducerEpoch)
	check("the new epoch, after the end", s.produce(&id, epoch, 0, s.pid), kerr.TransactionAbortable)
}

// versionsUpTo are the newest versions, but for one key.
func versionsUpTo(key, version int16) *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(key, version)
	return v
}
