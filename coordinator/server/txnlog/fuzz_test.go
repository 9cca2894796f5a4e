package txnlog

import (
	"reflect"
	"testing"

	"klab/coordinator/server/tree"
)

// seedFiles returns a log and a snapshot with every kind of transaction in them.
func seedFiles(f *testing.F) (log, snapshot []byte) {
	disk := newMemFS()
	h := begin(f, disk)
	for range 12 {
		h.write()
	}
	if err := h.commit(); err != nil {
		f.Fatal(err)
	}
	if err := h.snapshot(); err != nil {
		f.Fatal(err)
	}
	log, _ = disk.ReadFile("/log/version-2/log.1") // without preallocated zeros: the segment has ended
	snapshot, _ = disk.ReadFile("/data/version-2/snapshot.c")
	return log, snapshot
}

// FuzzTxn decodes hostile payloads; what decodes must encode to something that decodes to the same, and replay.
func FuzzTxn(f *testing.F) {
	log, _ := seedFiles(f)
	for at := headerSize; ; {
		payload, size, ok := readRecord(log[at:])
		if !ok {
			break
		}
		f.Add(payload)
		at += size
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		txn, batch, err := readTxn(payload)
		if err != nil {
			return
		}
		again, batchAgain, err := readTxn(appendTxn(nil, txn, batch))
		if err != nil || batchAgain != batch || again.Stamp != txn.Stamp || len(again.Changes) != len(txn.Changes) {
			t.Fatalf("%+v\nreads back as %+v, %v", txn, again, err)
		}
		tr := tree.New(treeOptions)
		tr.Replay(txn)
		im := tr.Image()
		im.Sort()
	})
}

func FuzzSegment(f *testing.F) {
	log, _ := seedFiles(f)
	f.Add(log, true)
	f.Add(log[:len(log)-7], true)
	f.Add(log[:9], false)
	f.Fuzz(func(t *testing.T, log []byte, last bool) {
		tr := tree.New(treeOptions)
		tail, err := replaySegment(log, 1, last, func(txn tree.Txn) error {
			tr.Replay(txn)
			return nil
		})
		if err == nil && tail != nil && (!last || tail.Size > int64(len(log))) {
			t.Fatalf("cut at %d of %d, last %v", tail.Size, len(log), last)
		}
	})
}

// FuzzSnapshot decodes hostile snapshots; what is accepted must come out of writing it again.
func FuzzSnapshot(f *testing.F) {
	_, snapshot := seedFiles(f)
	f.Add(snapshot)
	f.Add(snapshot[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		im, err := readImage(b, 12)
		if err != nil {
			return
		}
		tr, err := tree.Restore(im, treeOptions)
		if err != nil {
			return
		}
		disk := newMemFS()
		file, _ := disk.Create("/x")
		restored := tr.Image()
		restored.Sort()
		if err := writeImage(file, restored); err != nil {
			t.Fatal(err)
		}
		out, _ := disk.ReadFile("/x")
		again, err := readImage(out, 12)
		if err != nil || !reflect.DeepEqual(again, restored) {
			t.Fatalf("%v\n%+v\n%+v", err, again, restored)
		}
	})
}
