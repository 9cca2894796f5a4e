//go:build e2e

package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerBytes is what a broker's memory may reach under all of TestLoad at once: 64 MiB of records for readers that do not
// take them, a refused request of 100 MB that is read whole (and grows by doubling), partitions, connections and groups.
const brokerBytes = 640 << 20

// loadSize is how much of everything there is.
type loadSize struct {
	partitions, groups int
	lasts              time.Duration
}

// size is short by default; KLAB_LONG=1 takes an hour, and another span of time is KLAB_LONG=10m.
func size(t *testing.T) loadSize {
	text := os.Getenv("KLAB_LONG")
	if text == "" {
		return loadSize{partitions: 1000, groups: 100, lasts: 15 * time.Second}
	}
	s := loadSize{partitions: 10_000, groups: 1000, lasts: time.Hour}
	if text == "1" {
		return s
	}
	var err error
	if s.lasts, err = time.ParseDuration(text); err != nil {
		t.Fatalf("cannot read KLAB_LONG: %v", err)
	}
	return s
}

// TestLoad has a cluster carry 2,000 connections, many partitions and groups, readers that hardly read, and a producer of
// 100 MB batches, all at once. An ordinary producer must be served all along, and memory must stay in its bounds and, over
// time, where it is.
func TestLoad(t *testing.T) {
	s, l := size(t), up(t, "--override", "zookeeper.session.timeout.ms=18000") // Kafka's default: a busy machine is no failover
	l.createWide("wide", int32(s.partitions))
	l.createTopic("served", 6, 3)
	l.fillTopic("full", 128<<20)
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	defer running.Wait()
	defer cancel()
	l.connect(ctx, &running, 2000)
	l.joinGroups(ctx, &running, s.groups)
	brokers := l.status().Brokers
	before := residentOf(t, brokers)
	for range 20 {
		running.Go(func() { l.readSlowly(ctx, "full") })
	}
	refused := new(atomic.Int64)
	running.Go(func() { l.produceTooMuch(ctx, "served", refused) })
	served := &serving{}
	running.Go(func() { l.produceSteadily(ctx, "served", served) })
	samples := sampleMemory(t, brokers, s.lasts)
	cancel()
	running.Wait()
	l.judgeLoad(s, samples, refused.Load(), served)
	if os.Getenv("KLAB_LONG") != "" { // it may take two minutes until Go's collector looks at a process that has become idle
		l.judgeGrowth(brokers, before)
	}
}

// serving is what an ordinary producer saw.
type serving struct{ times []time.Duration }

func (l *lab) judgeLoad(s loadSize, samples [][]int64, refused int64, served *serving) {
	l.t.Helper()
	largest := slices.Max(slices.Concat(samples...))
	slices.Sort(served.times)
	n := len(served.times)
	if n < 100 {
		l.t.Fatalf("an ordinary producer was served %d times", n)
	}
	l.t.Logf("%d partitions, %d groups, 2000 connections, 20 slow readers, %d batches of 100 MB refused, for %v", s.partitions, s.groups, refused, s.lasts)
	l.t.Logf("memory of a broker: at most %.0f MB (allowed %d); an ordinary write: median %v, p99 %v, longest %v, of %d",
		float64(largest)/1e6, brokerBytes/1_000_000, served.times[n/2], served.times[n*99/100], served.times[n-1], n)
	if largest > brokerBytes {
		l.t.Errorf("a broker took %d bytes of memory, allowed are %d", largest, int64(brokerBytes))
	}
	if refused == 0 {
		l.t.Error("no batch of 100 MB was refused")
	}
	if served.times[n*99/100] > 2*time.Second {
		l.t.Errorf("of an ordinary producer's writes one in a hundred takes more than %v", served.times[n*99/100])
	}
}

// judgeGrowth waits for the brokers to give back what the load took. Under load their memory wanders with the collector;
// what is still there when the load is over was kept.
func (l *lab) judgeGrowth(brokers []brokerStatus, before []int64) {
	l.t.Helper()
	const kept = 48 << 20
	began := time.Now()
	eventually(l.t, 5*time.Minute, fmt.Sprintf("every broker is within %d MB of its memory before the load, %v", kept>>20, before), func() bool {
		for i, now := range residentOf(l.t, brokers) {
			if now > before[i]+kept {
				return false
			}
		}
		return true
	})
	l.t.Logf("memory of the brokers before the load %v, %v after it %v bytes", before, time.Since(began).Round(time.Second), residentOf(l.t, brokers))
}

