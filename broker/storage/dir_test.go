package storage

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func TestCleanShutdownFiles(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	if err := l.AssignEpoch(4, 0); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, plain(t, 3, 1000))
	d.CheckpointHighWatermarks(map[TopicPartition]int64{orders0: 3})
	if _, err := mem.Stat("/data/" + cleanFile); err == nil {
		t.Error("the marker is there while running")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		cleanFile:                           `{"version":0,"brokerEpoch":-1}`,
		recoveryPointFile:                   "0\n1\norders 0 3\n",
		highWatermarkFile:                   "0\n1\norders 0 3\n",
		logStartFile:                        "0\n0\n",
		"orders-0/" + epochFile:             "0\n2\n0 0\n4 0\n",
		"orders-0/" + partitionMetadataFile: "version: 0\ntopic_id: " + TopicID{1}.String(),
	} {
		if name == "orders-0/"+epochFile {
			want = "0\n1\n0 0\n" // AppendAsLeader was told epoch 0, which ends epoch 4
		}
		if got, err := fsys.ReadFile(mem, "/data/"+name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	names := []string{}
	infos, _ := mem.ReadDir("/data/orders-0")
	for _, i := range infos {
		names = append(names, i.Name)
	}
	want := []string{numberedName(0, indexSuffix), numberedName(0, logSuffix), numberedName(0, timeIndexSuffix), numberedName(3, snapshotSuffix), epochFile, partitionMetadataFile}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want %v", names, want)
	}
	if info, _ := mem.Stat("/data/orders-0/" + numberedName(0, timeIndexSuffix)); info.Size != timeEntrySize {
		t.Errorf("the time index has %d bytes, want one entry", info.Size)
	}
}

func TestDeleteAndCreateAgain(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	appendTo(t, l, plain(t, 5, 0))
	if err := errors.Join(l.Flush(), l.AdvanceStartOffset(4), d.CheckpointRecoveryPoints(), d.CheckpointLogStartOffsets(),
		d.CheckpointHighWatermarks(map[TopicPartition]int64{orders0: 5}), d.Delete(orders0)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(4, 100, 5, true); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("read of a deleted log: %v", err)
	}
	l = d.create(orders0, DefaultLogConfig())
	if len(d.HighWatermarks()) != 0 {
		t.Errorf("high watermarks %v", d.HighWatermarks())
	}
	appendTo(t, l, plain(t, 2, 0))
	killed, _ := openDisk(t, mem.CrashClone(1, nil), DefaultLogConfig()).Log(orders0)
	if killed.StartOffset() != 0 || killed.EndOffset() != 2 || killed.RecoveryPoint() != 0 {
		t.Errorf("after a kill: [%d, %d), recovery point %d", killed.StartOffset(), killed.EndOffset(), killed.RecoveryPoint())
	}
	deleted := func() (n int) {
		infos, _ := mem.ReadDir("/data")
		for _, i := range infos {
			if _, kind := parseFolder(i.Name); i.Dir && kind == folderDeleted {
				n++
			}
		}
		return n
	}
	d.RemoveDue(testTime.Add(59 * time.Second))
	if deleted() != 1 {
		t.Error("the directory went before file.delete.delay.ms")
	}
	d.RemoveDue(testTime.Add(61 * time.Second))
	if deleted() != 0 {
		t.Error("the directory stayed after file.delete.delay.ms")
	}
}

func TestTopicIDMustStay(t *testing.T) {
	d := openDisk(t, fsys.NewMem(), DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	if err := l.SetTopicID(TopicID{1}); err != nil {
		t.Error(err)
	}
	if err := l.SetTopicID(TopicID{2}); !errors.Is(err, kerr.InconsistentTopicID) {
		t.Errorf("another id: %v", err)
	}
}

func TestDiskFaultsFailTheDirectory(t *testing.T) {
	for _, kind := range []fsys.Kind{fsys.OpWrite, fsys.OpSync, fsys.OpRename, fsys.OpCreate} {
		mem := fsys.NewMem()
		var full bool
		f := fsys.Intercept(mem, func(op fsys.Op) error {
			if full && op.Kind == kind {
				return &os.PathError{Op: "test", Path: op.Path, Err: syscall.ENOSPC}
			}
			return nil
		})
		d := openDisk(t, f, DefaultLogConfig())
		l := d.create(orders0, DefaultLogConfig())
		appendTo(t, l, plain(t, 1, 0))
		full = true
		_, err := l.AppendAsLeader(plain(t, 1, 0), 1, Client, testTime)
		if err == nil {
			err = l.Flush()
		}
		if err == nil {
			err = l.Roll()
		}
		if !errors.Is(err, kerr.KafkaStorageError) || !errors.Is(err, syscall.ENOSPC) || d.Failed() == nil {
			t.Errorf("fault %d: %v, directory: %v", kind, err, d.Failed())
		}
		full = false
		if _, err := l.AppendAsLeader(plain(t, 1, 0), 1, Client, testTime); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("fault %d: an append after it: %v", kind, err)
		}
		if err := d.Close(); err == nil {
			t.Errorf("fault %d: close is content", kind)
		}
		if _, err := mem.Stat("/data/" + cleanFile); err == nil {
			t.Errorf("fault %d: there is a marker of a clean shutdown", kind)
		}
		back := openDisk(t, mem, DefaultLogConfig())
		if l, _ := back.Log(orders0); l.EndOffset() < 1 {
			t.Errorf("fault %d: the log ends at %d", kind, l.EndOffset())
		}
	}
}

