package controller

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/wire"
	"klab/coordinator/server"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// lab is a ZooKeeper server and brokers that are nothing but a shell of the
// controller and a socket that takes the controller's requests.
type lab struct {
	t       *testing.T
	connect string
	timeout time.Duration
	spread  time.Duration // SpreadTime of the shells
	admin   *session.Client
	brokers map[int32]*labBroker

	mu    sync.Mutex
	facts []fact.Fact
	heard chan struct{} // replaced and closed whenever something happens
}

func newLab(t *testing.T, brokers ...int32) *lab {
	t.Helper()
	l := &lab{t: t, timeout: 800 * time.Millisecond, brokers: make(map[int32]*labBroker), heard: make(chan struct{})}
	srv, err := server.Open(server.Config{DataDir: t.TempDir(), TickTime: 100 * time.Millisecond, ClientPortAddress: "127.0.0.1", ForceSync: new(false)}, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := srv.Listen()
	if err != nil {
		t.Fatal(err)
	}
	l.connect = addr.String() + "/kafka"
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	t.Cleanup(func() {
		for _, b := range l.brokers {
			b.stop()
		}
		l.admin.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("the ZooKeeper server ended with %v", err)
		}
	})
	l.admin = l.open(net.DialTimeout)
	if err := l.admin.EnsurePaths(ctx, znode.PersistentPaths()...); err != nil {
		t.Fatal(err)
	}
	for _, id := range brokers {
		l.start(id)
	}
	if len(brokers) > 0 {
		l.controllerOf(brokers...)
	}
	return l
}

func (l *lab) open(dial func(network, addr string, timeout time.Duration) (net.Conn, error)) *session.Client {
	l.t.Helper()
	c, err := session.Open(context.Background(), session.Config{Connect: l.connect, SessionTimeout: l.timeout, ConnectionTimeout: 10 * time.Second, Dial: dial})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// labBroker answers every controller request with success, unless deaf.
type labBroker struct {
	*lab
	id       int32
	line     *cutter
	zk       *session.Client
	shell    *Shell
	listener net.Listener
	endpoint znode.Endpoint
	epoch    atomic.Int64
	ctx      context.Context // ends with the broker
	cancel   context.CancelFunc
	ran      chan error
	refuse   atomic.Int32 // error code for LeaderAndIsr partitions
	slow     atomic.Int64 // how long it takes to take in an UpdateMetadata, a time.Duration

	mu     sync.Mutex
	got    []kmsg.Request
	states map[TopicPartition]int32 // leader by UpdateMetadata
	conns  []net.Conn
}

func (l *lab) start(id int32) *labBroker {
	l.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	return l.startAt(id, listener)
}

func (l *lab) startAt(id int32, listener net.Listener) *labBroker {
	l.t.Helper()
	b := &labBroker{lab: l, id: id, line: &cutter{}, listener: listener, ran: make(chan error, 1), states: make(map[TopicPartition]int32)}
	port := listener.Addr().(*net.TCPAddr).Port
	b.endpoint = znode.Endpoint{Listener: "PLAINTEXT", SecurityProtocol: "PLAINTEXT", Host: "127.0.0.1", Port: int32(port)}
	b.zk = l.open(b.line.dial)
	ctx, cancel := context.WithCancel(context.Background())
	b.ctx, b.cancel = ctx, cancel
	go b.accept()
	if err := b.register(ctx); err != nil {
		l.t.Fatal(err)
	}
	b.shell = NewShell(ShellConfig{BrokerID: id, Session: b.zk, Listener: "PLAINTEXT", Register: b.register, Log: l.log(id),
		Observe: l.observe, ImbalancePercent: 10, SpreadTime: l.spread})
	go func() { b.ran <- b.shell.Run(ctx) }()
	l.brokers[id] = b
	return b
}

func (l *lab) log(id int32) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{l.t, id}, nil))
}

type testWriter struct {
	t  *testing.T
	id int32
}

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("broker %d: %s", w.id, strings.TrimSpace(string(p)))
	return len(p), nil
}

func (b *labBroker) register(ctx context.Context) error {
	epoch, err := Register(ctx, b.zk, znode.Broker{ID: b.id, Endpoints: []znode.Endpoint{b.endpoint}, JMXPort: -1, Timestamp: 1})
	b.epoch.Store(epoch)
	return err
}

// kill ends the broker as SIGKILL does: its connections break, its session stays.
func (b *labBroker) kill() {
	b.line.cut()
	b.listener.Close()
	b.mu.Lock()
	for _, c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.cancel()
	<-b.ran
	b.ran <- nil
	delete(b.brokers, b.id)
	b.t.Cleanup(func() { b.zk.Close() })
}

// stop ends the broker and closes its session.
func (b *labBroker) stop() {
	b.cancel()
	<-b.ran
	b.zk.Close()
	b.listener.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
}

func (b *labBroker) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns = append(b.conns, conn)
		b.mu.Unlock()
		go b.serve(conn)
	}
}

func (b *labBroker) serve(conn net.Conn) {
	defer conn.Close()
	for {
		req, correlation, err := readRequest(conn)
		if err != nil {
			return
		}
		resp := b.answer(req)
		frame := binary.BigEndian.AppendUint32(nil, uint32(correlation))
		if resp.IsFlexible() {
			frame = append(frame, 0)
		}
		frame = resp.AppendTo(frame)
		frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
		if _, err := conn.Write(frame); err != nil {
			return
		}
	}
}

