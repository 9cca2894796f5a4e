package storage

import (
	"fmt"
	"slices"
	"testing"

	"klab/broker/storage/fsys"
)

// many makes more logs than are settled at once, none of which is settled in the background, and returns the last.
func (d *disk) many(t *testing.T) *Log {
	t.Helper()
	var l *Log
	d.spawn = func(func()) {}
	for i := range int32(2*settledAtOnce + 1) {
		l = d.create(TopicPartition{"many", i}, DefaultLogConfig())
	}
	d.spawn = d.background.Go
	return l
}

func names(t *testing.T, f fsys.FS, dir string) (out []string) {
	t.Helper()
	infos, err := f.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		out = append(out, i.Name)
	}
	return out
}

func TestFewNewLogsHaveTheirFilesAtOnce(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	d.background.Wait()
	want := []string{numberedName(0, indexSuffix), numberedName(0, logSuffix), numberedName(0, timeIndexSuffix), partitionMetadataFile}
	if got := names(t, mem, l.Path()); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}

func TestOfManyNewLogsEachHasItsFilesBeforeItsRecords(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.many(t)
	if err := l.AssignEpoch(3, 0); err != nil {
		t.Fatal(err)
	}
	if got := names(t, mem, l.Path()); len(got) > 0 {
		t.Fatalf("the last of many new logs has %v already", got)
	}
	if id, epoch := l.TopicID(), l.LatestEpoch(); id != (TopicID{1}) || epoch != 3 {
		t.Errorf("id %v and epoch %d, want what was set", id, epoch)
	}
	if _, err := l.AppendAsLeader(plain(t, 1, 1000), 3, Client, testTime); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{epochFile: "0\n1\n3 0\n", partitionMetadataFile: "version: 0\ntopic_id: " + TopicID{1}.String()} {
		if got, err := fsys.ReadFile(mem, l.Path()+"/"+name); err != nil || string(got) != want {
			t.Errorf("after an append %s holds %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestMaintainMakesTheFilesOfNewLogsAFewAtATime(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	d.many(t)
	for before := d.fresh.Load(); before > 0; before = d.fresh.Load() {
		d.Maintain(testTime, func(TopicPartition) int64 { return 0 })
		if want := max(before-settledAtOnce, 0); d.fresh.Load() != want {
			t.Fatalf("%d logs are fresh, want %d", d.fresh.Load(), want)
		}
	}
	for tp := range d.Logs() {
		if got := names(t, mem, "/data/"+tp.String()); len(got) != 4 {
			t.Errorf("%v has %v", tp, got)
		}
	}
}

func TestANewLogWithoutFilesSurvivesACrashAndAStop(t *testing.T) {
	for _, end := range []string{"crash", "stop"} {
		mem := fsys.NewMem()
		d := openDisk(t, mem, DefaultLogConfig())
		l := d.many(t)
		f := fsys.FS(mem.CrashClone(1, nil))
		if end == "stop" {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			f = mem
		}
		again, ok := openDisk(t, f, DefaultLogConfig()).Log(l.tp)
		if !ok || again.EndOffset() != 0 {
			t.Fatalf("after a %s the log is not there, or not empty", end)
		}
		if err := again.SetTopicID(TopicID{2}); err != nil {
			t.Errorf("after a %s an empty log is not another topic's: %v", end, err)
		}
		appendTo(t, again, plain(t, 2, 1000))
		if got := fmt.Sprint(names(t, f, again.Path())); len(names(t, f, again.Path())) != 5 {
			t.Errorf("after a %s and an append there are %s", end, got)
		}
	}
}

func TestANewLogWithoutFilesCanBeDeletedAndCut(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.many(t)
	before := d.fresh.Load()
	if err := d.Delete(l.tp); err != nil {
		t.Fatal(err)
	}
	if d.fresh.Load() != before-1 {
		t.Errorf("%d logs are fresh after a deletion of one of %d", d.fresh.Load(), before)
	}
	other, _ := d.Log(TopicPartition{"many", 2*settledAtOnce - 1})
	if err := other.TruncateTo(0); err != nil {
		t.Error(err)
	}
	if err := other.TruncateFullyAndStartAt(7); err != nil || other.EndOffset() != 7 {
		t.Errorf("restarted at %d, %v, want 7", other.EndOffset(), err)
	}
}
