package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"klab/launcher/event"
)

func fact(kind string) event.Event { return event.Event{Kind: kind, Broker: -1, Partition: -1} }

// readAll reads a journal as a client does: from the files what memory has lost, then from memory.
func readAll(j *journal, after int64) (seqs []int64) {
	for e := range j.history(after) {
		seqs = append(seqs, e.Seq)
	}
	cursor := max(after, j.firstInMemory()-1)
	for {
		events, _, complete := j.recent(cursor, 7)
		if !complete || len(events) == 0 {
			return seqs
		}
		for _, e := range events {
			seqs = append(seqs, e.Seq)
			cursor = e.Seq
		}
	}
}

func checkRun(t interface{ Fatalf(string, ...any) }, seqs []int64, after, last int64) {
	if int64(len(seqs)) != max(0, last-after) {
		t.Fatalf("after %d of %d: got %d events", after, last, len(seqs))
	}
	for i, seq := range seqs {
		if seq != after+int64(i)+1 {
			t.Fatalf("after %d: event %d has Seq %d", after, i, seq)
		}
	}
}

func TestJournalGivesEveryEventOnceFromAnyCursor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		j, err := openJournal(dir)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { j.close() }()
		j.retain = 16
		last := int64(0)
		for range rapid.IntRange(1, 4).Draw(rt, "runs") {
			for range rapid.IntRange(0, 30).Draw(rt, "events") {
				last = j.append(fact("x"))
			}
			after := rapid.Int64Range(0, last+2).Draw(rt, "after")
			checkRun(rt, readAll(j, after), after, last)
			j.close()
			if j, err = openJournal(dir); err != nil {
				rt.Fatal(err)
			}
			j.retain = 16
			checkRun(rt, readAll(j, after), after, last)
		}
	})
}

func TestJournalGoesOnAfterATornLine(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	j.append(fact("a"))
	j.append(fact("b"))
	j.close()
	path := filepath.Join(dir, journalName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		kept := int64(len(readAll(j, 0)))
		if seq := j.append(fact("c")); seq != kept+1 {
			t.Errorf("cut at %d: %d events kept, the next has Seq %d", cut, kept, seq)
		}
		checkRun(t, readAll(j, 0), 0, kept+1)
		j.close()
	}
}

// A journal may hold lines of any length: an earlier klab wrote down last words without bounds.
func TestJournalGoesOnAfterALongLine(t *testing.T) {
	long := `{"seq":%d,"time":"2026-01-01T00:00:00Z","kind":"long","fields":{"log":["` + strings.Repeat("x", 1_200_000) + `"]}}` + "\n"
	for _, c := range []struct {
		name string
		text string
		last int64
	}{
		{"at the end", line(1) + line(2) + fmt.Sprintf(long, 3), 3},
		{"in the middle", line(1) + fmt.Sprintf(long, 2) + line(3), 3},
		{"alone", fmt.Sprintf(long, 1), 1},
		{"unfinished", line(1) + line(2) + fmt.Sprintf(long, 3)[:1_000_000], 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, journalName), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			j, err := openJournal(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer j.close()
			if seq := j.append(fact("next")); seq != c.last+1 {
				t.Errorf("the next event has Seq %d, want %d", seq, c.last+1)
			}
			checkRun(t, readAll(j, 0), 0, c.last+1)
			for e := range j.history(0) {
				if text, err := json.Marshal(e); err != nil || len(text) > event.MaxBytes {
					t.Errorf("event %d has %d bytes, %v", e.Seq, len(text), err)
				}
			}
		})
	}
}

func line(seq int64) string {
	return fmt.Sprintf(`{"seq":%d,"time":"2026-01-01T00:00:00Z","kind":"short"}`+"\n", seq)
}

func TestAnEventInTheJournalIsBounded(t *testing.T) {
	j, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	e := fact("x")
	e.By, e.Fields = strings.Repeat("x", 500_000), map[string]any{"log": slices.Repeat([]string{strings.Repeat("y", 60_000)}, 20)}
	j.append(e)
	if text, err := os.ReadFile(j.path); err != nil || len(text) > event.MaxBytes || !strings.HasPrefix(string(text), `{"seq":1,`) {
		t.Errorf("%d bytes, %v: %.100s", len(text), err, text)
	}
	if kept, _, _ := j.recent(0, 1); len(kept) != 1 || len(kept[0].By) > 2000 {
		t.Errorf("in memory: %d events", len(kept))
	}
}

