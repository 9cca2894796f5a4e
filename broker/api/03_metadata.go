package api

// Metadata, versions 0 to 12.
//
//	v1  controller id, rack, internal topics; null topics mean all (an empty list did in v0)
//	v2  cluster id
//	v4  the client says whether a missing topic may be created
//	v5  offline replicas (KIP-112)
//	v7  leader epoch (KIP-320)
//	v8  authorized operations (KIP-430)
//	v10 topic ids (KIP-516); v12 asks by id
//
// Differences from Kafka 3.9: a missing topic is created by the controller, whichever broker was asked (there any broker
// writes to ZooKeeper itself); v12 with neither id nor name is an INVALID_REQUEST, there an UNKNOWN_SERVER_ERROR.

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/metadata"
	"klab/broker/server"
)

// The operations that everyone may do on a topic and on the cluster while there is no authorizer, as bits of Kafka's
// operation codes (KIP-430).
const (
	allTopicOperations   = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	allClusterOperations = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
)

func (d *Deps) metadata(ctx context.Context, r *server.Request) server.Reply {
	m := metadataRequest{
		Deps:     d,
		req:      r.Request.(*kmsg.MetadataRequest),
		listener: r.Listener,
		now:      d.Metadata.Snapshot(),
	}
	resp, missing := m.answer()
	if len(missing) == 0 {
		return server.Now(resp)
	}
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		errs := d.autoCreate(ctx, missing)
		for i := range resp.Topics {
			t := &resp.Topics[i]
			if t.Topic != nil && errs[*t.Topic] != nil {
				t.ErrorCode = errs[*t.Topic].Code
			}
		}
		return resp
	})
}

// metadataRequest answers one request from one snapshot.
type metadataRequest struct {
	*Deps
	req      *kmsg.MetadataRequest
	listener string
	now      *metadata.Snapshot
}

