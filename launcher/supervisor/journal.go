package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"klab/launcher/event"
)

const (
	journalName  = "events.jsonl"
	journalBytes = 8 << 20 // of one file; one older file is kept
	journalRing  = 1024    // events kept in memory for those who follow
)

// journal numbers events and keeps them: the latest in memory, all that fit in two files. A disk that cannot take an event
// costs its history, not its delivery: those who follow still see it.
type journal struct {
	path     string
	retain   int         // events in memory
	complain func(error) // told of a disk that takes no more events; called under mu

	mu       sync.Mutex
	file     *os.File
	size     int64
	ring     []event.Event // consecutive Seqs, the last one is last
	last     int64
	changed  chan struct{} // closed at the next append
	diskFail error         // why the latest event is not on the disk
}

// openJournal continues the numbering of the journal in dir.
func openJournal(dir string) (*journal, error) {
	j := &journal{path: filepath.Join(dir, journalName), retain: journalRing, complain: func(error) {}, changed: make(chan struct{})}
	file, err := openAppend(j.path)
	if err != nil {
		return nil, fmt.Errorf("cannot open the journal of events: %w", err)
	}
	j.file = file
	if err := j.recover(); err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot read the journal of events: %w", err)
	}
	return j, nil
}

// recover finds the last Seq and cuts off a line that a crash left unfinished. It reads the end of the file, as much as has a whole
// event in it.
func (j *journal) recover() error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	for window := int64(2 * event.MaxBytes); ; window *= 2 {
		tail := make([]byte, min(info.Size(), window))
		if _, err := j.file.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		whole := tail[:bytes.LastIndexByte(tail, '\n')+1]
		j.last, j.size = lastSeqIn(whole), info.Size()-int64(len(tail)-len(whole))
		if j.last > 0 || window >= info.Size() {
			break
		}
	}
	if j.last == 0 {
		j.last = lastSeqOf(j.path + ".1")
	}
	return j.file.Truncate(j.size)
}

func lastSeqIn(lines []byte) (last int64) {
	for line := range bytes.Lines(lines) {
		var e event.Event
		if json.Unmarshal(line, &e) == nil {
			last = max(last, e.Seq)
		}
	}
	return last
}

func lastSeqOf(path string) (last int64) {
	for e := range readEvents(path) {
		last = e.Seq
	}
	return last
}

// append numbers e, keeps it and wakes those who wait. It returns the event's Seq.
func (j *journal) append(e event.Event) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.add(e)
}

// appendAction does what e tells and appends e with the time at which that began. No consequence, however quick, is numbered
// before e. When act fails there is no event.
func (j *journal) appendAction(act func() error, e event.Event) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Time = time.Now()
	if err := act(); err != nil {
		return 0, err
	}
	return j.add(e), nil
}

func (j *journal) add(e event.Event) int64 {
	j.last++
	e = e.Bounded()
	e.Seq = j.last
	j.keepOnDisk(e)
	if len(j.ring) >= j.retain {
		j.ring = append(j.ring[:0], j.ring[j.retain/4:]...)
	}
	j.ring = append(j.ring, e)
	close(j.changed)
	j.changed = make(chan struct{})
	return e.Seq
}

// keepOnDisk writes e, and complains of the first of several events that the disk does not take.
func (j *journal) keepOnDisk(e event.Event) {
	err := j.write(e)
	if err != nil && j.diskFail == nil {
		j.complain(err)
	}
	j.diskFail = err
}

func (j *journal) write(e event.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if j.size+int64(len(line)) > journalBytes {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	n, err := j.file.Write(append(line, '\n'))
	if err != nil {
		return errors.Join(err, j.file.Truncate(j.size)) // no half lines
	}
	j.size += int64(n)
	return nil
}

func (j *journal) rotate() error {
	file, err := rotate(j.path)
	if err != nil {
		return err
	}
	j.file.Close()
	j.file, j.size = file, 0
	return nil
}

// recent returns the events after a Seq that are in memory, at most limit, and a channel that is closed when there are more.
// complete is false when older ones are wanted: those are in the files.
func (j *journal) recent(after int64, limit int) (events []event.Event, changed <-chan struct{}, complete bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first := j.last - int64(len(j.ring)) + 1
	if after+1 < first {
		return nil, j.changed, false
	}
	from := min(after-first+1, int64(len(j.ring)))
	fresh := j.ring[from:]
	return append([]event.Event(nil), fresh[:min(len(fresh), limit)]...), j.changed, true
}

// firstInMemory is the Seq from which on [journal.recent] answers.
func (j *journal) firstInMemory() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last - int64(len(j.ring)) + 1
}

// history yields the events after a Seq that are no longer in memory, from the files.
func (j *journal) history(after int64) func(yield func(event.Event) bool) {
	return func(yield func(event.Event) bool) {
		before := j.firstInMemory()
		for _, path := range []string{j.path + ".1", j.path} {
			for e := range readEvents(path) {
				if e.Seq >= before {
					return
				}
				if e.Seq > after && !yield(e) {
					return
				}
			}
		}
	}
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

// readEvents yields the events of a file, bounded; a file that is not there has none, a line that is no event is passed over.
func readEvents(path string) func(yield func(event.Event) bool) {
	return func(yield func(event.Event) bool) {
		file, err := os.Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		lines := newLineReader(file, journalBytes)
		for {
			line, _, err := lines.next()
			if err != nil {
				return
			}
			var e event.Event
			if json.Unmarshal(line, &e) == nil && !yield(e.Bounded()) {
				return
			}
		}
	}
}
