package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
	"klab/launcher/supervisor"
)

// dialHost finds the launcher's supervisor of a home.
func dialHost(ctx context.Context, home string) (host, error) {
	client, err := supervisor.Dial(ctx, home)
	if errors.Is(err, supervisor.ErrNotRunning) {
		return nil, NotRunning(home)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot reach the cluster at %s: %w", home, err)
	}
	l := &launched{home: home}
	l.client.Store(client)
	return l, nil
}

// launched is the host behind a home's supervisor: whichever runs there now.
type launched struct {
	home   string
	client atomic.Pointer[supervisor.Client]
}

// again finds the supervisor anew after err said that the one known before is gone.
func (l *launched) again(ctx context.Context, err error) {
	if !errors.Is(err, supervisor.ErrNotRunning) {
		return
	}
	if client, err := supervisor.Dial(ctx, l.home); err == nil {
		l.client.Store(client)
	}
}

func (l *launched) status(ctx context.Context) (hostStatus, error) {
	s, err := l.client.Load().Status(ctx)
	if err != nil {
		l.again(ctx, err)
		return hostStatus{}, err
	}
	return fromStatus(s), nil
}

func fromStatus(s supervisor.Status) hostStatus {
	h := hostStatus{name: s.Name}
	if zk := s.ZooKeeper; zk != nil {
		h.zookeeper = &ZooKeeper{Connect: zk.Connect, PID: zk.PID, State: zk.State}
	}
	for _, b := range s.Brokers {
		h.brokers = append(h.brokers, hostBroker{
			id: b.ID, host: b.Host, port: int32(b.Port), pid: b.PID, state: b.State, since: b.Since, started: b.Started, rss: b.RSSBytes,
		})
	}
	return h
}

func (l *launched) do(ctx context.Context, verb BrokerVerb, id int32, by string) error {
	return l.client.Load().Do(ctx, supervisor.Action{Verb: lifecycle.Verb(verb), Target: "broker", ID: id, By: by})
}

func (l *launched) events(ctx context.Context, after int64, follow bool) iter.Seq2[hostEvent, error] {
	return func(yield func(hostEvent, error) bool) {
		for e, err := range l.client.Load().Events(ctx, after, follow) {
			if !yield(hostEvent{seq: e.Seq, cause: e.Cause, fact: fromEvent(e)}, err) || err != nil {
				return
			}
		}
	}
}

// fromEvent makes a fact of an event. Brokers report about themselves and, as controller, about others: in a fact Broker is
// whom it concerns, and Source who says so.
func fromEvent(e event.Event) Fact {
	f := Fact{
		Time: e.Time, Source: e.Source, Kind: e.Kind, Broker: e.Broker, Topic: e.Topic, Partition: e.Partition, By: e.By,
		Cause: e.Cause, SinceCause: NoCause, Fields: e.Fields,
	}
	if f.Topic == "" {
		f.Partition = -1
	}
	switch f.Kind {
	case KindControllerElected, KindBrokerUp, KindBrokerDown:
		if id, ok := f.Int("broker"); ok {
			f.Broker = int32(id)
		}
	case KindControllerResigned, KindReplicaLeader, KindReplicaTruncated, KindFirstWrite:
		if id, ok := reporter(e.Source); ok && f.Broker < 0 {
			f.Broker = id
		}
	case KindLeaderElected:
		f.Broker = -1
		if id, ok := f.Int("new"); ok {
			f.Broker = int32(id)
		}
	case KindTopicCreated, KindTopicDeleted, KindPartitionsAdded:
		f.Broker, f.Partition = -1, -1
	case KindPartitionOffline, KindISRShrunk, KindISRGrown, KindReassignStarted, KindReassignEnded:
		f.Broker = -1
	case KindSessionOpened, KindSessionExpired, KindSessionClosed:
		if id, ok := registration(f.Fields["ephemerals"]); ok && f.Broker < 0 {
			f.Broker = id
		}
	}
	return f
}

// reporter reads the id out of a source such as "broker 2".
func reporter(source string) (int32, bool) {
	id, ok := strings.CutPrefix(source, "broker ")
	n, err := strconv.ParseInt(id, 10, 32)
	return int32(n), ok && err == nil
}

// registration finds whose registration is among a session's ephemeral znodes.
func registration(paths any) (int32, bool) {
	list, _ := paths.([]any)
	for _, p := range list {
		path, _ := p.(string)
		if at := strings.LastIndex(path, "/brokers/ids/"); at >= 0 {
			if n, err := strconv.ParseInt(path[at+len("/brokers/ids/"):], 10, 32); err == nil {
				return int32(n), true
			}
		}
	}
	return 0, false
}
