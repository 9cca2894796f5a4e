package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"klab/broker/buffer"
)

// drawFetch draws a fetch response whose records are now and then too large to copy.
func drawFetch(t *rapid.T) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = rapid.Int16Range(0, 17).Draw(t, "version")
	resp.ThrottleMillis, resp.ErrorCode, resp.SessionID = rapid.Int32().Draw(t, "throttle"), rapid.Int16().Draw(t, "error"), rapid.Int32().Draw(t, "session")
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = rapid.StringN(0, 5, 20).Draw(t, "name")
		topic.TopicID[3] = rapid.Byte().Draw(t, "id")
		for range rapid.IntRange(0, 3).Draw(t, "partitions") {
			topic.Partitions = append(topic.Partitions, drawPartition(t))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	if resp.Version < 16 { // the codec would tell older clients too, which Kafka does not
		return resp
	}
	for range rapid.IntRange(0, 2).Draw(t, "brokers") {
		b := kmsg.NewFetchResponseBroker()
		b.NodeID, b.Host, b.Port = rapid.Int32().Draw(t, "node"), "host", 9092
		if rapid.Bool().Draw(t, "racked") {
			rack := "r"
			b.Rack = &rack
		}
		resp.Brokers = append(resp.Brokers, b)
	}
	return resp
}

func drawPartition(t *rapid.T) kmsg.FetchResponseTopicPartition {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode = rapid.Int32().Draw(t, "partition"), rapid.Int16().Draw(t, "error")
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = 1<<40, rapid.Int64().Draw(t, "lso"), 7
	p.PreferredReadReplica = rapid.Int32Range(-1, 3).Draw(t, "preferred")
	if rapid.Bool().Draw(t, "transactions") {
		p.AbortedTransactions = make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, rapid.IntRange(0, 2).Draw(t, "aborted"))
	}
	if rapid.Bool().Draw(t, "diverging") {
		p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 3, rapid.Int64Range(-1, 300).Draw(t, "end")
	}
	if rapid.Bool().Draw(t, "leader") {
		p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = rapid.Int32Range(-1, 3).Draw(t, "leader id"), 5
	}
	if rapid.Bool().Draw(t, "snapshot") {
		p.SnapshotID.EndOffset, p.SnapshotID.Epoch = 9, rapid.Int32Range(-1, 3).Draw(t, "snapshot epoch")
	}
	if size := rapid.SampledFrom([]int{-1, 0, 100, vectorFrom - 1, vectorFrom, 3 * vectorFrom}).Draw(t, "size"); size >= 0 {
		p.RecordBatches = bytes.Repeat([]byte{byte(size)}, size)
	}
	return p
}

func TestFetchEncodesAsTheCodecDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		resp := drawFetch(t)
		e := fetchEncoder{version: resp.Version}
		e.response(resp)
		vectors := e.vectors()
		var got bytes.Buffer
		vectors.WriteTo(&got)
		if want := resp.AppendTo(nil); !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("v%d: %d bytes, the codec makes %d", resp.Version, got.Len(), len(want))
		}
	})
}

// pieces delivers what is read in small pieces.
type pieces struct {
	r   io.Reader
	max int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.max)]) }

func TestFramesSurviveTheirPool(t *testing.T) {
	var pool buffer.Pool
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 9000), rapid.IntRange(60<<10, 300<<10)).Draw(t, "size")
		want := make([]byte, n)
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range want {
			want[i] = byte(rng.Uint32())
		}
		r := pieces{bytes.NewReader(want), rapid.IntRange(1000, 100_000).Draw(t, "piece")}
		got, err := readFrame(&pool, r, n, rapid.SampledFrom([]int{0, 1 << 20}).Draw(t, "trusted"))
		if err != nil || !bytes.Equal(*got, want) {
			t.Fatalf("a frame of %d bytes came back wrong: %v", n, err)
		}
		pool.Put(got)
	})
	if _, err := readFrame(&pool, bytes.NewReader(make([]byte, 10)), 100, 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut frame: %v", err)
	}
}

