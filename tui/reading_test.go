package tui

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"klab/cluster"
)

const far = 12_345_678_901 // an offset of a topic that has been written for years

// busy is a cluster whose offsets are long, with groups that read them.
func busy() *fakeSource {
	f := grouped()
	orders := topicOf("orders", 3, false)
	for i := range orders.Partitions {
		p := &orders.Partitions[i]
		p.ID, p.HighWatermark = int32(1234+i), far
		for j := range p.Logs {
			p.Logs[j].EndOffset, p.Logs[j].Lag, p.Logs[j].Bytes = far, 0, 987_000_000_000
		}
		p.Logs[2].Lag = 1_234_567
	}
	f.snap.Topics[1] = orders
	billing := &f.snap.Groups[1]
	billing.Lag = 9_876_543_210
	for i := range billing.Partitions {
		p := &billing.Partitions[i]
		p.Partition, p.Committed, p.End, p.Lag = 1234, far-9_876_543_210, far, 9_876_543_210
	}
	f.tail.add(cluster.Record{Topic: "orders", Partition: 1234, Offset: far, Time: noon, Key: []byte("k"), Value: []byte("v")})
	f.plan[0].Old, f.plan[0].New = far-1, far
	f.hanging[0].TxnStart, f.hanging[0].ID = far, 4_000_000_077
	f.txns[0].ProducerID = 123_456_789_012
	return f
}

func TestNoDigitOfANumberIsCut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  []string
		shows []string
	}{
		{"topics", []string{"2"}, []string{"37,037,036,703"}},
		{"partitions", []string{"2", "enter"}, []string{"1234", "12,345,678,901", "1,234,567"}},
		{"replicas", []string{"2", "enter", "enter"}, []string{"12,345,678,901", "1,234,567"}},
		{"tail", []string{"2", "t"}, []string{"1234  12,345,678,901"}},
		{"broker", []string{"enter", "end"}, []string{"orders/1234", "12,345,678,901", "1,234,567"}},
		{"groups", []string{"3"}, []string{"9,876,543,210"}},
		{"group", []string{"3", "down", "enter"}, []string{"orders/1234", "2,469,135,691", "12,345,678,901", "9,876,543,210"}},
		{"reset", []string{"3", "down", "r", "0", "enter"}, []string{"12,345,678,900", "12,345,678,901"}},
		{"transactions", []string{"T"}, []string{"123456789012"}},
		{"hanging", []string{"T", "h"}, []string{"12,345,678,901", "4000000077"}},
	} {
		for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
			t.Run(tt.name+" "+string(lang), func(t *testing.T) {
				s := newStage(t, staging{w: 80, h: 24, src: busy(), lang: lang})
				for _, key := range tt.keys {
					s.press(key)
					s.frame()
				}
				s.shows(tt.shows...)
			})
		}
	}
}

// TestTheAgeIsThereOnTheSmallestTerminal shows long numbers that are old where there is least room.
func TestTheAgeIsThereOnTheSmallestTerminal(t *testing.T) {
	for _, keys := range [][]string{{}, {"2"}, {"2", "enter"}, {"2", "enter", "enter"}, {"enter"}, {"3"}, {"3", "down", "enter"}} {
		for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
			s := newStage(t, staging{w: 60, h: 16, src: busy().unread(), lang: lang})
			for _, key := range keys {
				s.press(key)
				s.frame()
			}
			rows := strings.Split(s.frame(), "\n")
			if aged := func(row string) bool { return strings.HasSuffix(row, "41 s") }; !slices.ContainsFunc(rows, aged) {
				t.Errorf("after %v no row ends with its age:\n%s", keys, s.frame())
			}
		}
	}
}