func TestJournalIsBounded(t *testing.T) {
	j, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	big := fact("big")
	big.Fields = map[string]any{"texts": slices.Repeat([]string{string(make([]byte, 1000))}, 10)} // 60 kB as JSON
	var last int64
	for range 500 {
		last = j.append(big)
	}
	for _, name := range []string{j.path, j.path + ".1"} {
		if info, err := os.Stat(name); err != nil || info.Size() > journalBytes {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	first := readAll(j, 0)[0]
	checkRun(t, readAll(j, first), first, last)
	j.close()
	again, err := openJournal(filepath.Dir(j.path))
	if err != nil || again.last != last {
		t.Errorf("reopened at %d, want %d: %v", again.last, last, err)
	}
	again.close()
}

func TestJournalDeliversWhatTheDiskRefuses(t *testing.T) {
	j, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	j.file.Close() // every write fails from now on
	seq := j.append(fact("a"))
	if events, _, complete := j.recent(seq-1, 1); !complete || len(events) != 1 || j.diskFail == nil {
		t.Errorf("got %v, %v; the disk said %v", events, complete, j.diskFail)
	}
}

// An earlier rotation moved the file away and could not open another: out of descriptors, for instance.
func TestARotationThatWasLeftHalfDoneIsCompleted(t *testing.T) {
	j, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	before := j.append(fact("before"))
	if err := os.Rename(j.path, j.path+".1"); err != nil {
		t.Fatal(err)
	}
	j.size = journalBytes
	last := j.append(fact("after"))
	j.retain, j.ring = 0, nil // what is left is in the files
	if seqs := readAll(j, 0); j.diskFail != nil || !slices.Equal(seqs, []int64{before, last}) {
		t.Errorf("events %v; the disk said %v", seqs, j.diskFail)
	}

	log, err := openLogFile(filepath.Join(t.TempDir(), "x.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	log.line("before")
	if err := os.Rename(log.path, log.path+".1"); err != nil {
		t.Fatal(err)
	}
	log.size = logFileBytes
	log.line("after")
	if text, err := os.ReadFile(log.path); err != nil || string(text) != "after\n" {
		t.Errorf("the log's new file: %q, %v", text, err)
	}
}

// A directory in place of the older file cannot be replaced: while that is so the files do not grow, and afterwards all goes on.
func TestFilesThatCannotBeRotatedDoNotGrow(t *testing.T) {
	log, err := openLogFile(filepath.Join(t.TempDir(), "x.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	obstacle := filepath.Join(log.path+".1", "something")
	if err := os.MkdirAll(obstacle, 0o755); err != nil {
		t.Fatal(err)
	}
	_, lines, unfollow := log.follow()
	defer unfollow()
	log.size = logFileBytes
	log.line("lost")
	if text, err := os.ReadFile(log.path); err != nil || len(text) != 0 || <-lines != "lost" {
		t.Errorf("written: %q, %v", text, err)
	}
	if err := os.RemoveAll(log.path + ".1"); err != nil {
		t.Fatal(err)
	}
	log.line("kept")
	if text, err := os.ReadFile(log.path); err != nil || string(text) != "kept\n" {
		t.Errorf("the log's new file: %q, %v", text, err)
	}
}

func TestADiskThatRefusesEventsIsToldOnceInTheSupervisorsLog(t *testing.T) {
	home := t.TempDir()
	s, err := open(Config{Plan: testPlan(t, home), Home: home, Command: childCommand})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.journal.file.Close()
	for range 3 {
		s.tell(event.ClusterStopping, "you", nil)
	}
	said := s.log.lastLines()
	if len(said) != 1 || !strings.Contains(said[0], "cannot write an event to the journal") || !strings.Contains(said[0], journalName) {
		t.Errorf("the log says %q", said)
	}
}
