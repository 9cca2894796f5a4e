package server

import (
	"container/heap"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// A session is a client's tie to its ephemerals, while the server runs. Times count from the server's start.
type session struct {
	id      int64
	timeout time.Duration
	heard   atomic.Int64 // when the client was last heard, in ns; stored by the reader of its connection
	conn    *conn        // attached, or nil

	due   time.Duration // no later than heard + timeout: the place in the queue
	index int           // in the queue
}

func (s *session) deadline() time.Duration { return time.Duration(s.heard.Load()) + s.timeout }

// A sessionTable finds sessions by id and by the time they are due. It is the processor's; of its sessions only heard
// is shared. The queue is kept lazily: hearing a client does not move its session, but a session that comes due is
// looked at again.
type sessionTable struct {
	byID   map[int64]*session
	queue  sessionQueue
	secret []byte
	lastID int64
}

// newSessionTable makes a table whose new ids are above lastID and, as in ZooKeeper, carry the start time.
func newSessionTable(secret []byte, lastID int64, start time.Time) *sessionTable {
	fromClock := start.UnixMilli() << 24 >> 8 & 0x00ff_ffff_ffff_0000
	return &sessionTable{byID: map[int64]*session{}, secret: secret, lastID: max(lastID, fromClock)}
}

// nextID returns an id that no session ever had.
func (t *sessionTable) nextID() int64 {
	t.lastID++
	return t.lastID
}

// add puts a session into the table, heard at now.
func (t *sessionTable) add(id int64, timeout, now time.Duration) *session {
	s := &session{id: id, timeout: timeout, due: now + timeout}
	s.heard.Store(int64(now))
	t.byID[id] = s
	heap.Push(&t.queue, s)
	return s
}

// renew gives a session a timeout from now on.
func (t *sessionTable) renew(s *session, timeout, now time.Duration) {
	s.timeout = timeout
	s.heard.Store(int64(now))
	s.due = s.deadline()
	heap.Fix(&t.queue, s.index)
}

// renewAll gives every session its full timeout from now on.
func (t *sessionTable) renewAll(now time.Duration) {
	for _, s := range t.byID {
		s.heard.Store(int64(now))
	}
}

func (t *sessionTable) remove(s *session) {
	delete(t.byID, s.id)
	heap.Remove(&t.queue, s.index)
}

// expired returns the sessions whose time has run out. They stay in the table.
func (t *sessionTable) expired(now time.Duration) []*session {
	var dead []*session
	for len(t.queue) > 0 && t.queue[0].due <= now {
		s := t.queue[0]
		if s.deadline() <= now {
			dead = append(dead, s)
			heap.Pop(&t.queue)
			continue
		}
		s.due = s.deadline()
		heap.Fix(&t.queue, 0)
	}
	for _, s := range dead {
		heap.Push(&t.queue, s)
	}
	return dead
}

// next returns when to look for expired sessions again.
func (t *sessionTable) next() (due time.Duration, ok bool) {
	if len(t.queue) == 0 {
		return 0, false
	}
	return t.queue[0].due, true
}

// password returns the 16 bytes that prove a client is the one that opened a session.
func (t *sessionTable) password(id int64) []byte {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(id)))
	return mac.Sum(nil)[:16]
}

// sessionQueue is a heap by due.
type sessionQueue []*session

func (q sessionQueue) Len() int           { return len(q) }
func (q sessionQueue) Less(i, j int) bool { return q[i].due < q[j].due }
func (q sessionQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *sessionQueue) Push(x any) {
	s := x.(*session)
	s.index = len(*q)
	*q = append(*q, s)
}

func (q *sessionQueue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return s
}