// readRequest reads a request with a flexible header.
func readRequest(r io.Reader) (kmsg.Request, int32, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, 0, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, 0, err
	}
	req := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame)))
	req.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))
	correlation := int32(binary.BigEndian.Uint32(frame[4:]))
	client := int(binary.BigEndian.Uint16(frame[8:]))
	return req, correlation, wire.Request(req).ReadFrom(frame[10+client+1:])
}

func (b *labBroker) answer(req kmsg.Request) kmsg.Response {
	if _, ok := req.(*kmsg.UpdateMetadataRequest); ok {
		select { // stands for a busy machine; no test relies on when it is over
		case <-time.After(time.Duration(b.slow.Load())):
		case <-b.ctx.Done():
		}
	}
	b.mu.Lock()
	b.got = append(b.got, req)
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	switch req := req.(type) {
	case *kmsg.LeaderAndISRRequest:
		out := resp.(*kmsg.LeaderAndISRResponse)
		for _, t := range req.TopicStates {
			to := kmsg.LeaderAndISRResponseTopic{TopicID: t.TopicID}
			for _, p := range t.PartitionStates {
				to.Partitions = append(to.Partitions, kmsg.LeaderAndISRResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(b.refuse.Load())})
			}
			out.Topics = append(out.Topics, to)
		}
	case *kmsg.StopReplicaRequest:
		out := resp.(*kmsg.StopReplicaResponse)
		for _, t := range req.Topics {
			for _, p := range t.PartitionStates {
				out.Partitions = append(out.Partitions, kmsg.StopReplicaResponsePartition{Topic: t.Topic, Partition: p.Partition})
			}
		}
	case *kmsg.UpdateMetadataRequest:
		for _, t := range req.TopicStates {
			for _, p := range t.PartitionStates {
				b.states[TopicPartition{Topic: t.Topic, Partition: p.Partition}] = p.Leader
			}
		}
	}
	b.mu.Unlock()
	b.happened()
	return resp
}

func (l *lab) observe(f fact.Fact) {
	l.mu.Lock()
	l.facts = append(l.facts, f)
	l.mu.Unlock()
	l.happened()
}

func (l *lab) happened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.heard)
	l.heard = make(chan struct{})
}

// until waits for a condition, which is looked at again whenever a fact or a
// request came, and at the latest each 20 ms.
func (l *lab) until(what string, ok func() bool) {
	l.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		heard := l.heard
		l.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-heard:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			l.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// controllerOf waits until one of the brokers is the controller that all of
// them know, and every broker has heard of all of them.
func (l *lab) controllerOf(ids ...int32) *labBroker {
	l.t.Helper()
	var found *labBroker
	l.until(fmt.Sprintf("one of %v is the controller", ids), func() bool {
		found = nil
		for _, id := range ids {
			if l.brokers[id].shell.IsActive() {
				found = l.brokers[id]
			}
		}
		if found == nil {
			return false
		}
		for _, id := range ids {
			if l.brokers[id].shell.ControllerID() != found.id || len(l.brokers[id].live()) != len(ids) {
				return false
			}
		}
		return true
	})
	return found
}

// live returns the brokers that the last UpdateMetadata named.
func (b *labBroker) live() []kmsg.UpdateMetadataRequestLiveBroker {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.got) - 1; i >= 0; i-- {
		if u, ok := b.got[i].(*kmsg.UpdateMetadataRequest); ok {
			return u.LiveBrokers
		}
	}
	return nil
}

func (b *labBroker) leaderOf(tp TopicPartition) int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	leader, ok := b.states[tp]
	if !ok {
		return -9
	}
	return leader
}

// state reads a partition's state znode.
func (l *lab) state(topic string, id int32) (znode.PartitionState, int32) {
	l.t.Helper()
	tp := TopicPartition{Topic: topic, Partition: id}
	data, stat, err := l.admin.Get(context.Background(), znode.PartitionStatePath(tp))
	if errors.Is(err, session.ErrNoNode) {
		return znode.PartitionState{}, -1
	}
	if err != nil {
		l.t.Fatal(err)
	}
	s, err := znode.DecodePartitionState(tp, data)
	if err != nil {
		l.t.Fatal(err)
	}
	return s, stat.Version
}

// create makes a topic with the given replicas of its partitions.
func (l *lab) create(controller *labBroker, topic string, replicas ...[]int32) *kmsg.CreateTopicsResponseTopic {
	l.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 20000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for i, r := range replicas {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: r})
	}
	req.Topics = append(req.Topics, t)
	resp := controller.shell.CreateTopics(context.Background(), req)
	if resp.Topics[0].ErrorCode != 0 {
		l.t.Fatalf("create %s: %d %v", topic, resp.Topics[0].ErrorCode, resp.Topics[0].ErrorMessage)
	}
	return &resp.Topics[0]
}

// cutter is a dialer whose connections can all be cut, and new ones refused.
type cutter struct {
	mu    sync.Mutex
	conns []net.Conn
	off   bool
}

func (c *cutter) dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.off {
		return nil, errors.New("the line is cut")
	}
	conn, err := net.DialTimeout(network, addr, timeout)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

func (c *cutter) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = false
}
