package replica

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/metadata"
	"klab/broker/partition"
	"klab/broker/storage"
	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// lab is a cluster of Replicas without a controller: tests speak to the brokers as the controller would. The network is
// net.Pipe, the disks are in memory, so that all of it can run in a synctest bubble.
type lab struct {
	t       testing.TB
	brokers map[int32]*labBroker
	topicID storage.TopicID // zero: topics have no ids
	minISR  int
	epoch   int32 // of the "controller"
	alter   func(*kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error)

	mu         sync.Mutex
	states     map[int32]*kmsg.LeaderAndISRRequestTopicPartition // by partition, as the znodes would be
	isolated   map[int32]bool
	ineligible map[int32]bool // the controller refuses them as members of an ISR
	proposals  int
	facts      []fact.Fact
}

type labBroker struct {
	*Replicas
	id     int32
	lab    *lab
	dir    *storage.Dir
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
	seen  map[int16]int // requests by key
}

const labTopic = "orders"

func newLab(t testing.TB, ids ...int32) *lab {
	l := &lab{
		t: t, brokers: map[int32]*labBroker{}, minISR: 1, epoch: 1,
		topicID: storage.TopicID{1, 2, 3}, states: map[int32]*kmsg.LeaderAndISRRequestTopicPartition{}, isolated: map[int32]bool{}, ineligible: map[int32]bool{},
	}
	l.alter = l.commitISR
	for _, id := range ids {
		l.start(id, fsys.NewMem())
	}
	l.announceBrokers()
	t.Cleanup(l.close)
	return l
}

