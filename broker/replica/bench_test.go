package replica_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/api"
	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

const benchTopic = "bench"

// tcpLab is three brokers on loopback TCP and real files, without a controller: broker 1 leads all partitions.
func tcpLab(b testing.TB, partitions int) (leader string) {
	var brokers [3]*replica.Replicas
	var addrs [3]*net.TCPAddr
	for i := range brokers {
		dir, err := storage.OpenDir(b.Context(), fsys.OS{}, b.TempDir(), storage.DirOptions{})
		if err != nil {
			b.Fatal(err)
		}
		cache := metadata.NewCache()
		brokers[i] = replica.New(replica.Config{
			BrokerID: int32(i + 1), Dirs: []*storage.Dir{dir}, Metadata: cache,
			Dial: new(net.Dialer).DialContext, Listener: "PLAINTEXT",
			AlterPartition: func(context.Context, *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
				return nil, errors.New("no controller")
			},
			MinInSync: func(string) int { return 2 },
		})
		deps := &api.Deps{BrokerID: int32(i + 1), Metadata: cache, Replicas: brokers[i]}
		s := server.New(server.Config{
			Listeners: []server.Listener{{Name: "PLAINTEXT", Address: "127.0.0.1:0"}}, Table: api.Table(deps),
		})
		if err := s.Listen(); err != nil {
			b.Fatal(err)
		}
		addrs[i] = s.Addr("PLAINTEXT").(*net.TCPAddr)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { s.Serve(ctx); close(done) }()
		b.Cleanup(func() {
			brokers[i].Close(context.Background())
			cancel()
			<-done
			dir.Close()
		})
	}
	announce(brokers[:], addrs[:], partitions)
	return addrs[0].String()
}

func announce(brokers []*replica.Replicas, addrs []*net.TCPAddr, partitions int) {
	update := kmsg.NewPtrUpdateMetadataRequest()
	update.Version, update.BrokerEpoch = 8, -1
	lead := kmsg.NewPtrLeaderAndISRRequest()
	lead.Version, lead.BrokerEpoch = 7, -1
	t := kmsg.NewLeaderAndISRRequestTopicState()
	t.Topic, t.TopicID = benchTopic, [16]byte{1}
	for p := range partitions {
		s := kmsg.NewLeaderAndISRRequestTopicPartition()
		s.Partition, s.Leader, s.ISR, s.Replicas, s.IsNew = int32(p), 1, []int32{1, 2, 3}, []int32{1, 2, 3}, true
		t.PartitionStates = append(t.PartitionStates, s)
	}
	lead.TopicStates = append(lead.TopicStates, t)
	for i, addr := range addrs {
		live := kmsg.NewUpdateMetadataRequestLiveBroker()
		live.ID = int32(i + 1)
		live.Endpoints = []kmsg.UpdateMetadataRequestLiveBrokerEndpoint{{Port: int32(addr.Port), Host: "127.0.0.1", ListenerName: "PLAINTEXT"}}
		update.LiveBrokers = append(update.LiveBrokers, live)
	}
	for _, r := range brokers {
		r.UpdateMetadata(update)
		r.BecomeLeaderOrFollower(lead)
	}
}

// producer speaks Produce v9 over one connection.
type producer struct {
	net.Conn
	in     *bufio.Reader
	format *kmsg.RequestFormatter
	out    []byte
	frame  []byte
}

func dialProducer(b testing.TB, addr string) *producer {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &producer{Conn: conn, in: bufio.NewReader(conn), format: kmsg.NewRequestFormatter()}
}

func (p *producer) send(b testing.TB, partition int32, records []byte) {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 30000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = benchTopic
	t.Partitions = []kmsg.ProduceRequestTopicPartition{{Partition: partition, Records: records}}
	req.Topics = []kmsg.ProduceRequestTopic{t}
	p.out = p.format.AppendRequest(p.out[:0], req, 1)
	if _, err := p.Write(p.out); err != nil {
		b.Error(err)
	}
}

func (p *producer) receive(b testing.TB) {
	var size [4]byte
	if _, err := io.ReadFull(p.in, size[:]); err != nil {
		b.Fatal(err)
	}
	p.frame = slices.Grow(p.frame[:0], int(binary.BigEndian.Uint32(size[:])))[:binary.BigEndian.Uint32(size[:])]
	if _, err := io.ReadFull(p.in, p.frame); err != nil {
		b.Fatal(err)
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = 9
	if err := resp.ReadFrom(p.frame[5:]); err != nil {
		b.Fatal(err)
	}
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
		b.Fatalf("error %d", code)
	}
}

func benchBatch(b testing.TB, n, size int) []byte {
	all := make([]batch.Record, n)
	for i := range all {
		all[i] = batch.Record{Timestamp: time.Now().UnixMilli(), Value: make([]byte, size)}
	}
	data, err := batch.Build(batch.NewOptions(), all...)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkOneAtATime is the latency of acks=all with three replicas: one record of 100 bytes is sent when the one before is
// acknowledged.
func BenchmarkOneAtATime(b *testing.B) {
	for _, partitions := range []int{1, 30} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			p := dialProducer(b, tcpLab(b, partitions))
			record := benchBatch(b, 1, 100)
			for i := range 1000 {
				p.send(b, int32(i%partitions), record)
				p.receive(b)
			}
			took := make([]time.Duration, 0, b.N)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				p.send(b, int32(i%partitions), record)
				p.receive(b)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkBatches is the throughput of acks=all with three replicas: batches of 150 records of 100 bytes, five in flight.
func BenchmarkBatches(b *testing.B) {
	const records, inFlight = 150, 5
	p := dialProducer(b, tcpLab(b, 6))
	data := benchBatch(b, records, 100)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	began := time.Now()
	n := 0
	for b.Loop() {
		p.send(b, int32(n%6), data)
		if n++; n >= inFlight {
			p.receive(b)
		}
	}
	for range min(n, inFlight-1) {
		p.receive(b)
	}
	b.ReportMetric(float64(n*records)/time.Since(began).Seconds(), "records/s")
}
