package controller

import "sync"

// mailbox is the queue of the event loop: what to do, in order. Posting never
// blocks, since posters include the goroutine that reads from ZooKeeper.
type mailbox struct {
	mu     sync.Mutex
	tasks  []func()
	ready  chan struct{} // holds one value when there are tasks
	closed bool
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

// post adds a task at the end, and reports false once the loop has ended.
func (m *mailbox) post(task func()) bool { return m.put(task, false) }

// interrupt adds a task that runs before all others.
func (m *mailbox) interrupt(task func()) bool { return m.put(task, true) }

func (m *mailbox) put(task func(), first bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	if first {
		m.tasks = append([]func(){task}, m.tasks...)
	} else {
		m.tasks = append(m.tasks, task)
	}
	m.signal()
	return true
}

func (m *mailbox) signal() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// take removes the next task; nil when there is none.
func (m *mailbox) take() func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tasks) == 0 {
		return nil
	}
	task := m.tasks[0]
	m.tasks = m.tasks[1:]
	if len(m.tasks) > 0 {
		m.signal()
	}
	return task
}

// close refuses further tasks and returns those left.
func (m *mailbox) close() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	left := m.tasks
	m.tasks = nil
	return left
}