// residentOf is each broker's resident memory.
func residentOf(t testing.TB, brokers []brokerStatus) (out []int64) {
	t.Helper()
	for _, b := range brokers {
		out = append(out, residentBytes(t, b.PID))
	}
	return out
}

// sampleMemory takes each broker's resident memory every 200 ms.
func sampleMemory(t testing.TB, brokers []brokerStatus, lasts time.Duration) [][]int64 {
	t.Helper()
	samples := make([][]int64, len(brokers))
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); <-tick.C {
		for i, now := range residentOf(t, brokers) {
			samples[i] = append(samples[i], now)
		}
	}
	return samples
}

// createWide waits longer than the command line does.
func (l *lab) createWide(topic string, partitions int32) {
	l.t.Helper()
	admin := l.admin()
	admin.SetTimeoutMillis(120_000)
	if _, err := admin.CreateTopic(context.Background(), partitions, 3, nil, topic); err != nil {
		l.t.Fatalf("cannot create %s: %v", topic, err)
	}
}

func (l *lab) fillTopic(topic string, bytes int) {
	l.t.Helper()
	l.createTopic(topic, 3, 3)
	client := l.client(kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(500), kgo.UnknownTopicRetries(-1))
	value := make([]byte, 64<<10)
	for range bytes / len(value) {
		client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				l.t.Errorf("cannot fill %s: %v", topic, err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		l.t.Fatal(err)
	}
}

// connect opens connections over all brokers; each has asked once and stays.
func (l *lab) connect(ctx context.Context, running *sync.WaitGroup, n int) {
	l.t.Helper()
	for i := range n {
		conn := l.dial(bootstrap[i%len(bootstrap)])
		running.Go(func() {
			defer conn.Close()
			<-ctx.Done()
		})
		req := kmsg.NewPtrApiVersionsRequest()
		if _, err := conn.Write(frame(req, 0)); err != nil {
			l.t.Fatal(err)
		}
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			l.t.Fatalf("connection %d of %d is not served: %v", i+1, n, err)
		}
	}
}

func (l *lab) dial(addr string) net.Conn {
	l.t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		l.t.Fatal(err)
	}
	return conn
}

// frame is a request of a version with its length before it.
func frame(req kmsg.Request, version int16) []byte {
	req.SetVersion(version)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("load")).AppendRequest(nil, req, 1)
}

// joinGroups makes groups of one member, who commits an offset and sends heartbeats until the end.
func (l *lab) joinGroups(ctx context.Context, running *sync.WaitGroup, n int) {
	l.t.Helper()
	client := l.client()
	const at = 20
	var joined sync.WaitGroup
	for w := range at {
		joined.Add(1)
		running.Go(func() {
			var members []member
			for i := w; i < n; i += at {
				members = append(members, l.join(client, fmt.Sprintf("load-%d", i)))
			}
			joined.Done()
			keepMembers(ctx, l.t, client, members)
		})
	}
	joined.Wait()
}

// member is the one member of a group.
type member struct {
	group, id  string
	generation int32
}

func (l *lab) join(client *kgo.Client, group string) member {
	m := member{group: group}
	eventually(l.t, time.Minute, group+" is joined", func() bool {
		req := kmsg.NewPtrJoinGroupRequest()
		req.Group, req.MemberID, req.ProtocolType = group, m.id, "consumer"
		req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 60_000, 60_000
		protocol := kmsg.NewJoinGroupRequestProtocol()
		protocol.Name = "range"
		req.Protocols = append(req.Protocols, protocol)
		resp, err := req.RequestWith(context.Background(), client)
		if err != nil {
			return false
		}
		m.id, m.generation = resp.MemberID, resp.Generation
		return resp.ErrorCode == 0
	})
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = group, m.id, m.generation
	sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
	own := kmsg.NewSyncGroupRequestGroupAssignment()
	own.MemberID, own.MemberAssignment = m.id, []byte("x")
	sync.GroupAssignment = append(sync.GroupAssignment, own)
	if resp, err := sync.RequestWith(context.Background(), client); err != nil || resp.ErrorCode != 0 {
		l.t.Errorf("%s is not synced: %v, %v", group, err, resp)
	}
	return m
}