func (l *lab) start(id int32, disk fsys.FS) *labBroker {
	dir, err := storage.OpenDir(context.Background(), disk, "/data", storage.DirOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	b := &labBroker{id: id, lab: l, dir: dir, conns: map[net.Conn]bool{}, seen: map[int16]int{}}
	b.Replicas = New(Config{
		BrokerID: id,
		Dirs:     []*storage.Dir{dir},
		Metadata: metadata.NewCache(),
		Dial:     func(ctx context.Context, _, addr string) (net.Conn, error) { return l.dial(id, addr) },
		Listener: "PLAINTEXT",
		AlterPartition: func(_ context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
			return l.alter(req)
		},
		MinInSync:  func(string) int { return l.minISR },
		LagTimeMax: 30 * time.Second,
		Observe: func(f fact.Fact) {
			l.mu.Lock()
			l.facts = append(l.facts, f)
			l.mu.Unlock()
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.done.Go(func() { b.Run(ctx) })
	l.mu.Lock() // others may be dialling
	l.brokers[id] = b
	l.mu.Unlock()
	return b
}

// stop ends a broker; its disk stays.
func (b *labBroker) stop() {
	b.mu.Lock()
	if b.down {
		b.mu.Unlock()
		return
	}
	b.down = true
	b.mu.Unlock()
	b.cut()
	b.cancel()
	b.Close(context.Background())
	b.done.Wait()
	b.dir.Close()
}

func (b *labBroker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		c.Close()
	}
}

func (l *lab) close() {
	for _, b := range l.brokers {
		b.stop()
	}
}

// isolate cuts a broker off from the others, or connects it again.
func (l *lab) isolate(id int32, yes bool) {
	l.mu.Lock()
	l.isolated[id] = yes
	l.mu.Unlock()
	if yes {
		for _, b := range l.brokers { // drops more than it must; the others reconnect
			b.cut()
		}
	}
}

func (l *lab) dial(from int32, addr string) (net.Conn, error) {
	var to int32
	if _, err := fmt.Sscanf(addr, "broker%d:9092", &to); err != nil {
		return nil, err
	}
	l.mu.Lock()
	cut := l.isolated[from] || l.isolated[to]
	b := l.brokers[to]
	l.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if cut || b.down {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	b.conns[server] = true
	b.done.Go(func() { b.serve(server) })
	return client, nil
}

// serve is the smallest of servers: replies in order, one goroutine that reads and one that writes.
func (b *labBroker) serve(conn net.Conn) {
	replies := make(chan func() []byte, 100)
	var writer sync.WaitGroup
	writer.Go(func() {
		for reply := range replies {
			if frame := reply(); frame != nil {
				conn.Write(frame)
			}
		}
	})
	in := bufio.NewReader(conn)
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(in, head); err != nil {
			break
		}
		frame := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(in, frame); err != nil {
			break
		}
		replies <- b.handle(frame)
	}
	close(replies)
	conn.Close()
	writer.Wait()
	b.mu.Lock()
	delete(b.conns, conn)
	b.mu.Unlock()
}

func (b *labBroker) handle(frame []byte) func() []byte {
	in := kbin.Reader{Src: frame}
	key, version, correlation := in.Int16(), in.Int16(), in.Int32()
	in.NullableString()
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	if req.IsFlexible() {
		kmsg.SkipTags(&in)
	}
	if err := req.ReadFrom(in.Src); err != nil {
		panic(err)
	}
	b.mu.Lock()
	b.seen[key]++
	b.mu.Unlock()
	done := make(chan kmsg.Response, 1)
	written := func() {}
	switch req := req.(type) {
	case *kmsg.FetchRequest:
		written = b.Fetch(req, "PLAINTEXT", func(resp *kmsg.FetchResponse) { done <- resp })
	case *kmsg.ListOffsetsRequest:
		done <- b.listOffsets(req)
	}
	return func() []byte {
		defer written()
		resp := <-done
		resp.SetVersion(version)
		out := kbin.AppendInt32(make([]byte, 4), correlation)
		if resp.IsFlexible() {
			out = append(out, 0)
		}
		out = resp.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		return out
	}
}

func (b *labBroker) listOffsets(req *kmsg.ListOffsetsRequest) kmsg.Response {
	resp := kmsg.NewPtrListOffsetsResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewListOffsetsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			a := kmsg.NewListOffsetsResponseTopicPartition()
			a.Partition = p.Partition
			found, err := b.ListOffset(OffsetQuery{
				TopicPartition: storage.TopicPartition{Topic: t.Topic, Partition: p.Partition},
				Replica:        req.ReplicaID, CurrentEpoch: p.CurrentLeaderEpoch, Timestamp: p.Timestamp,
			})
			if err != nil {
				a.ErrorCode = codeOf(err).Code
			}
			a.Offset, a.Timestamp, a.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
			rt.Partitions = append(rt.Partitions, a)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// announceBrokers sends UpdateMetadata with all brokers that are up.
func (l *lab) announceBrokers() {
	req := kmsg.NewPtrUpdateMetadataRequest()
	req.Version, req.ControllerEpoch, req.BrokerEpoch = 8, l.epoch, -1
	for id, b := range l.brokers {
		if b.down {
			continue
		}
		live := kmsg.NewUpdateMetadataRequestLiveBroker()
		live.ID = id
		live.Endpoints = []kmsg.UpdateMetadataRequestLiveBrokerEndpoint{{Port: 9092, Host: fmt.Sprintf("broker%d", id), ListenerName: "PLAINTEXT"}}
		req.LiveBrokers = append(req.LiveBrokers, live)
	}
	for _, b := range l.brokers {
		b.UpdateMetadata(req)
	}
}

// elect makes leader lead partition with the next leader epoch, and tells the brokers named in tell (all, if none).
func (l *lab) elect(p int32, leader int32, isr, replicas []int32, tell ...int32) {
	l.mu.Lock()
	s := l.states[p]
	isNew := s == nil
	if isNew {
		fresh := kmsg.NewLeaderAndISRRequestTopicPartition()
		s = &fresh
		s.LeaderEpoch, s.ZKVersion = -1, -1
		l.states[p] = s
	}
	s.Partition, s.Leader, s.ISR, s.Replicas, s.IsNew = p, leader, isr, replicas, isNew
	s.LeaderEpoch++
	s.ZKVersion++
	s.ControllerEpoch = l.epoch
	state := *s
	l.mu.Unlock()
	if len(tell) == 0 {
		tell = replicas
	}
	for _, id := range tell {
		if !l.brokers[id].down {
			l.tell(id, state)
		}
	}
}

func (l *lab) tell(id int32, states ...kmsg.LeaderAndISRRequestTopicPartition) {
	l.t.Helper()
	req := kmsg.NewPtrLeaderAndISRRequest()
	req.Version, req.ControllerEpoch, req.BrokerEpoch = 7, l.epoch, -1
	t := kmsg.NewLeaderAndISRRequestTopicState()
	t.Topic, t.TopicID, t.PartitionStates = labTopic, l.topicID, states
	req.TopicStates = append(req.TopicStates, t)
	resp := l.brokers[id].BecomeLeaderOrFollower(req)
	if resp.ErrorCode != 0 {
		l.t.Fatalf("LeaderAndIsr to broker %d: %v", id, kerr.ErrorForCode(resp.ErrorCode))
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				l.t.Fatalf("LeaderAndIsr to broker %d, partition %d: %v", id, p.Partition, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
}

// commitISR is what a controller does with AlterPartition, in short.
func (l *lab) commitISR(req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proposals++
	if l.isolated[req.BrokerID] {
		return nil, errors.New("connection refused")
	}
	resp := kmsg.NewPtrAlterPartitionResponse()
	for _, t := range req.Topics {
		rt := kmsg.NewAlterPartitionResponseTopic()
		rt.TopidID, rt.Topic = t.TopicID, t.Topic
		for _, p := range t.Partitions {
			a := kmsg.NewAlterPartitionResponseTopicPartition()
			a.Partition = p.Partition
			s := l.states[p.Partition]
			switch {
			case p.LeaderEpoch < s.LeaderEpoch:
				a.ErrorCode = kerr.FencedLeaderEpoch.Code
			case p.PartitionEpoch < s.ZKVersion:
				a.ErrorCode = kerr.InvalidUpdateVersion.Code
			case slices.ContainsFunc(p.NewEpochISR, func(m kmsg.AlterPartitionRequestTopicPartitionNewEpochISR) bool { return l.ineligible[m.BrokerID] }):
				a.ErrorCode = kerr.IneligibleReplica.Code
			default:
				s.ISR = nil
				for _, m := range p.NewEpochISR {
					s.ISR = append(s.ISR, m.BrokerID)
				}
				s.ZKVersion++
				a.LeaderID, a.LeaderEpoch, a.ISR, a.PartitionEpoch = s.Leader, s.LeaderEpoch, slices.Clone(s.ISR), s.ZKVersion
			}
			rt.Partitions = append(rt.Partitions, a)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp, nil
}

func (l *lab) isr(p int32) []int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.states[p].ISR))
}

func (l *lab) factsOf(kind string) (found []fact.Fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.facts {
		if f.Kind == kind {
			found = append(found, f)
		}
	}
	return found
}

func records(t testing.TB, values ...string) []byte {
	t.Helper()
	var all []batch.Record
	for _, v := range values {
		all = append(all, batch.Record{Timestamp: time.Now().UnixMilli(), Value: []byte(v)})
	}
	b, err := batch.Build(batch.NewOptions(), all...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tp(p int32) storage.TopicPartition { return storage.TopicPartition{Topic: labTopic, Partition: p} }

// produce appends and returns a channel that gets the result.
func (b *labBroker) produce(p int32, acks int16, values ...string) <-chan Appended {
	done := make(chan Appended, 1)
	b.Append(&Append{
		Acks: acks, LeadsSince: AnyEpoch, Timeout: 10 * time.Second, Batches: []Batch{{TopicPartition: tp(p), Records: records(b.lab.t, values...)}},
		Done: func(r []Appended) { done <- r[0] },
	})
	return done
}

// consume reads everything up to the high watermark.
func (b *labBroker) consume(p int32) []string {
	b.lab.t.Helper()
	resp := b.fetchOnce(consumerFetch(p, 0))
	a := resp.Topics[0].Partitions[0]
	if a.ErrorCode != 0 {
		b.lab.t.Fatalf("fetch from broker %d: %v", b.id, kerr.ErrorForCode(a.ErrorCode))
	}
	return values(b.lab.t, a.RecordBatches)
}

func values(t testing.TB, data []byte) (all []string) {
	t.Helper()
	for b, err := range batch.All(data) {
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(r.Value))
		}
	}
	return all
}

// consumerFetch is a fetch outside of a session that does not wait.
func consumerFetch(p int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionEpoch = 12, 1, 1<<20, -1
	addPartition(req, p, offset)
	return req
}

func addPartition(req *kmsg.FetchRequest, p int32, offset int64) *kmsg.FetchRequestTopicPartition {
	if len(req.Topics) == 0 {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = labTopic
		req.Topics = append(req.Topics, t)
	}
	q := kmsg.NewFetchRequestTopicPartition()
	q.Partition, q.FetchOffset, q.PartitionMaxBytes = p, offset, 1<<20
	req.Topics[0].Partitions = append(req.Topics[0].Partitions, q)
	return &req.Topics[0].Partitions[len(req.Topics[0].Partitions)-1]
}

func (b *labBroker) fetchLater(req *kmsg.FetchRequest) <-chan *kmsg.FetchResponse {
	done := make(chan *kmsg.FetchResponse, 1)
	b.Fetch(req, "PLAINTEXT", func(resp *kmsg.FetchResponse) { done <- resp })
	return done
}

func (b *labBroker) fetchOnce(req *kmsg.FetchRequest) *kmsg.FetchResponse { return <-b.fetchLater(req) }

// core looks into a replica.
func (b *labBroker) core(p int32, look func(*partition.Partition)) {
	h := b.table().hosted[tp(p)]
	h.mu.Lock()
	defer h.mu.Unlock()
	look(h.core)
}

func (b *labBroker) ends(p int32) (watermark, end int64) {
	b.core(p, func(c *partition.Partition) { watermark, end = c.HighWatermark(), c.EndOffset() })
	return watermark, end
}

// bytesOf reads a replica's whole log.
func (b *labBroker) bytesOf(p int32) []byte {
	b.lab.t.Helper()
	log := b.table().hosted[tp(p)].log
	got, err := log.Read(log.StartOffset(), 1<<30, log.EndOffset(), true)
	if err != nil {
		b.lab.t.Fatal(err)
	}
	return got.Records
}