func TestDamagedCheckpointFailsTheDirectory(t *testing.T) {
	mem := fsys.NewMem()
	mem.MkdirAll("/data")
	fsys.WriteFile(mem, "/data/"+highWatermarkFile, []byte("0\n5\n"))
	if _, err := tryOpen(mem, DefaultLogConfig()); !errors.Is(err, kerr.KafkaStorageError) || !strings.Contains(err.Error(), highWatermarkFile) {
		t.Errorf("open: %v", err)
	}
}

func TestLockedDirectory(t *testing.T) {
	mem := fsys.NewMem()
	openDisk(t, mem, DefaultLogConfig())
	_, err := tryOpen(mem, DefaultLogConfig())
	if !errors.Is(err, fsys.ErrLocked) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("open: %v", err)
	}
}

// The lock holds against another process, which this test starts: itself.
func TestLockedByAnotherProcess(t *testing.T) {
	if dir := os.Getenv("KLAB_TEST_LOCK"); dir != "" {
		d, err := OpenDir(context.Background(), fsys.OS{}, dir, DirOptions{})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("locked\n")
		bufio.NewReader(os.Stdin).ReadString('\n')
		d.Abandon()
		return
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestLockedByAnotherProcess$")
	child.Env = append(os.Environ(), "KLAB_TEST_LOCK="+dir)
	stdin, _ := child.StdinPipe()
	stdout, _ := child.StdoutPipe()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	_, err := OpenDir(context.Background(), fsys.OS{}, dir, DirOptions{})
	if !errors.Is(err, fsys.ErrLocked) {
		t.Errorf("open while the child holds the lock: %v", err)
	}
	stdin.Close()
	child.Wait()
	d, err := OpenDir(context.Background(), fsys.OS{}, dir, DirOptions{})
	if err != nil {
		t.Fatalf("open after the child's end: %v", err)
	}
	d.Close()
}

// What a cleaner of Kafka's, or a kill, leaves in a partition's directory.
func TestLeftoversAreCompleted(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	for range 3 {
		appendTo(t, l, plain(t, 2, 0))
		l.Roll()
	}
	d.Close()
	dir := "/data/orders-0/"
	cleaned := plain(t, 2, 77) // stands for the segments 0 and 2
	cleaned.SetBaseOffset(2)
	for name, data := range map[string][]byte{
		numberedName(0, logSuffix+swapSuffix):       cleaned,
		numberedName(0, indexSuffix+swapSuffix):     nil,
		numberedName(0, timeIndexSuffix+swapSuffix): nil,
		numberedName(4, logSuffix+cleanedSuffix):    plain(t, 1, 0),
		numberedName(9, logSuffix+deletedSuffix):    plain(t, 1, 0),
		numberedName(50, indexSuffix):               make([]byte, 8),
	} {
		if err := fsys.WriteFile(mem, dir+name, data); err != nil {
			t.Fatal(err)
		}
	}
	c := DefaultLogConfig()
	c.CleanupPolicy = []string{"compact"}
	l, _ = openDisk(t, mem, c).Log(orders0)
	var bases []int64
	for _, s := range l.Segments() {
		bases = append(bases, s.BaseOffset)
	}
	if !slices.Equal(bases, []int64{0, 4, 6}) || l.EndOffset() != 6 {
		t.Errorf("segments %v, end %d", bases, l.EndOffset())
	}
	if r, err := l.Read(0, 1<<20, 6, true); err != nil || batch.Batch(r.Records).MaxTimestamp() != 78 {
		t.Errorf("the first batch is not the cleaned one: %v", err)
	}
	infos, _ := mem.ReadDir(filepath.Clean(dir))
	for _, i := range infos {
		if strings.Count(i.Name, ".") > 1 || strings.HasPrefix(i.Name, numberedName(50, "")) {
			t.Errorf("%s is left", i.Name)
		}
	}
}
