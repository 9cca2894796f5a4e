package replica

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// Versions of a follower's fetch at inter.broker.protocol.version 3.9: with topic ids, and without.
const (
	fetchVersion           = 17
	fetchVersionNoTopicIDs = 12
)

// fetchSession is the follower's side of its incremental fetch session (KIP-227).
type fetchSession struct {
	version   int16
	id, epoch int32 // 0, 0: ask for a new one
	outdated  bool  // the version may have to change: partitions were added
	forgotten []*hosted
}

func (s *fetchSession) topicIDs() bool { return s.version != fetchVersionNoTopicIDs }

func (s *fetchSession) key(h *hosted) partKey {
	if s.topicIDs() {
		return partKey{id: h.topicID(), partition: h.tp.Partition}
	}
	return partKey{topic: h.tp.Topic, partition: h.tp.Partition}
}

func (s *fetchSession) answerKey(t *kmsg.FetchResponseTopic, a *kmsg.FetchResponseTopicPartition) partKey {
	if s.topicIDs() {
		return partKey{id: t.TopicID, partition: a.Partition}
	}
	return partKey{topic: t.Topic, partition: a.Partition}
}

func (s *fetchSession) forget(h *hosted) { s.forgotten = append(s.forgotten, h) }

// answered notes the leader's answer: it may give a session, or none.
func (s *fetchSession) answered(id int32) {
	if s.id == 0 && id != 0 {
		s.id, s.epoch = id, 1
	}
}

// resetSession makes the next fetch a full one.
func (f *fetcher) resetSession() {
	f.session.id, f.session.epoch, f.session.forgotten = 0, 0, nil
	for _, p := range f.parts {
		p.inSession = false
	}
}

// chooseVersion falls back to topic names when a topic has no id, in a session of its own.
func (f *fetcher) chooseVersion() {
	version := int16(fetchVersion)
	for _, p := range f.parts {
		if p.at.topicID().IsZero() {
			version = fetchVersionNoTopicIDs
		}
	}
	f.session.outdated = false
	if version == f.session.version {
		return
	}
	f.resetSession()
	f.session.version = version
	clear(f.byKey)
	for _, p := range f.parts {
		f.byKey[f.session.key(p.at)] = p
	}
}

// wanted tells whether a partition belongs into a fetch sent now.
func (p *following) wanted(now time.Time) bool {
	return !p.fenced && !p.outOfRange && !p.retryAt.After(now)
}

// hasNews tells whether the session must hear something now: a second fetch while another waits is sent for nothing less.
func (f *fetcher) hasNews(now time.Time) bool {
	if len(f.session.forgotten) > 0 {
		return true
	}
	for _, p := range f.parts {
		if p.wanted(now) != p.inSession {
			return true
		}
	}
	return false
}

// sendFetch sends the next fetch of the session: what changed since the last, or everything in a new session.
func (f *fetcher) sendFetch(now time.Time) error {
	if f.session.outdated && len(f.inFlight) == 0 {
		f.chooseVersion()
	}
	req := f.newRequest()
	correlation := f.conn.nextCorrelation()
	for _, p := range f.parts {
		wanted := p.wanted(now)
		switch {
		case wanted && (!p.inSession || p.next != p.told || f.session.id == 0):
			if !p.inSession {
				p.since = correlation
			}
			f.ask(req, p)
		case !wanted && p.inSession:
			p.inSession = false
			f.session.forget(p.at)
		}
	}
	f.addForgotten(req)
	if f.session.id != 0 {
		f.session.epoch = nextSessionEpoch(f.session.epoch)
	}
	f.inFlight = append(f.inFlight, correlation)
	return f.conn.send(req, correlation)
}

func (f *fetcher) newRequest() *kmsg.FetchRequest {
	cfg := &f.r.cfg
	req := kmsg.NewPtrFetchRequest()
	req.Version = f.session.version
	req.ReplicaID = cfg.BrokerID
	req.ReplicaState.ID = cfg.BrokerID
	req.MaxWaitMillis = int32(cfg.FetchWaitMax.Milliseconds())
	req.MinBytes = int32(cfg.FetchMinBytes)
	req.MaxBytes = int32(cfg.FetchResponseMaxBytes)
	req.SessionID, req.SessionEpoch = f.session.id, f.session.epoch
	return req
}

// ask adds a partition to a request.
func (f *fetcher) ask(req *kmsg.FetchRequest, p *following) {
	p.inSession, p.told = true, p.next
	q := kmsg.NewFetchRequestTopicPartition()
	q.Partition = p.at.tp.Partition
	q.CurrentLeaderEpoch = p.epoch
	q.FetchOffset, q.LastFetchedEpoch, q.LogStartOffset = p.next.offset, p.next.lastEpoch, p.next.start
	q.PartitionMaxBytes = int32(f.r.cfg.FetchMaxBytes)
	last := len(req.Topics) - 1
	if last < 0 || req.Topics[last].Topic != p.at.tp.Topic {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID = p.at.tp.Topic, p.at.topicID()
		req.Topics = append(req.Topics, t)
		last++
	}
	req.Topics[last].Partitions = append(req.Topics[last].Partitions, q)
}

// addForgotten names the partitions that left the session, unless they are back in this very request.
func (f *fetcher) addForgotten(req *kmsg.FetchRequest) {
	forgotten := f.session.forgotten
	f.session.forgotten = nil
	if f.session.id == 0 {
		return
	}
	for _, h := range forgotten {
		if p := f.byKey[f.session.key(h)]; p != nil && p.inSession {
			continue
		}
		t := kmsg.NewFetchRequestForgottenTopic()
		t.Topic, t.TopicID = h.tp.Topic, storage.TopicID(h.topicID())
		t.Partitions = []int32{h.tp.Partition}
		req.ForgottenTopics = append(req.ForgottenTopics, t)
	}
}
