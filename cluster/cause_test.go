package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// story is a course of events, one a line: milliseconds, kind, what it concerns and fields; the wanted milliseconds since
// the cause stand at the end after "=>" ("-" for no cause).
const failover = `
0      process.killed    broker=3                                      => 0
2      process.exited    broker=3                                      => 2
2087   session.expired   broker=3                                      => 2087
2090   controller.elected broker=1                                     => -
2101   broker.down       broker=3                                      => 2101
2108   leader.elected    tp=orders/0 old=3 new=1 epoch=5               => 2108
2109   leader.elected    tp=orders/1 old=2 new=1 epoch=9 reason=preferred => -
2112   replica.leader    broker=1 tp=orders/0 epoch=5                  => 2112
2127   write.first       broker=1 tp=orders/0 epoch=5                  => 2127
2130   write.first       broker=1 tp=orders/1 epoch=9                  => 21
2140   isr.shrunk        tp=orders/0 old=1,2,3 new=1,2                 => 2140
9000   process.starting  broker=3                                      => 0
9100   process.ready     broker=3                                      => 100
9110   broker.up         broker=3                                      => 110
9200   replica.truncated broker=3 tp=orders/0 from=12 to=10            => 200
9300   isr.grown         tp=orders/0 old=1,2 new=1,2,3                 => 300
9400   leader.elected    tp=orders/0 old=1 new=3 epoch=6 reason=preferred => -
9500   leader.elected    tp=new/0 old=-1 new=3 epoch=0 reason=new_partition => -
`

const controllerDies = `
0      controller.elected broker=2                                     => -
100    process.paused    broker=2                                      => 0
2200   session.expired   broker=2                                      => 2100
2210   controller.elected broker=1                                     => 2110
2220   partition.offline tp=lone/0 old=2                               => 2120
3000   process.resumed   broker=2                                      => 0
3100   leader.elected    tp=lone/0 old=-1 new=2 epoch=3                => 100
3150   write.first       broker=2 tp=lone/0 epoch=3                    => 150
3300   isr.shrunk        tp=orders/0 old=1,2 new=1                     => 3200
90000  isr.shrunk        tp=orders/0 old=1,2 new=1                     => -
`

const moved34 = `
0      process.starting  broker=4                                      => 0
10     broker.up         broker=4                                      => 10
5000   reassign.started  tp=orders/0 adding=4 removing=3               => -
5002   replica.leader    broker=3 tp=orders/0 epoch=6                  => 2
5300   isr.grown         tp=orders/0 old=1,2,3 new=1,2,3,4             => 300
5301   reassign.ended    tp=orders/0 replicas=1,2,4                    => 301
5310   leader.elected    tp=orders/0 old=3 new=1 epoch=7 reason=reassignment => 310
5312   replica.leader    broker=1 tp=orders/0 epoch=7                  => 312
5320   isr.shrunk        tp=orders/0 old=1,2,3,4 new=1,2,4             => 320
6000   process.killed    broker=4                                      => 0
8000   isr.shrunk        tp=orders/0 old=1,2,4 new=1,2                 => 2000
9000   process.starting  broker=4                                      => 0
9300   isr.grown         tp=orders/0 old=1,2 new=1,2,4                 => 300
9400   isr.grown         tp=other/0 old=1,2 new=1,2,4                  => 400
`

const controlledStop = `
0      process.stopping  broker=1                                      => 0
12     leader.elected    tp=orders/0 old=1 new=2 epoch=1 reason=controlled => 12
30     write.first       broker=2 tp=orders/0                          => 30
40     session.closed    broker=1                                      => 40
55     process.stopped   broker=1                                      => 55
`

func TestCausesAreFound(t *testing.T) {
	for name, story := range map[string]string{
		"failover": failover, "controller dies": controllerDies, "controlled stop": controlledStop, "a reassignment": moved34,
		"kill, stop and pause": killStopPause, "killed and back at once": backAtOnce,
		"leader before the controller": leaderFirst, "leader before its second fault": leaderFirstAgain,
		"late word of an older epoch": olderEpochLate, "unknown partition": unknownPartition, "paused before": pausedBefore,
		"crash after a return": crashAfterReturn, "a second life": secondLife, "follower truncates": followerTruncates,
	} {
		t.Run(name, func(t *testing.T) { checkCauses(t, story) })
	}
}

func checkCauses(t *testing.T, story string) {
	timeline := NewTimeline(1000)
	for line := range strings.Lines(strings.TrimSpace(story)) {
		f, want := parseFact(t, line)
		got := timeline.Append(f)
		since := "-"
		if got.SinceCause >= 0 {
			since = fmt.Sprint(got.SinceCause.Milliseconds())
		}
		if since != want {
			t.Errorf("%s: since cause %s, want %s (cause %d)", strings.TrimSpace(line), since, want, got.Cause)
		}
	}
}

func parseFact(t *testing.T, line string) (Fact, string) {
	t.Helper()
	text, want, _ := strings.Cut(line, "=>")
	words := strings.Fields(text)
	var ms float64
	fmt.Sscan(words[0], &ms)
	f := Fact{Time: time.UnixMilli(1e12).Add(time.Duration(ms * float64(time.Millisecond))), Kind: words[1], Broker: -1, Partition: -1, Fields: map[string]any{}}
	for _, w := range words[2:] {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			t.Fatalf("not key=value: %q", w)
		}
		setField(&f, key, value)
	}
	return f, strings.TrimSpace(want)
}

// setField gives numbers and lists the forms that JSON gives them.
func setField(f *Fact, key, value string) {
	switch key {
	case "broker":
		fmt.Sscan(value, &f.Broker)
	case "tp":
		f.Topic, value, _ = strings.Cut(value, "/")
		fmt.Sscan(value, &f.Partition)
	case "reason":
		f.Fields[key] = strings.ReplaceAll(value, "_", " ")
	case "ephemerals":
		f.Fields[key] = []any{value}
	default:
		f.Fields[key] = jsonNumbers(value, key == "isr" || key == "adding" || key == "removing" || strings.HasPrefix(f.Kind, "isr."))
	}
}

func jsonNumbers(value string, list bool) any {
	var numbers []any
	for v := range strings.SplitSeq(value, ",") {
		var n float64
		fmt.Sscan(v, &n)
		numbers = append(numbers, n)
	}
	if len(numbers) == 1 && !list {
		return numbers[0]
	}
	return numbers
}
