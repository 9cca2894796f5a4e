package storage

import (
	"testing"

	"klab/broker/storage/fsys"
)

func TestAppendReadReopen(t *testing.T) {
	for _, how := range []string{"clean", "killed"} {
		t.Run(how, func(t *testing.T) {
			mem := fsys.NewMem()
			c := DefaultLogConfig()
			c.SegmentBytes, c.IndexIntervalBytes = 2000, 200
			d := openDisk(t, mem, c)
			l := d.create(orders0, c)
			for i := range 100 {
				appendTo(t, l, plain(t, 1+i%5, int64(i)*1000))
			}
			want := readAll(t, l)
			if len(want) != 300 || l.EndOffset() != 300 {
				t.Fatalf("%d records, end %d", len(want), l.EndOffset())
			}
			close := d.Close
			if how == "killed" {
				close = d.Abandon
			}
			if err := close(); err != nil {
				t.Fatal(err)
			}
			d = openDisk(t, mem, c)
			l, ok := d.Log(orders0)
			if !ok {
				t.Fatal("the log is gone")
			}
			got := readAll(t, l)
			if len(got) != len(want) || l.EndOffset() != 300 || l.TopicID() != (TopicID{1}) {
				t.Fatalf("%d records of %d, end %d, id %v", len(got), len(want), l.EndOffset(), l.TopicID())
			}
			appendTo(t, l, plain(t, 1, 5))
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