// keepMembers commits and sends heartbeats for each member in turn; all must stay members.
func keepMembers(ctx context.Context, t testing.TB, client *kgo.Client, members []member) {
	for offset := int64(0); ctx.Err() == nil; offset++ {
		for _, m := range members {
			beat := kmsg.NewPtrHeartbeatRequest()
			beat.Group, beat.MemberID, beat.Generation = m.group, m.id, m.generation
			resp, err := beat.RequestWith(ctx, client)
			if err == nil && resp.ErrorCode != 0 && !kerr.IsRetriable(kerr.ErrorForCode(resp.ErrorCode)) {
				t.Errorf("%s: heartbeat: %v", m.group, kerr.ErrorForCode(resp.ErrorCode))
			}
			if err := commit(ctx, client, m, offset); err != nil && !kerr.IsRetriable(err) && ctx.Err() == nil {
				t.Errorf("%s: commit: %v", m.group, err)
			}
		}
	}
}

func commit(ctx context.Context, client *kgo.Client, m member, offset int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = m.group, m.id, m.generation
	topic, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	topic.Topic, p.Offset = "served", offset
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// readSlowly asks for 50 MB four times without waiting, takes ten bytes a second, and begins again when it is cut off.
func (l *lab) readSlowly(ctx context.Context, topic string) {
	for i := 0; ctx.Err() == nil; i++ {
		conn := l.dial(bootstrap[i%len(bootstrap)])
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		req := kmsg.NewPtrFetchRequest()
		req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, 500, 1, 50<<20
		asked := kmsg.NewFetchRequestTopic()
		asked.Topic = topic
		for p := range int32(3) {
			part := kmsg.NewFetchRequestTopicPartition()
			part.Partition, part.PartitionMaxBytes = p, 50<<20
			asked.Partitions = append(asked.Partitions, part)
		}
		req.Topics = append(req.Topics, asked)
		for range 4 {
			conn.Write(frame(req, 4))
		}
		tick := time.NewTicker(100 * time.Millisecond)
		for one := make([]byte, 1); ; <-tick.C {
			if _, err := conn.Read(one); err != nil {
				break
			}
		}
		tick.Stop()
		stop()
		conn.Close()
	}
}

// produceTooMuch sends batches of 100 MB, each of which must be refused with MESSAGE_TOO_LARGE.
func (l *lab) produceTooMuch(ctx context.Context, topic string, refused *atomic.Int64) {
	batch := make([]byte, 100_000_000)
	binary.BigEndian.PutUint32(batch[8:], uint32(len(batch)-12)) // of what follows
	batch[16] = 2                                                // magic
	admin := l.admin()
	for p := int32(0); ctx.Err() == nil; p = (p + 1) % 6 {
		state, ok := l.partitionState(admin, topic, p)
		if !ok {
			continue
		}
		conn := l.dial(bootstrap[state.Leader-1])
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		code, err := produceRaw(conn, topic, p, batch)
		stop()
		conn.Close()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.t.Errorf("a batch of 100 MB: %v", err)
			return
		case code == kerr.NotLeaderForPartition.Code:
			continue
		case code != kerr.MessageTooLarge.Code:
			l.t.Errorf("a batch of 100 MB: %v, want MESSAGE_TOO_LARGE", kerr.ErrorForCode(code))
			return
		}
		refused.Add(1)
	}
}

// produceRaw sends one batch and returns the partition's error code.
func produceRaw(conn net.Conn, topic string, p int32, batch []byte) (int16, error) {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	t, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	t.Topic, part.Partition, part.Records = topic, p, batch
	t.Partitions = append(t.Partitions, part)
	req.Topics = append(req.Topics, t)
	if _, err := conn.Write(frame(req, 7)); err != nil {
		return 0, err
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return 0, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(conn, body); err != nil {
		return 0, err
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.SetVersion(7)
	if err := resp.ReadFrom(body[4:]); err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, errors.New("the response does not name the partition")
	}
	return resp.Topics[0].Partitions[0].ErrorCode, nil
}

// produceSteadily writes a record every 10 ms, and notes how long each took.
func (l *lab) produceSteadily(ctx context.Context, topic string, served *serving) {
	client := l.client(kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.UnknownTopicRetries(-1))
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		if err := client.ProduceSync(context.Background(), kgo.StringRecord("x")).FirstErr(); err != nil {
			l.t.Errorf("an ordinary write: %v", err)
			return
		}
		served.times = append(served.times, time.Since(began))
		<-tick.C
	}
}
