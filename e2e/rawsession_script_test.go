//go:build e2e || interop

package e2e

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawCluster is three brokers with the ids 1, 2 and 3 on neighbouring ports.
type rawCluster struct {
	t         testing.TB
	firstPort int
	zookeeper string             // host:port
	dirs      []string           // path prefixes of log directories, cut out of answers
	served    map[int16][2]int16 // by API key, the versions broker 1 advertises
	conns     map[int32]*rawConn
	symbols   *rawSymbols
}

func (c *rawCluster) address(broker int32) string {
	return fmt.Sprintf("127.0.0.1:%d", c.firstPort+int(broker)-1)
}

// learn asks broker 1 what it serves and all of them who is there, until each knows three brokers and a controller.
func (c *rawCluster) learn() {
	c.t.Helper()
	c.conns, c.symbols = map[int32]*rawConn{}, newRawSymbols(c.firstPort, c.dirs)
	versions, ok := c.exchange(1, kmsg.NewPtrApiVersionsRequest(), time.Minute).resp.(*kmsg.ApiVersionsResponse)
	if !ok {
		c.t.Fatalf("broker 1 at %s does not answer ApiVersions", c.address(1))
	}
	c.served = map[int16][2]int16{}
	for _, k := range versions.ApiKeys {
		c.served[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	for broker := int32(1); broker <= 3; broker++ {
		eventually(c.t, time.Minute, fmt.Sprintf("broker %d knows three brokers and a controller", broker), func() bool {
			m := c.metadata(broker)
			return len(m.Brokers) == 3 && m.ControllerID > 0
		})
	}
	c.symbols.controller = c.controller()
}

func (c *rawCluster) metadata(broker int32, topics ...string) *kmsg.MetadataResponse {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 7, []kmsg.MetadataRequestTopic{}
	for _, topic := range topics {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
	}
	return answerOf[*kmsg.MetadataResponse](c.exchange(broker, req, time.Minute), req)
}

func (c *rawCluster) controller() int32 { return c.metadata(1).ControllerID }

func (c *rawCluster) serves(req kmsg.Request) bool {
	r, ok := c.served[req.Key()]
	return ok && r[0] <= req.GetVersion() && req.GetVersion() <= r[1]
}

// exchange sends a request on the connection kept to a broker, and opens that anew when it has gone.
func (c *rawCluster) exchange(broker int32, req kmsg.Request, within time.Duration) rawAnswer {
	conn, ok := c.conns[broker]
	if !ok {
		var err error
		if conn, err = dialRaw(c.address(broker)); err != nil {
			return rawAnswer{err: err}
		}
		c.conns[broker] = conn
	}
	answer := conn.ask(req, within)
	if answer.err != nil {
		conn.Close()
		delete(c.conns, broker)
	}
	return answer
}

func (c *rawCluster) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// answerTime is how long a step waits. Kafka answers all of them sooner.
const answerTime = 20 * time.Second

// rawScript runs the steps of one area against one cluster and writes down what was answered.
type rawScript struct {
	*rawCluster
	t       testing.TB
	area    string
	entries []rawEntry
	seen    map[string]bool
	silent  int // steps without an answer
}

// to is where a step goes.
type to int32

// toController is the active controller, toAny a broker that is not.
const (
	toController to = -1
	toAny        to = -2 // a broker that is not the controller
)

func (s *rawScript) broker(to to) int32 {
	switch to {
	case toController:
		return s.symbols.controller
	case toAny:
		return s.symbols.controller%3 + 1
	}
	return int32(to)
}

func (to to) String() string {
	switch to {
	case toController:
		return "the controller"
	case toAny:
		return "a broker that is not controller"
	}
	return fmt.Sprintf("broker %d", int32(to))
}

// stateParts is the number of partitions of __consumer_offsets and of __transaction_state, see configs/server-1.toml.
const stateParts = 6

// coordinator is the broker that has a group, or a transactional id: the leader of its state partition as
// [rawScript.stateTopics] assigns them.
func coordinator(id string) to { return to(statePartition(id)%3 + 1) }

// statePartition is Kafka's: the absolute value of the hash of Java's String, modulo the number of partitions.
func statePartition(id string) int32 {
	var hash int32
	for _, r := range id {
		hash = 31*hash + r
	}
	if hash < 0 && hash != math.MinInt32 {
		hash = -hash
	}
	return max(hash, 0) % stateParts
}

// send is one step: the request goes out, the answer is written down and returned. Where there is none, or where this
// cluster does not serve the request, an empty response is returned.
func (s *rawScript) send(name string, to to, req kmsg.Request) kmsg.Response {
	s.t.Helper()
	if !s.serves(req) {
		return s.unserved(name, to, req)
	}
	asked := s.symbols.request(req)
	return s.record(name, to, req, asked, s.exchange(s.broker(to), req, answerTime))
}

// unanswered is a step that Kafka leaves without an answer. It waits less for it.
func (s *rawScript) unanswered(name string, to to, req kmsg.Request) {
	s.t.Helper()
	if !s.serves(req) {
		s.unserved(name, to, req)
		return
	}
	s.record(name, to, req, s.symbols.request(req), s.exchange(s.broker(to), req, 2*time.Second))
	s.silent = 0
}

func (s *rawScript) unserved(name string, to to, req kmsg.Request) kmsg.Response {
	s.add(rawEntry{name: name, key: req.Key(), version: req.GetVersion(), to: to.String(), request: s.symbols.request(req), unserved: true})
	return emptyResponse(req)
}

func (s *rawScript) record(name string, to to, req kmsg.Request, asked string, answer rawAnswer) kmsg.Response {
	e := rawEntry{name: name, key: req.Key(), version: req.GetVersion(), to: to.String(), request: asked}
	if answer.err != nil {
		e.fields = []rawField{{"", fmt.Sprintf("(%s)", describeFailure(answer.err))}}
		if errors.Is(answer.err, os.ErrDeadlineExceeded) {
			if s.silent++; s.silent > 3 {
				s.t.Fatalf("too many steps of %s stay without an answer, the last is %q v%d", s.area, name, req.GetVersion())
			}
		}
	} else {
		e.fields = s.symbols.response(answer.resp)
		if answer.rest != "" {
			e.fields = append(e.fields, rawField{"(bytes)", answer.rest})
		}
	}
	s.add(e)
	return answerOf[kmsg.Response](answer, req)
}

func (s *rawScript) add(e rawEntry) {
	s.t.Helper()
	if s.seen[e.id()] {
		s.t.Fatalf("%s has two steps %q", s.area, e.id())
	}
	s.seen[e.id()] = true
	s.entries = append(s.entries, e)
}

// pending is a step whose answer may take until other steps were made. It has a connection of its own.
type pending struct {
	s      *rawScript
	name   string
	to     to
	req    kmsg.Request
	asked  string
	answer chan rawAnswer
}

// start sends a request and does not wait. A nil channel is a request that is not served.
func (s *rawScript) start(name string, to to, req kmsg.Request) *pending {
	p := &pending{s: s, name: name, to: to, req: req, asked: s.symbols.request(req)}
	if !s.serves(req) {
		return p
	}
	p.answer = make(chan rawAnswer, 1)
	address := s.address(s.broker(to))
	go func() {
		conn, err := dialRaw(address)
		if err != nil {
			p.answer <- rawAnswer{err: err}
			return
		}
		defer conn.Close()
		p.answer <- conn.ask(req, answerTime)
	}()
	return p
}

// wait writes the answer down as a step at this point of the session.
func (p *pending) wait() kmsg.Response {
	if p.answer == nil {
		return p.s.unserved(p.name, p.to, p.req)
	}
	return p.s.record(p.name, p.to, p.req, p.asked, <-p.answer)
}

// ask is send for one kind of response.
func ask[R kmsg.Response](s *rawScript, name string, to to, req kmsg.Request) R {
	s.t.Helper()
	return s.send(name, to, req).(R)
}

// each makes a step of every version that Kafka 3.9 serves.
func (s *rawScript) each(name string, to to, build func(version int16) kmsg.Request) {
	s.t.Helper()
	r := rawVersions[build(0).Key()]
	s.versions(name, to, r[0], r[1], build)
}

// versions makes a step of some versions.
func (s *rawScript) versions(name string, to to, first, last int16, build func(version int16) kmsg.Request) {
	s.t.Helper()
	for version := first; version <= last; version++ {
		req := build(version)
		req.SetVersion(version)
		s.send(name, to, req)
	}
}

// until repeats a request that is no step of the session until its answer is good.
func until[R kmsg.Response](s *rawScript, what string, to to, req kmsg.Request, good func(R) bool) {
	s.t.Helper()
	if !s.serves(req) {
		return
	}
	eventually(s.t, 30*time.Second, what, func() bool {
		return good(answerOf[R](s.exchange(s.broker(to), req, answerTime), req))
	})
}

// topic makes a topic with this assignment, no step of the session, and waits until all brokers know its leaders.
func (s *rawScript) topic(name string, assignment [][]int32, configs ...string) {
	s.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 30000
	req.Topics = []kmsg.CreateTopicsRequestTopic{assignedTopic(name, assignment, configs...)}
	answer := s.exchange(s.symbols.controller, req, time.Minute)
	resp := answerOf[*kmsg.CreateTopicsResponse](answer, req)
	if len(resp.Topics) != 1 || resp.Topics[0].ErrorCode != 0 && resp.Topics[0].ErrorCode != 36 {
		s.t.Fatalf("broker %d cannot create topic %s: %s %v", s.symbols.controller, name, s.symbols.response(resp), answer.err)
	}
	s.known(name, len(assignment))
}

// known waits until all brokers know a topic with this many partitions, each with a leader and its replicas in sync.
func (s *rawScript) known(name string, partitions int) {
	s.t.Helper()
	for broker := int32(1); broker <= 3; broker++ {
		eventually(s.t, 30*time.Second, fmt.Sprintf("broker %d knows %s", broker, name), func() bool {
			m := s.metadata(broker, name)
			return len(m.Topics) == 1 && m.Topics[0].ErrorCode == 0 && len(m.Topics[0].Partitions) == partitions &&
				!slices.ContainsFunc(m.Topics[0].Partitions, func(p kmsg.MetadataResponseTopicPartition) bool {
					return p.ErrorCode != 0 || p.Leader < 0 || len(p.ISR) != len(p.Replicas)
				})
		})
	}
}

// gone waits until no broker knows a topic.
func (s *rawScript) gone(name string) {
	s.t.Helper()
	for broker := int32(1); broker <= 3; broker++ {
		eventually(s.t, 30*time.Second, fmt.Sprintf("broker %d has forgotten %s", broker, name), func() bool {
			m := s.metadata(broker) // all of them: a missing topic that is asked for by name could be created
			return !slices.ContainsFunc(m.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic != nil && *t.Topic == name })
		})
	}
}

// stateTopics makes the internal topics, so that both clusters have the same coordinators.
func (s *rawScript) stateTopics() {
	s.t.Helper()
	var assignment [][]int32
	for i := range int32(stateParts) {
		assignment = append(assignment, []int32{i%3 + 1, (i+1)%3 + 1, (i+2)%3 + 1})
	}
	s.topic("__consumer_offsets", assignment, "cleanup.policy=compact", "segment.bytes=104857600", "compression.type=producer")
	s.topic("__transaction_state", assignment, "cleanup.policy=compact", "segment.bytes=104857600",
		"compression.type=uncompressed", "unclean.leader.election.enable=false", "min.insync.replicas=2")
}

// warm waits until every broker has producer ids to give, and has loaded the state that it coordinates.
func (s *rawScript) warm() {
	s.t.Helper()
	for broker := to(1); broker <= 3; broker++ {
		until(s, "producer ids", broker, kmsg.NewPtrInitProducerIDRequest(), func(r *kmsg.InitProducerIDResponse) bool { return r.ErrorCode == 0 })
	}
	loaded := int32(0)
	for i := 0; loaded < stateParts; i++ {
		id := fmt.Sprintf("warm-%d", i)
		if statePartition(id) != loaded {
			continue
		}
		loaded++
		until(s, "the coordinator of groups", coordinator(id), withVersion(describeGroups(id), 0), func(r *kmsg.DescribeGroupsResponse) bool {
			return len(r.Groups) == 1 && r.Groups[0].ErrorCode == 0
		})
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{id}
		until(s, "the coordinator of transactions", coordinator(id), req, func(r *kmsg.DescribeTransactionsResponse) bool {
			return len(r.TransactionStates) == 1 && r.TransactionStates[0].ErrorCode == 105
		})
	}
}

// caughtUp waits until a follower tells consumers of every record.
func (s *rawScript) caughtUp(topic string, partition int32, at to, end int64) {
	s.t.Helper()
	req := fetchOf(topic, partition, 0)
	req.Version = 12
	until(s, topic+" has caught up", at, req, func(r *kmsg.FetchResponse) bool {
		p := r.Topics[0].Partitions[0]
		return p.ErrorCode != 0 || p.HighWatermark == end
	})
}

func assignedTopic(name string, assignment [][]int32, configs ...string) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	for i, replicas := range assignment {
		t.ReplicaAssignment = append(t.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: replicas})
	}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
	}
	return t
}

// frame is a step whose bytes no codec makes: a request header (and body) as given. The answer is bytes, too.
func (s *rawScript) frame(name string, to to, key, version int16, rest []byte) {
	s.t.Helper()
	body := binary.BigEndian.AppendUint16(nil, uint16(key))
	body = binary.BigEndian.AppendUint16(body, uint16(version))
	body = append(body, 0, 0, 0, 42)
	e := rawEntry{name: name, key: key, version: version, to: to.String(), request: fmt.Sprintf("%q", rest)}
	e.fields = []rawField{{"", exchangeBytes(s.address(s.broker(to)), append(body, rest...))}}
	s.add(e)
}
