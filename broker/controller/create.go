package controller

import (
	"context"
	"errors"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// view returns what the controller knows; false when this broker is not it.
func (s *Shell) view(ctx context.Context, a *await) (view, bool) {
	seen := make(chan view, 1)
	posted := s.box.post(func() {
		defer close(seen)
		if s.reign != nil {
			if a != nil {
				s.reign.awaits[a] = struct{}{}
			}
			seen <- s.reign.look()
		}
	})
	if !posted {
		return view{}, false
	}
	select {
	case v, ok := <-seen:
		return v, ok
	case <-ctx.Done():
		return view{}, false
	}
}

// forget ends an await.
func (s *Shell) forget(a *await) {
	s.box.post(func() {
		if s.reign != nil {
			delete(s.reign.awaits, a)
		}
	})
}

// CreateTopics checks and creates topics, and answers when this broker's
// metadata shows a leader for every partition, or after the request's timeout
// with REQUEST_TIMED_OUT; the topic exists then all the same. It is also the
// entry of automatic creation. It blocks.
func (s *Shell) CreateTopics(ctx context.Context, req *kmsg.CreateTopicsRequest) *kmsg.CreateTopicsResponse {
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.SetVersion(req.GetVersion())
	resp.Topics = make([]kmsg.CreateTopicsResponseTopic, len(req.Topics))
	wait, cancel := context.WithTimeout(ctx, milliseconds(req.TimeoutMillis))
	defer cancel()
	a := newAwait()
	defer s.forget(a)
	v, active := s.view(ctx, a)
	seen := make(map[string]int)
	for i := range req.Topics {
		seen[req.Topics[i].Topic]++
	}
	var creations turns
	for i := range req.Topics {
		t, out := &req.Topics[i], newCreateResult(req.Topics[i].Topic)
		resp.Topics[i] = out
		switch {
		case !active:
			failCreate(&resp.Topics[i], refuse(kerr.NotController, "")) // Kafka says no more
		case t.Topic == "__cluster_metadata":
			failCreate(&resp.Topics[i], refuse(kerr.InvalidRequest, "Creation of internal topic __cluster_metadata is prohibited."))
		case seen[t.Topic] > 1:
			failCreate(&resp.Topics[i], refuse(kerr.InvalidRequest, "Found multiple entries for this topic."))
		default:
			creations.add(t.Topic, func() { s.createTopic(ctx, v, t, req.ValidateOnly, a, &resp.Topics[i]) })
		}
	}
	inParallel(creations.tasks)
	if active && !req.ValidateOnly {
		s.awaitLeaders(wait, a, resp)
	}
	return resp
}

func newCreateResult(topic string) kmsg.CreateTopicsResponseTopic {
	out := kmsg.NewCreateTopicsResponseTopic()
	out.Topic, out.NumPartitions, out.ReplicationFactor = topic, -1, -1
	out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
	return out
}

func failCreate(out *kmsg.CreateTopicsResponseTopic, why *refusal) {
	*out = newCreateResult(out.Topic)
	out.ErrorCode, out.ErrorMessage = why.err.Code, &why.message
}

// createTopic plans and creates one topic, and starts to wait for its leaders.
func (s *Shell) createTopic(ctx context.Context, v view, t *kmsg.CreateTopicsRequestTopic, validateOnly bool, a *await, out *kmsg.CreateTopicsResponseTopic) {
	p, why := s.planTopic(v, t)
	if why != nil {
		failCreate(out, why)
		return
	}
	if canCollide(p.name) {
		release, why := s.claim(ctx, p.name)
		if why != nil {
			failCreate(out, why)
			return
		}
		defer release()
	}
	out.NumPartitions, out.ReplicationFactor = int32(len(p.partitions)), int16(len(p.partitions[0]))
	out.Configs = p.described
	if validateOnly {
		return
	}
	a.expectLeaders(p.name, p.partitions)
	if why := s.writeTopic(ctx, v, p); why != nil {
		a.drop(p.name)
		failCreate(out, why)
		return
	}
	out.TopicID = p.id
}

// writeTopic creates the topic's config, always, and its assignment. A config
// left over from a topic of the same name is replaced.
func (s *Shell) writeTopic(ctx context.Context, v view, p plan) *refusal {
	topic := &zk.CreateRequest{Path: znode.TopicPath(p.name), Data: p.assignment}
	x := executor{store: s.cfg.Session, epochVersion: v.epochVersion}
	failed, err := x.fenced(ctx, []any{&zk.CreateRequest{Path: znode.TopicConfigPath(p.name), Data: p.config}, topic})
	if errors.Is(err, session.ErrNodeExists) && failed == 0 && !s.isWritten(ctx, p) {
		_, err = x.fenced(ctx, []any{&zk.SetDataRequest{Path: znode.TopicConfigPath(p.name), Data: p.config, Version: session.AnyVersion}, topic})
	}
	switch {
	case err == nil || errors.Is(err, session.ErrNodeExists) && s.isWritten(ctx, p):
		return nil
	case errors.Is(err, session.ErrNodeExists):
		return alreadyExists(p.name)
	case errors.Is(err, ErrFenced):
		return refuse(kerr.NotController, "%s", kerr.NotController.Description)
	}
	return refuse(kerr.UnknownServerError, "cannot create topic '%s': %s", p.name, err)
}

// isWritten reports whether the topic is there as planned, by an attempt whose
// answer was lost. Its id is random, so it can be no other's.
func (s *Shell) isWritten(ctx context.Context, p plan) bool {
	data, _, err := s.cfg.Session.Get(ctx, znode.TopicPath(p.name))
	return err == nil && string(data) == string(p.assignment)
}

// awaitLeaders waits and marks the topics that lack leaders when time is up.
func (s *Shell) awaitLeaders(wait context.Context, a *await, resp *kmsg.CreateTopicsResponse) {
	a.wait(wait, s.done)
	s.spread(wait)
	for i := range resp.Topics {
		if out := &resp.Topics[i]; out.ErrorCode == 0 && a.lacksLeader(out.Topic) {
			id := out.TopicID
			*out = newCreateResult(out.Topic)
			out.TopicID, out.ErrorCode = id, kerr.RequestTimedOut.Code
		}
	}
}

// answered marks a topic that a request names again.
const answered = -1

func partitionsResult(topic string, why *refusal) kmsg.CreatePartitionsResponseTopic {
	out := kmsg.NewCreatePartitionsResponseTopic()
	out.Topic = topic
	if why != nil {
		out.ErrorCode = why.err.Code
		if why.message != "" {
			out.ErrorMessage = &why.message
		}
	}
	return out
}

// CreatePartitions adds partitions to topics and answers as CreateTopics does. It blocks.
func (s *Shell) CreatePartitions(ctx context.Context, req *kmsg.CreatePartitionsRequest) *kmsg.CreatePartitionsResponse {
	resp := kmsg.NewPtrCreatePartitionsResponse()
	resp.SetVersion(req.GetVersion())
	wait, cancel := context.WithTimeout(ctx, milliseconds(req.TimeoutMillis))
	defer cancel()
	a := newAwait()
	defer s.forget(a)
	v, active := s.view(ctx, a)
	seen := make(map[string]int)
	for i := range req.Topics {
		seen[req.Topics[i].Topic]++
	}
	for i := range req.Topics {
		t := &req.Topics[i]
		if seen[t.Topic] == answered {
			continue
		}
		var why *refusal
		switch {
		case !active:
			why = refuse(kerr.NotController, "")
		case seen[t.Topic] > 1:
			why = refuse(kerr.InvalidRequest, "Duplicate topic in request.")
		default:
			why = s.addPartitionsTo(ctx, v, t, req.ValidateOnly, a)
		}
		seen[t.Topic] = answered
		resp.Topics = append(resp.Topics, partitionsResult(t.Topic, why))
	}
	if active && !req.ValidateOnly {
		s.awaitAdded(wait, a, resp)
	}
	return resp
}

func (s *Shell) awaitAdded(wait context.Context, a *await, resp *kmsg.CreatePartitionsResponse) {
	a.wait(wait, s.done)
	s.spread(wait)
	for i := range resp.Topics {
		if out := &resp.Topics[i]; out.ErrorCode == 0 && a.lacksLeader(out.Topic) {
			out.ErrorCode = kerr.RequestTimedOut.Code
		}
	}
}

// addPartitionsTo rewrites a topic's node with more partitions; its id and what
// a reassignment left there stay.
func (s *Shell) addPartitionsTo(ctx context.Context, v view, t *kmsg.CreatePartitionsRequestTopic, validateOnly bool, a *await) *refusal {
	known, ok := v.topics[t.Topic]
	data, stat, err := s.cfg.Session.Get(ctx, znode.TopicPath(t.Topic))
	if !ok || errors.Is(err, session.ErrNoNode) {
		return refuse(kerr.UnknownTopicOrPartition, "The topic '%s' does not exist.", t.Topic)
	}
	assignment, decodeErr := znode.DecodeTopicAssignment(t.Topic, data)
	if err := errors.Join(err, decodeErr); err != nil {
		return refuse(kerr.UnknownServerError, "cannot read topic '%s': %s", t.Topic, err)
	}
	known.partitions = make(map[int32][]int32, len(assignment.Partitions))
	for id, r := range assignment.Partitions {
		known.partitions[id] = r.Replicas
	}
	added, why := planAddition(v, t.Topic, known, t.Count, t.Assignment)
	if why != nil {
		return why
	}
	for id, replicas := range added {
		assignment.Partitions[id] = znode.ReplicaAssignment{Replicas: replicas}
	}
	data = assignment.Encode()
	if why := checkAssignmentSize(t.Topic, data); why != nil || validateOnly {
		return why
	}
	a.expectLeaders(t.Topic, added)
	x := executor{store: s.cfg.Session, epochVersion: v.epochVersion}
	_, err = x.fenced(ctx, []any{&zk.SetDataRequest{Path: znode.TopicPath(t.Topic), Data: data, Version: stat.Version}})
	if err != nil {
		a.drop(t.Topic)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrFenced):
		return refuse(kerr.NotController, "%s", kerr.NotController.Description)
	case errors.Is(err, session.ErrBadVersion):
		return refuse(kerr.UnknownServerError, "topic '%s' was changed at the same time; try again", t.Topic)
	}
	return refuse(kerr.UnknownServerError, "cannot add partitions to topic '%s': %s", t.Topic, err)
}