// TestHostileArraysAllocateLittle claims as many elements as there are bytes, in every request that is served.
func TestHostileArraysAllocateLittle(t *testing.T) {
	var entries []Entry
	for key := range int16(70) {
		if req := kmsg.RequestForKey(key); req != nil {
			entries = append(entries, Entry{Key: key, Min: 0, Max: req.MaxVersion()})
		}
	}
	table := newTable(entries)
	const size = 256 << 10
	for _, e := range entries {
		for v := e.Min; v <= e.Max; v++ {
			b := kbin.AppendInt16(nil, e.Key)
			b = kbin.AppendInt16(b, v)
			b = append(b, 0, 0, 0, 1, 0xff, 0xff) // correlation id, null client id
			for len(b) < size {
				b = binary.BigEndian.AppendUint32(b, 0x000e_ffff) // large as an array length in either encoding
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			table.decode(b)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 400*size {
				t.Errorf("%s v%d: %d bytes allocated %d", kmsg.NameForKey(e.Key), v, size, used)
			}
		}
	}
}

func TestLargeRequestsMustBeProduce(t *testing.T) {
	body := make([]byte, maxPlainRequest+1)
	if err := plausible(3, 12, body); err == nil {
		t.Error("a Metadata request of 8 MiB passed")
	}
	req := kmsg.NewPtrProduceRequest()
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = body
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	for v := range int16(12) {
		req.Version = v
		b := req.AppendTo(nil)
		if err := plausible(0, v, b); err != nil {
			t.Errorf("v%d: %v", v, err)
		}
		if err := plausible(0, v, b[:len(b)-20]); err == nil {
			t.Errorf("v%d cut short passed", v)
		}
	}
	hostile := append([]byte{0, 0, 0, 0, 0, 0}, 0x06, 0, 0, 0) // acks, timeout, a hundred million topics
	if err := plausible(0, 1, append(hostile, body...)); err == nil {
		t.Error("a hundred million empty topics passed")
	}
}

// everything is a server that answers every request.
func everything() *Server {
	var entries []Entry
	for key := range int16(70) {
		if req := kmsg.RequestForKey(key); req != nil {
			entries = append(entries, Entry{Key: key, Min: 0, Max: req.MaxVersion(), Handle: answerDefault})
		}
	}
	return New(Config{Table: entries, MaxRequestBytes: 1 << 20})
}

// serveBytes has a server serve a connection on which these bytes come and then nothing more.
func serveBytes(t *testing.T, s *Server, input []byte) {
	mine, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&conn{srv: s, net: theirs}).serve(t.Context())
	}()
	go io.Copy(io.Discard, mine)
	mine.Write(input)
	mine.Close()
	<-done
}

// A request that claims to end with four thousand million tags is done with when its bytes are.
func TestMoreTagsThanBytes(t *testing.T) {
	s := everything()
	served := make(chan struct{})
	go func() {
		defer close(served)
		for key := range int16(70) {
			req := kmsg.RequestForKey(key)
			if req == nil {
				continue
			}
			req.SetVersion(req.MaxVersion())
			if !req.IsFlexible() {
				continue
			}
			bytes := frame(req, 3)
			bytes = binary.AppendUvarint(bytes[:len(bytes)-1], 1<<32-1)
			binary.BigEndian.PutUint32(bytes, uint32(len(bytes)-4))
			serveBytes(t, s, bytes)
		}
	}()
	select {
	case <-served:
	case <-time.After(10 * time.Second):
		t.Fatal("a request of some bytes keeps a broker busy for more than ten seconds")
	}
}

func FuzzServe(f *testing.F) {
	for v := range int16(13) {
		f.Add(frame(metadataFor("topic", v), 1))
	}
	for key := range int16(70) {
		if req := kmsg.RequestForKey(key); req != nil {
			f.Add(frame(req, 3))
			req.SetVersion(req.MaxVersion())
			f.Add(frame(req, 3))
		}
	}
	s := everything()
	f.Fuzz(func(t *testing.T, input []byte) { serveBytes(t, s, input) })
}
