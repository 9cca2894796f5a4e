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

// DeleteTopics marks topics for deletion, by name or (KIP-516) by id, and
// answers when this broker's metadata has forgotten them, or after the request's
// timeout with REQUEST_TIMED_OUT; they go all the same. It blocks.
func (s *Shell) DeleteTopics(ctx context.Context, req *kmsg.DeleteTopicsRequest) *kmsg.DeleteTopicsResponse {
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.SetVersion(req.GetVersion())
	wait, cancel := context.WithTimeout(ctx, milliseconds(req.TimeoutMillis))
	defer cancel()
	a := newAwait()
	defer s.forget(a)
	v, active := s.view(ctx, a)
	resp.Topics = doomed(v, req)
	var tasks []func() error
	for i := range resp.Topics {
		out := &resp.Topics[i]
		switch {
		case !active:
			out.ErrorCode = kerr.NotController.Code // Kafka says no more
		case s.cfg.NoDeleteTopics && req.GetVersion() < 3:
			failDelete(out, refuse(kerr.InvalidRequest, "%s", kerr.InvalidRequest.Description))
		case s.cfg.NoDeleteTopics:
			failDelete(out, refuse(kerr.TopicDeletionDisabled, "Topic deletion is disabled."))
		case out.ErrorCode == 0:
			tasks = append(tasks, func() error {
				if why := s.markForDeletion(ctx, v, *out.Topic, a); why != nil {
					failDelete(out, why)
				}
				return nil
			})
		}
	}
	inParallel(tasks)
	if active {
		s.awaitGone(wait, a, resp)
	}
	return resp
}

func failDelete(out *kmsg.DeleteTopicsResponseTopic, why *refusal) {
	out.ErrorCode, out.ErrorMessage = why.err.Code, &why.message
}

// doomed lists what a request of any version wants deleted, with the errors of what cannot be. One topic that is given by
// name and by id spoils the request.
func doomed(v view, req *kmsg.DeleteTopicsRequest) []kmsg.DeleteTopicsResponseTopic {
	var list []kmsg.DeleteTopicsResponseTopic
	for i := range req.TopicNames {
		list = append(list, kmsg.DeleteTopicsResponseTopic{Topic: &req.TopicNames[i]})
	}
	spoilt := false
	for i := range req.Topics {
		list = append(list, kmsg.DeleteTopicsResponseTopic{Topic: req.Topics[i].Topic, TopicID: req.Topics[i].TopicID})
		spoilt = spoilt || req.Topics[i].Topic != nil && req.Topics[i].TopicID != [16]byte{}
	}
	for i := range list {
		if spoilt {
			list[i].ErrorCode = kerr.InvalidRequest.Code
			continue
		}
		v.findDoomed(&list[i])
	}
	return list
}

// findDoomed gives a topic its name. One that is given by nothing at all is answered as one that nobody may delete.
func (v view) findDoomed(d *kmsg.DeleteTopicsResponseTopic) {
	if d.Topic == nil && d.TopicID != [16]byte{} {
		name, ok := v.names[d.TopicID]
		if !ok {
			d.ErrorCode = kerr.UnknownTopicID.Code
			return
		}
		d.Topic = &name
	}
	if d.Topic == nil {
		d.ErrorCode = kerr.TopicAuthorizationFailed.Code
	} else if _, known := v.topics[*d.Topic]; !known {
		d.ErrorCode = kerr.UnknownTopicOrPartition.Code
	}
}

// markForDeletion creates the marker. One that is there already is as good.
func (s *Shell) markForDeletion(ctx context.Context, v view, name string, a *await) *refusal {
	a.mu.Lock()
	a.gone[name] = true
	a.mu.Unlock()
	if v.topics[name].deleting {
		a.drop(name) // brokers were told when the marker was made
	}
	x := executor{store: s.cfg.Session, epochVersion: v.epochVersion}
	_, err := x.fenced(ctx, []any{&zk.CreateRequest{Path: znode.DeleteTopicPath(name), Flags: zk.FlagPersistent}})
	switch {
	case err == nil || errors.Is(err, session.ErrNodeExists):
		return nil
	case errors.Is(err, ErrFenced):
		return refuse(kerr.NotController, "%s", kerr.NotController.Description)
	}
	a.drop(name)
	return refuse(kerr.UnknownServerError, "cannot delete topic '%s': %s", name, err)
}

func (s *Shell) awaitGone(wait context.Context, a *await, resp *kmsg.DeleteTopicsResponse) {
	a.wait(wait, s.done)
	s.spread(wait)
	for i := range resp.Topics {
		if out := &resp.Topics[i]; out.ErrorCode == 0 && out.Topic != nil && a.isThere(*out.Topic) {
			out.ErrorCode = kerr.RequestTimedOut.Code
		}
	}
}
