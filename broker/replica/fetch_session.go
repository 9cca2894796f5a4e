package replica

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// Epochs of fetch sessions (KIP-227).
const (
	sessionEpochInitial = 0  // a full fetch that asks for a session
	sessionEpochFinal   = -1 // a full fetch without one; closes the session it names
)

// session is the set of partitions one client or follower fetches, kept between its requests. A fetch outside of a
// session has one too, for its own duration, with id 0.
type session struct {
	id       int32 // 0: not in the cache
	follower bool
	topicIDs bool // fetches name topics by id (v13+)
	created  time.Time

	parked atomic.Pointer[parkedFetch] // the fetch that waits, nil if none

	mu    sync.Mutex // held while a fetch of this session is evaluated; guards what follows
	epoch int32      // of the next request
	parts []*fetchPart
	index map[partKey]*fetchPart // nil until the session is kept

	lastUsed time.Time // guarded by sessionCache.mu
	size     int       // number of partitions when it was made
}

// partKey names a partition as the session's requests do.
type partKey struct {
	id        storage.TopicID // zero before v13
	topic     string          // "" since v13
	partition int32
}

// fetchPart is one partition of a session: what was asked, and what was last told.
type fetchPart struct {
	storage.TopicPartition // the topic is "" while its id is unknown
	id                     storage.TopicID

	fetchOffset  int64
	logStart     int64 // the follower's
	currentEpoch int32
	lastEpoch    int32 // last fetched
	maxBytes     int

	toldWatermark, toldStart int64 // -1: nothing, or an error
	gave                     bool  // the response being made has records of it

	watch *watch // nil until the fetch first parks
}

// newSession starts from a full request.
func newSession(req *kmsg.FetchRequest, follower bool, now time.Time) *session {
	s := &session{follower: follower, topicIDs: req.Version >= 13, created: now, epoch: 1}
	n := 0
	for i := range req.Topics {
		n += len(req.Topics[i].Partitions)
	}
	parts := make([]fetchPart, n)
	s.parts = make([]*fetchPart, 0, n)
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			part := &parts[len(s.parts)]
			part.name(t, t.Partitions[j].Partition)
			part.ask(&t.Partitions[j])
			s.parts = append(s.parts, part)
		}
	}
	return s
}

func (p *fetchPart) name(t *kmsg.FetchRequestTopic, partition int32) {
	p.TopicPartition = storage.TopicPartition{Topic: t.Topic, Partition: partition}
	p.id = t.TopicID
	p.toldWatermark, p.toldStart = -1, -1
}

func (p *fetchPart) ask(q *kmsg.FetchRequestTopicPartition) {
	p.fetchOffset, p.logStart, p.maxBytes = q.FetchOffset, q.LogStartOffset, int(q.PartitionMaxBytes)
	p.currentEpoch, p.lastEpoch = q.CurrentLeaderEpoch, q.LastFetchedEpoch
}

func (s *session) key(p *fetchPart) partKey {
	if s.topicIDs {
		return partKey{id: p.id, partition: p.Partition}
	}
	return partKey{topic: p.Topic, partition: p.Partition}
}

// update applies an incremental request. The caller holds s.mu.
func (s *session) update(req *kmsg.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			fresh := &fetchPart{}
			fresh.name(t, t.Partitions[j].Partition)
			part, ok := s.index[s.key(fresh)]
			if !ok {
				part = fresh
				s.index[s.key(part)] = part
				s.parts = append(s.parts, part)
			}
			part.ask(&t.Partitions[j])
		}
	}
	if len(req.ForgottenTopics) > 0 {
		s.forget(req.ForgottenTopics)
	}
}

func (s *session) forget(topics []kmsg.FetchRequestForgottenTopic) {
	for i := range topics {
		for _, partition := range topics[i].Partitions {
			named := fetchPart{TopicPartition: storage.TopicPartition{Topic: topics[i].Topic, Partition: partition}, id: topics[i].TopicID}
			delete(s.index, s.key(&named))
		}
	}
	kept := s.parts[:0]
	for _, part := range s.parts {
		if s.index[s.key(part)] == part {
			kept = append(kept, part)
		}
	}
	clear(s.parts[len(kept):])
	s.parts = kept
}

// keep builds the index that incremental requests need; a request that names a partition twice keeps the last.
func (s *session) keep() {
	s.index = make(map[partKey]*fetchPart, len(s.parts))
	for _, part := range s.parts {
		s.index[s.key(part)] = part
	}
	if len(s.index) < len(s.parts) {
		s.forget(nil)
	}
}

// rotate moves the partitions that gave records to the end, so that all get their turn when a response is full.
func (s *session) rotate() {
	var few [8]*fetchPart
	moved, kept := few[:0], s.parts[:0]
	for _, part := range s.parts {
		if part.gave {
			part.gave = false
			moved = append(moved, part)
		} else {
			kept = append(kept, part)
		}
	}
	s.parts = append(kept, moved...)
}

// sessionCache holds the sessions of this broker, a bounded number. When it is full, a new session takes the place of
// one that was not used for the eviction time, else of one worth less: followers' sessions are worth more than
// clients', larger ones more than smaller ones, and young ones are spared.
type sessionCache struct {
	slots    int
	eviction time.Duration

	mu   sync.Mutex
	byID map[int32]*session
}

func newSessionCache(slots int, eviction time.Duration) *sessionCache {
	return &sessionCache{slots: slots, eviction: eviction, byID: map[int32]*session{}}
}

// get finds the session of an incremental request.
func (c *sessionCache) get(req *kmsg.FetchRequest, now time.Time) (*session, *kerr.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byID[req.SessionID]
	switch {
	case !ok:
		return nil, kerr.FetchSessionIDNotFound
	case s.topicIDs != (req.Version >= 13):
		return nil, kerr.FetchSessionTopicIDError
	}
	s.lastUsed = now
	return s, nil
}

// put keeps s, if there is or can be made room, and gives it an id.
func (c *sessionCache) put(s *session, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.size = len(s.parts)
	if s.size == 0 || len(c.byID) >= c.slots && !c.evict(s, now) {
		return false
	}
	s.keep()
	s.lastUsed = now
	for s.id == 0 || c.byID[s.id] != nil {
		s.id = 1 + rand.Int32N(math.MaxInt32)
	}
	c.byID[s.id] = s
	return true
}

func (c *sessionCache) remove(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

func (c *sessionCache) evict(newcomer *session, now time.Time) bool {
	var stalest, least *session
	for _, s := range c.byID {
		if stalest == nil || s.lastUsed.Before(stalest.lastUsed) {
			stalest = s
		}
		if c.yields(s, newcomer, now) && (least == nil || worth(s) < worth(least)) {
			least = s
		}
	}
	if stalest != nil && now.Sub(stalest.lastUsed) > c.eviction {
		least = stalest
	}
	if least == nil {
		return false
	}
	delete(c.byID, least.id)
	return true
}

// yields tells whether s may be evicted for newcomer although it is in use.
func (c *sessionCache) yields(s, newcomer *session, now time.Time) bool {
	old := now.Sub(s.created) >= c.eviction
	spared := !old && (s.follower || !newcomer.follower)
	return !spared && worth(s) <= worth(newcomer)
}

func worth(s *session) int64 {
	if s.follower {
		return math.MaxInt32 + int64(s.size)
	}
	return int64(s.size)
}

// nextSessionEpoch wraps around to 1: 0 and below have other meanings.
func nextSessionEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}
