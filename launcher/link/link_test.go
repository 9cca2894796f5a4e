package link

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"klab/launcher/event"
)

func TestOrdersUntilTheLifeLineIsCut(t *testing.T) {
	var line bytes.Buffer
	sent := []Order{
		{Start: &Start{Props: map[string]string{"broker.id": "1"}, AwaitZooKeeper: true, Brokers: 3}}, {ZooKeeperUp: true}, {Down: true}, {Stop: true},
	}
	for _, o := range sent {
		if err := Write(&line, o); err != nil {
			t.Fatal(err)
		}
	}
	orders := NewOrders(&line)
	for i := range sent {
		got, err := orders.Next()
		if err != nil || got.Stop != sent[i].Stop || got.Down != sent[i].Down || got.ZooKeeperUp != sent[i].ZooKeeperUp || !reflect.DeepEqual(got.Start, sent[i].Start) {
			t.Errorf("order %d: %+v, %v", i, got, err)
		}
	}
	if _, err := orders.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
}

func TestAnEndlessOrderIsRefused(t *testing.T) {
	if _, err := NewOrders(strings.NewReader(strings.Repeat("x", 2*MaxLine))).Next(); !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}

// slowPipe holds its writer up until it is opened.
type slowPipe struct {
	opened chan struct{}
	lines  bytes.Buffer
}

func (p *slowPipe) Write(b []byte) (int, error) {
	<-p.opened
	return p.lines.Write(b)
}

func TestFactsAreDroppedAndCountedRatherThanBlocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := &slowPipe{opened: make(chan struct{})}
		r := NewReporter(pipe)
		const facts = queueLength + 100
		for i := range facts {
			r.Event(event.Event{Kind: "x", Broker: int32(i), Partition: -1})
		}
		close(pipe.opened)
		synctest.Wait()
		r.Event(event.Event{Kind: "last", Broker: -1, Partition: -1})
		r.Close(time.Second)
		told, dropped, last := 0, 0, ""
		for scanner := bufio.NewScanner(&pipe.lines); scanner.Scan(); {
			var report Report
			if err := json.Unmarshal(scanner.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			last = report.Event.Kind
			switch last {
			case "x":
				told++
			case "facts.dropped":
				dropped += int(report.Event.Fields["count"].(float64))
			}
		}
		if dropped == 0 || told+dropped != facts || last != "last" {
			t.Errorf("%d told, %d dropped of %d; the last is %q", told, dropped, facts, last)
		}
		r.Event(event.Event{Kind: "late"}) // after the end: nothing happens
		r.Ready()
	})
}

func TestCloseDoesNotWaitForeverForASupervisorThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := &slowPipe{opened: make(chan struct{})}
		r := NewReporter(pipe)
		r.Failed("broken", 1)
		began := time.Now()
		r.Close(time.Second)
		if took := time.Since(began); took != time.Second {
			t.Errorf("closed after %v", took)
		}
		close(pipe.opened)
	})
}

// What a child reports comes from clients too: a group's member may give a reason of any length.
func TestEveryReportIsALineThatCanBeRead(t *testing.T) {
	var lines bytes.Buffer
	r := NewReporter(&lines)
	for _, fields := range []map[string]any{
		{"reason": strings.Repeat("x", 300_000)}, {"ephemerals": slices.Repeat([]string{"/some/path"}, 100_000)},
		{"nested": map[string]any{"text": strings.Repeat("x", 300_000)}},
	} {
		r.Event(event.Event{Kind: "x", Broker: 3, Partition: -1, Fields: fields})
	}
	r.Failed(strings.Repeat("x", 2*MaxLine), 2)
	r.Ready()
	r.Close(time.Minute)
	n, told := 0, lines.String()
	for line := range strings.Lines(told) {
		var report Report
		if err := json.Unmarshal([]byte(line), &report); err != nil || len(line) > MaxLine {
			t.Errorf("report %d, of %d bytes: %v", n, len(line), err)
		}
		if e := report.Event; e != nil && (e.Kind != "x" || e.Broker != 3) {
			t.Errorf("report %d: %+v", n, e)
		}
		n++
	}
	if n != 5 || !strings.HasSuffix(told, "{\"ready\":true}\n") {
		t.Errorf("%d reports, the last is %.50s", n, told[strings.LastIndex(told[:len(told)-1], "\n")+1:])
	}
}

func FuzzOrders(f *testing.F) {
	f.Add([]byte(`{"start":{"props":{"a":"b"}}}` + "\n{}\n"))
	f.Add([]byte("[]\nnull\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		orders := NewOrders(bytes.NewReader(text))
		for range len(text) + 2 {
			if _, err := orders.Next(); errors.Is(err, io.EOF) {
				return
			}
		}
		t.Error("orders without end")
	})
}