// unread makes what was read of the cluster's logs and groups 41 seconds old; the metadata stays as it is.
func (f *fakeSource) unread() *fakeSource {
	at := noon.Add(-41 * time.Second)
	for i := range f.snap.Topics {
		for j := range f.snap.Topics[i].Partitions {
			p := &f.snap.Topics[i].Partitions[j]
			p.At = at
			for k := range p.Logs {
				p.Logs[k].At, p.Logs[k].CaughtUp = at, time.Time{}
			}
		}
	}
	for i := range f.snap.Groups {
		g := &f.snap.Groups[i]
		g.At = at
		if !g.OffsetsAt.IsZero() {
			g.MembersAt, g.OffsetsAt = at, at
		}
		for j := range g.Partitions {
			g.Partitions[j].EndAt = at
		}
	}
	f.snap.ReassignmentsAt = at
	return f
}

// TestOldNumbersSayTheirAge shows a cluster whose metadata is fresh, and whose offsets nobody has told for a while.
func TestOldNumbersSayTheirAge(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keys  []string
		ages  int      // how often the age is on the screen
		muted []string // numbers that must not be drawn as if they were of now
	}{
		{"overview", nil, 3, []string{"3.1 MB"}},
		{"topics", []string{"2"}, 2, []string{"61,026", "6.6 MB"}},
		{"partitions", []string{"2", "home", "enter"}, 7, []string{"10,321", "360 kB"}},
		{"replicas", []string{"2", "home", "enter", "enter"}, 5, []string{"10,421", "█████"}},
		{"broker", []string{"enter"}, 11, []string{"10,421", "360 kB"}},
		{"groups", []string{"3"}, 4, []string{"12,340", "PreparingRebalance", "+100/s"}},
		{"group", []string{"3", "down", "enter"}, 9, []string{"12,340", "7,421", "3,000", "Stable  "}},
		{"moving", []string{"2", "home", "enter"}, 9, []string{"4,210"}},
	} {
		for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
			t.Run(tt.name+" "+string(lang), func(t *testing.T) {
				f := grouped()
				if tt.name == "moving" {
					f = movingOrders()
				}
				s := newStage(t, staging{w: 100, h: 30, src: f.unread(), lang: lang}).press(tt.keys...)
				if n := strings.Count(s.frame(), "41 s"); n != tt.ages {
					t.Errorf("the age is there %d times, want %d:\n%s", n, tt.ages, s.frame())
				}
				s.root.fresh = false
				for _, loud := range tt.muted {
					for _, run := range plainRuns(s.root.View().Content) {
						if strings.Contains(run+"  ", loud) {
							t.Errorf("%q is drawn as if it was of now: %q", loud, run)
						}
					}
				}
			})
		}
	}
}

// plainRuns are the parts of a frame that are neither muted nor in the chosen row, which has one look whatever it shows.
func plainRuns(content string) []string {
	var runs []string
	for i, part := range strings.Split(content, "\x1b[") {
		style, text, _ := strings.Cut(part, "m")
		look := strings.Split(style, ";")
		if i > 0 && !slices.Contains(look, "2") && !slices.Contains(look, "7") {
			runs = append(runs, text)
		}
	}
	return runs
}

func TestWhatIsAskedSaysHowOldItsNumbersAre(t *testing.T) {
	newStage(t, english(grouped().unread())).press("2", "home", "D").shows("61,026 records in 6 partitions", "(41 s")
}

func TestALargeClusterIsNotOldForBeingReadSeldom(t *testing.T) {
	f := grouped().unread()
	f.snap.Health.Partitions = 100_000
	newStage(t, english(f)).hides("41 s")
}

func TestWhyGroupsCannotBeListedIsShownAsLongAsItIsSo(t *testing.T) {
	for _, size := range []struct{ w, h int }{{60, 16}, {80, 24}} {
		f := grouped()
		f.snap.GroupsErr, f.snap.GroupsAt = errNoCoordinator, noon.Add(-12*time.Second)
		s := newStage(t, staging{w: size.w, h: size.h, src: f}).press("3")
		s.shows("as of 12 s ago", "COORDINATOR_NOT_AVAILABLE", "billing", "12,340")
		f.snap.GroupsErr = nil
		s.hides("COORDINATOR_NOT_AVAILABLE")
	}
}

