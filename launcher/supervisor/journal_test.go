package supervisor

import (
	"os"
	"path/filepath"
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

func TestJournalIsBounded(t *testing.T) {
	j, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	big := fact("big")
	big.Fields = map[string]any{"text": string(make([]byte, 10_000))} // 60 kB as JSON
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
