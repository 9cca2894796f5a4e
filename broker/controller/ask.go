package controller

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file serves the requests that the Core answers itself.

// consult has the Core deal with an event and waits for its reply. It reports
// false when this broker is not the controller, or ceases to be.
func (s *Shell) consult(ctx context.Context, event func(id uint64) Event) (kmsg.Response, bool) {
	reply := make(chan kmsg.Response, 1)
	posted := s.box.post(func() {
		r := s.reign
		if r == nil {
			close(reply)
			return
		}
		s.nextID++
		r.pending[s.nextID] = reply
		s.drive(event(s.nextID))
	})
	if !posted {
		return nil, false
	}
	select {
	case resp, ok := <-reply:
		return resp, ok
	case <-ctx.Done():
		return nil, false
	}
}

// AlterPartition changes ISRs at a leader's wish (KIP-497).
func (s *Shell) AlterPartition(ctx context.Context, req *kmsg.AlterPartitionRequest) *kmsg.AlterPartitionResponse {
	resp, ok := s.consult(ctx, func(id uint64) Event { return AlterPartitionAsked{id, req} })
	if ok {
		return resp.(*kmsg.AlterPartitionResponse)
	}
	refusal := kmsg.NewPtrAlterPartitionResponse()
	refusal.SetVersion(req.GetVersion())
	refusal.ErrorCode = kerr.NotController.Code
	return refusal
}

// ControlledShutdown hands over what a broker leads, and names what remains.
func (s *Shell) ControlledShutdown(ctx context.Context, req *kmsg.ControlledShutdownRequest) *kmsg.ControlledShutdownResponse {
	resp, ok := s.consult(ctx, func(id uint64) Event { return ShutdownAsked{id, req} })
	if ok {
		return resp.(*kmsg.ControlledShutdownResponse)
	}
	refusal := kmsg.NewPtrControlledShutdownResponse()
	refusal.SetVersion(req.GetVersion())
	refusal.ErrorCode = kerr.StaleControllerEpoch.Code // as Kafka, of all requests to a controller, says here
	return refusal
}

// ElectLeaders holds elections and answers when this broker's metadata shows
// the new leaders, or with REQUEST_TIMED_OUT for those that it does not show.
func (s *Shell) ElectLeaders(ctx context.Context, req *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	wait, cancel := context.WithTimeout(ctx, milliseconds(req.TimeoutMillis))
	defer cancel()
	reply, ok := s.consult(ctx, func(id uint64) Event { return ElectionAsked{id, req} })
	if !ok {
		return notControllerForElections(req)
	}
	resp := reply.(*kmsg.ElectLeadersResponse)
	if s.settled(wait) {
		return resp
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			if p := &resp.Topics[i].Partitions[j]; p.ErrorCode == 0 {
				p.ErrorCode = kerr.RequestTimedOut.Code
			}
		}
	}
	return resp
}

// notControllerForElections refuses each partition, and not the whole, as Kafka does.
func notControllerForElections(req *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.SetVersion(req.GetVersion())
	for _, t := range req.Topics {
		out := kmsg.ElectLeadersResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.ElectLeadersResponseTopicPartition{Partition: p, ErrorCode: kerr.NotController.Code})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// AlterReassignments starts, replaces and cancels reassignments (KIP-455).
func (s *Shell) AlterReassignments(ctx context.Context, req *kmsg.AlterPartitionAssignmentsRequest) *kmsg.AlterPartitionAssignmentsResponse {
	resp, ok := s.consult(ctx, func(id uint64) Event { return ReassignmentAsked{id, req} })
	if ok {
		return resp.(*kmsg.AlterPartitionAssignmentsResponse)
	}
	refusal := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	refusal.SetVersion(req.GetVersion())
	refusal.ErrorCode, refusal.ErrorMessage = kerr.NotController.Code, new(notControllerText)
	return refusal
}

// ListReassignments tells which partitions are on the move.
func (s *Shell) ListReassignments(ctx context.Context, req *kmsg.ListPartitionReassignmentsRequest) *kmsg.ListPartitionReassignmentsResponse {
	resp, ok := s.consult(ctx, func(id uint64) Event { return ReassignmentsListed{id, req} })
	if ok {
		return resp.(*kmsg.ListPartitionReassignmentsResponse)
	}
	refusal := kmsg.NewPtrListPartitionReassignmentsResponse()
	refusal.SetVersion(req.GetVersion())
	refusal.ErrorCode, refusal.ErrorMessage = kerr.NotController.Code, new(notControllerText)
	return refusal
}

// notControllerText is Kafka's message for NOT_CONTROLLER.
const notControllerText = "This is not the correct controller for this cluster."

func milliseconds(n int32) time.Duration { return time.Duration(max(n, 0)) * time.Millisecond }

// settled waits until this broker has taken in what the controller has told it
// so far, and reports false when ctx ended first.
func (s *Shell) settled(ctx context.Context) bool {
	return s.takenIn(ctx, func(broker int32) bool { return broker == s.cfg.BrokerID })
}

// spread waits, for SpreadTime at most, until every broker has taken in what it was told so far. Kafka does not: who makes a
// topic and then asks another broker about it may be told that there is none. A broker that is paused holds nobody up.
func (s *Shell) spread(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.SpreadTime)
	defer cancel()
	s.takenIn(ctx, func(int32) bool { return true })
}

// takenIn waits until the chosen brokers have answered what was queued for them, and reports false when ctx ended first.
func (s *Shell) takenIn(ctx context.Context, chosen func(broker int32) bool) bool {
	marks := make(chan []chan struct{}, 1)
	posted := s.box.post(func() {
		var all []chan struct{}
		if r := s.reign; r != nil {
			for id, c := range r.channels {
				if chosen(id) {
					reached := make(chan struct{})
					c.mark(reached)
					all = append(all, reached)
				}
			}
		}
		marks <- all
	})
	if !posted {
		return false
	}
	select {
	case all := <-marks:
		return reachedAll(ctx, all)
	case <-ctx.Done():
		return false
	}
}

func reachedAll(ctx context.Context, marks []chan struct{}) bool {
	for _, reached := range marks {
		select {
		case <-reached:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