func TestTheAgeOfGroupsIsTheLastColumnToGo(t *testing.T) {
	for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
		newStage(t, staging{w: 80, h: 24, src: grouped(), lang: lang}).press("3").shows("8 s")
	}
}

func TestAFilteredTailKeepsNoMoreThanItsBound(t *testing.T) {
	f := healthy()
	response := bytes.Repeat([]byte("needle "), 10_000) // the records of one fetch lie in one buffer
	for i := range 100 {
		f.tail.add(cluster.Record{Topic: "orders", Offset: int64(i), Key: response[:6], Value: response[7:13], Time: noon,
			Headers: []cluster.Header{{Key: "trace", Value: response[14:20]}, {Key: "none"}}})
	}
	s := newStage(t, english(f)).press("2", "t", "/").write("needle")
	kept := s.root.top().(*tail).matched
	if len(kept) != 100 {
		t.Fatalf("%d of 100 records are kept", len(kept))
	}
	for i := range response {
		response[i] = '!'
	}
	for _, r := range kept {
		if string(r.Key) != "needle" || string(r.Value) != "needle" || string(r.Headers[0].Value) != "needle" {
			t.Fatalf("%q %q %q share the fetch's buffer", r.Key, r.Value, r.Headers[0].Value)
		}
		if r.Headers[1].Value != nil {
			t.Fatal("null has become an empty value")
		}
	}
	if cap(kept[0].Key) > 64 || cap(kept[0].Value) > 64 {
		t.Errorf("%d and %d bytes are kept of 6", cap(kept[0].Key), cap(kept[0].Value))
	}
}

func TestAFilteredTailIsBoundByBytes(t *testing.T) {
	f := healthy()
	large := append(bytes.Repeat([]byte("x"), 1<<20), "needle"...)
	for i := range 100 {
		f.tail.add(cluster.Record{Topic: "orders", Offset: int64(i), Value: large, Time: noon})
	}
	s := newStage(t, english(f)).press("2", "t", "/").write("needle")
	at := s.root.top().(*tail)
	bytes := 0
	for i := range at.matched {
		bytes += at.matched[i].Size()
	}
	if bytes > maxMatchedBytes || len(at.matched) == 0 {
		t.Errorf("%d bytes are kept in %d records", bytes, len(at.matched))
	}
	if last := at.matched[len(at.matched)-1].Offset; last != 99 {
		t.Errorf("the newest record kept is %d", last)
	}
}

func TestWhatIsScrolledToStaysWhileOlderMatchesLeave(t *testing.T) {
	f := healthy()
	large := append(bytes.Repeat([]byte("x"), 1<<20), "needle"...)
	add := func(n int) {
		for range n {
			f.tail.add(cluster.Record{Topic: "orders", Offset: int64(len(f.tail.records)), Value: large, Time: noon})
		}
	}
	add(16)
	s := newStage(t, english(f)).press("2", "t", "/").write("needle").press("enter", "up", "up")
	at := s.root.top().(*tail)
	chosen := func() int64 { return at.window(at.rows.Cursor, 1)[0].Offset }
	before := chosen()
	add(4)
	s.tick()
	if got := chosen(); got != before {
		t.Errorf("offset %d is chosen, was %d", got, before)
	}
}

// An offset beyond the end of the log is no lag of nothing.
func TestAnOffsetBeyondTheLogsEnd(t *testing.T) {
	for _, tt := range []struct {
		p    cluster.GroupPartition
		want string
	}{
		{cluster.GroupPartition{Lag: 12}, "12"},
		{cluster.GroupPartition{Lag: -1}, "-"},
		{cluster.GroupPartition{Lag: -1, Beyond: 12_345}, "-12,345"},
	} {
		if got := lagOf(&tt.p).String(); got != tt.want {
			t.Errorf("lag %d, beyond %d: %q, want %q", tt.p.Lag, tt.p.Beyond, got, tt.want)
		}
	}
}