// answer returns the response and the topics that do not exist and are to be created.
func (m *metadataRequest) answer() (resp *kmsg.MetadataResponse, missing []string) {
	byID := slices.ContainsFunc(m.req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} })
	nameless := !byID && slices.ContainsFunc(m.req.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.Topic == nil })
	if nameless || byID && m.req.Version < 12 {
		return m.refuse(), nil
	}
	resp = kmsg.NewPtrMetadataResponse()
	resp.Version = m.req.Version
	id := m.ClusterID()
	resp.ClusterID = &id
	resp.ControllerID = m.now.ControllerID
	for i := range m.now.Brokers() {
		b := &m.now.Brokers()[i]
		if e, ok := m.now.Endpoint(b.ID, m.listener); ok {
			resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{NodeID: b.ID, Host: e.Host, Port: e.Port, Rack: b.Rack})
		}
	}
	if m.req.Version <= 10 && m.req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = allClusterOperations
	}
	if m.req.Topics == nil || m.req.Version == 0 && len(m.req.Topics) == 0 {
		resp.Topics = m.allTopics()
		return resp, nil
	}
	create := m.Config.Bool("auto.create.topics.enable") && (m.req.Version < 4 || m.req.AllowAutoTopicCreation)
	seen := map[string]bool{} // a topic is answered once; a request that has ids is answered for these alone
	for i := range m.req.Topics {
		asked := &m.req.Topics[i]
		key := string(asked.TopicID[:])
		if !byID {
			key = *asked.Topic
		}
		if seen[key] || byID && asked.TopicID == [16]byte{} {
			continue
		}
		seen[key] = true
		t, absent := m.topic(asked, byID)
		if absent && create {
			missing = append(missing, *t.Topic)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp, missing
}

// refuse answers a request that is invalid as a whole, and tells nothing of the cluster.
func (m *metadataRequest) refuse() *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = m.req.Version
	for i := range m.req.Topics {
		t := newMetadataTopic()
		t.Topic, t.TopicID, t.ErrorCode = m.req.Topics[i].Topic, m.req.Topics[i].TopicID, kerr.InvalidRequest.Code
		if t.Topic == nil {
			t.Topic = new(string)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

func (m *metadataRequest) allTopics() []kmsg.MetadataResponseTopic {
	all := make([]kmsg.MetadataResponseTopic, 0, m.now.TopicCount())
	for t := range m.now.Topics() {
		all = append(all, m.describe(t))
	}
	slices.SortFunc(all, func(a, b kmsg.MetadataResponseTopic) int { return strings.Compare(*a.Topic, *b.Topic) })
	return all
}

// topic answers for one that was asked for, by name or (v12) by id. absent means: a valid name of no topic.
func (m *metadataRequest) topic(asked *kmsg.MetadataRequestTopic, byID bool) (t kmsg.MetadataResponseTopic, absent bool) {
	t = newMetadataTopic()
	name := asked.Topic
	if byID {
		known, ok := m.now.TopicName(asked.TopicID)
		if !ok {
			t.TopicID, t.ErrorCode = asked.TopicID, kerr.UnknownTopicID.Code
			return t, false
		}
		name = &known
	}
	if found, ok := m.now.Topic(*name); ok {
		return m.describe(found), false
	}
	t.Topic, t.IsInternal, t.AuthorizedOperations = name, internaltopic.Is(*name), m.topicOperations(t.AuthorizedOperations)
	if !validTopicName(*name) {
		t.ErrorCode = kerr.InvalidTopicException.Code
		return t, false
	}
	t.ErrorCode = kerr.UnknownTopicOrPartition.Code
	return t, true
}

// topicOperations are the bits of what may be done to a topic, if the client asks for them, else none.
func (m *metadataRequest) topicOperations(none int32) int32 {
	if m.req.Version >= 8 && m.req.IncludeTopicAuthorizedOperations {
		return allTopicOperations
	}
	return none
}

func newMetadataTopic() kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Partitions = []kmsg.MetadataResponseTopicPartition{}
	return t
}

func (m *metadataRequest) describe(found *metadata.Topic) kmsg.MetadataResponseTopic {
	t := newMetadataTopic()
	name := found.Name
	t.Topic, t.TopicID, t.IsInternal = &name, found.ID, internaltopic.Is(name)
	t.AuthorizedOperations = m.topicOperations(t.AuthorizedOperations)
	for i := range found.Partitions {
		t.Partitions = append(t.Partitions, m.partition(&found.Partitions[i]))
	}
	return t
}

func (m *metadataRequest) partition(p *metadata.Partition) kmsg.MetadataResponseTopicPartition {
	out := kmsg.NewMetadataResponseTopicPartition()
	out.Partition, out.Leader, out.LeaderEpoch = p.ID, p.Leader, p.LeaderEpoch
	out.Replicas, out.ISR = p.Replicas, p.ISR
	if m.req.Version == 0 { // it knows no offline replicas: they are left out
		out.Replicas, out.ISR = m.reachable(p.Replicas), m.reachable(p.ISR)
	}
	for _, id := range p.Replicas {
		if _, ok := m.now.Endpoint(id, m.listener); !ok || slices.Contains(p.OfflineReplicas, id) {
			out.OfflineReplicas = append(out.OfflineReplicas, id)
		}
	}
	switch _, ok := m.now.Endpoint(p.Leader, m.listener); {
	case !ok && m.now.Alive(p.Leader) && m.req.Version >= 6:
		out.ErrorCode, out.Leader = kerr.ListenerNotFound.Code, -1
	case !ok:
		out.ErrorCode, out.Leader = kerr.LeaderNotAvailable.Code, -1
	case len(out.Replicas) < len(p.Replicas), len(out.ISR) < len(p.ISR):
		out.ErrorCode = kerr.ReplicaNotAvailable.Code
	}
	return out
}

func (m *metadataRequest) reachable(ids []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(ids), func(id int32) bool {
		_, ok := m.now.Endpoint(id, m.listener)
		return !ok
	})
}

// autoCreate asks the controller for the topics and returns what to answer for each: LEADER_NOT_AVAILABLE for those that
// exist by now, so that the client asks again.
func (d *Deps) autoCreate(ctx context.Context, topics []string) map[string]*kerr.Error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(d.Config.Int("request.timeout.ms"))
	req.Version = 7
	for _, name := range topics {
		req.Topics = append(req.Topics, d.creatable(name))
	}
	errs := make(map[string]*kerr.Error, len(topics))
	resp, err := d.Forward(ctx, req)
	created, ok := resp.(*kmsg.CreateTopicsResponse)
	if err != nil || !ok {
		d.Log.Warn("cannot create topics automatically", "topics", topics, "error", err)
		return errs // UNKNOWN_TOPIC_OR_PARTITION stands; the client tries again
	}
	for _, t := range created.Topics {
		switch t.ErrorCode {
		case 0, kerr.TopicAlreadyExists.Code, kerr.RequestTimedOut.Code:
			errs[t.Topic] = kerr.LeaderNotAvailable
		case kerr.NotController.Code: // it moved: the next request finds the new one
		default:
			errs[t.Topic] = kerr.TypedErrorForCode(t.ErrorCode)
		}
	}
	return errs
}

// creatable is a topic as it is created when somebody asks for it: one of Kafka's own as its coordinators need it.
func (d *Deps) creatable(name string) kmsg.CreateTopicsRequestTopic {
	switch name {
	case internaltopic.ConsumerOffsets:
		return d.OffsetsTopic.Creatable()
	case internaltopic.TransactionState:
		return d.TransactionTopic.Creatable()
	}
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic = name
	t.NumPartitions, t.ReplicationFactor = -1, -1
	return t
}

// validTopicName holds Kafka's rule: 1 to 249 of [a-zA-Z0-9._-], and neither . nor .. .
func validTopicName(s string) bool {
	if s == "" || len(s) > 249 || s == "." || s == ".." {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	})
}
