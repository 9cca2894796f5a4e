package tui

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unsafe"

	tea "charm.land/bubbletea/v2"
	"pgregory.net/rapid"

	"klab/cluster"
	"klab/tui/words"
)

func english(src Source) staging { return staging{w: 100, h: 30, src: src} }

func TestKeysOnABroker(t *testing.T) {
	tests := []struct {
		name  string
		state cluster.BrokerState
		key   string
		did   string // empty: refused
		says  string
	}{
		{"kill", cluster.BrokerUp, "x", "kill 1", ""},
		{"stop", cluster.BrokerUp, "s", "stop 1", ""},
		{"pause", cluster.BrokerUp, "p", "pause 1", ""},
		{"restart", cluster.BrokerUp, "r", "restart 1", ""},
		{"start again", cluster.BrokerKilled, "s", "start 1", ""},
		{"kill the dead", cluster.BrokerKilled, "x", "", "Broker 1 is down: s starts it."},
		{"resume", cluster.BrokerPaused, "p", "resume 1", ""},
		{"kill the paused", cluster.BrokerPaused, "x", "kill 1", ""},
		{"stop the paused", cluster.BrokerPaused, "s", "", "Broker 1 is paused: p resumes it."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy()
			f.snap.Brokers[0].State = tt.state
			s := newStage(t, english(f)).press(tt.key)
			if got := strings.Join(f.did, ", "); got != tt.did {
				t.Errorf("did %q, want %q", got, tt.did)
			}
			s.shows(tt.says)
		})
	}
}

func TestBrokersOfARemoteClusterAreOutOfReach(t *testing.T) {
	f := healthy()
	f.snap.Launched = false
	s := newStage(t, english(f)).hides("x kill").press("x")
	s.shows("klab did not start this cluster")
	if len(f.did) > 0 {
		t.Errorf("did %v", f.did)
	}
}

func TestTheLeaderOfAPartitionIsKilled(t *testing.T) {
	f := healthy()
	newStage(t, english(f)).press("2", "enter", "down", "x") // orders/1 is led by 2
	if !slices.Equal(f.did, []string{"kill 2"}) {
		t.Errorf("did %v", f.did)
	}
}

func TestWatchIsReleasedWhenAScreenIsLeft(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "enter", "enter")
	if f.watched["orders"] != 2 {
		t.Errorf("watched %v", f.watched)
	}
	s.press("esc", "1")
	if f.watched["orders"] != 0 {
		t.Errorf("still watched: %v", f.watched)
	}
}

func TestEscGoesBackToTheSamePlace(t *testing.T) {
	s := newStage(t, english(healthy())).press("2", "down", "enter")
	s.shows("payments   partitions 2")
	s.press("esc", "enter").shows("payments   partitions 2")
	s.press("1", "2", "enter").shows("payments   partitions 2")
}

func TestNewTopic(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("n", "enter")
	s.shows("A name has 1 to 249")
	s.write("orders").press("enter").shows("Topic orders exists already")
	s.press("ctrl+u").write("returns q").press("enter").shows("A name has 1 to 249")
	s.press("backspace", "backspace", "tab", "backspace").write("0").press("enter").shows("Give a number from 1 to 10000.")
	s.press("backspace").write("12").press("tab", "backspace").write("4").press("enter").shows("Give 1 to 3")
	s.press("backspace").write("2").press("tab").write("retention.ms=60000 cleanup").press("enter").shows("Write name=value")
	s.press("ctrl+w").write("cleanup.policy=compact").press("enter")
	if want := []string{"create returns 12 2 map[cleanup.policy:compact retention.ms:60000]"}; !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
	s.shows("Topic returns is there").hides("NEW TOPIC")
}

func TestAFailureStaysInTheForm(t *testing.T) {
	f := healthy()
	f.err = errors.New("cannot create topic x: INVALID_REPLICATION_FACTOR")
	s := newStage(t, english(f)).press("n").write("x").press("enter")
	s.shows("NEW TOPIC", "Cannot create topic x: INVALID_REPLICATION_FACTOR")
}

func TestProduce(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "w").write(`{"id":1}`).press("up").write("k1").press("tab", "tab").write("b=2 a=1")
	s.press("tab").write("9").press("enter").shows("Give a number from 0 to 5.")
	s.press("backspace", "tab", "right", "tab", "right", "right", "enter")
	want := `produce orders "k1" "{\"id\":1}" [{b [50]} {a [49]}] acks=1 codec=snappy`
	if !slices.Equal(f.did, []string{want}) {
		t.Errorf("did %q, want %q", f.did, want)
	}
	s.shows("Written to orders/2 at offset 8,113 in 2.1 ms.")
}

func TestDelete(t *testing.T) {
	for _, launched := range []bool{true, false} {
		t.Run(fmt.Sprint("launched ", launched), func(t *testing.T) {
			f := healthy()
			f.snap.Launched = launched
			s := newStage(t, english(f)).press("2", "D")
			s.shows("Delete topic orders?", "61,026 records in 6 partitions")
			if launched {
				s.press("n")
				s.press("D", "y")
			} else {
				s.write("y").press("enter").shows("type orders to go on")
				s.press("backspace").write("orders").press("enter")
			}
			if !slices.Equal(f.did, []string{"delete orders"}) {
				t.Errorf("did %v", f.did)
			}
			s.shows("Topic orders is deleted.")
		})
	}
}

func TestInternalTopicsAreLeftAlone(t *testing.T) {
	f := healthy()
	newStage(t, english(f)).press("2", "i", "home", "D").shows("__transaction_state is Kafka's own")
	if len(f.did) > 0 {
		t.Errorf("did %v", f.did)
	}
}

func TestAddPartitionsAndElection(t *testing.T) {
	f := healthy()
	newStage(t, english(f)).press("2", "+").shows("keys move").press("backspace").write("8").press("enter").press("e")
	if want := []string{"partitions orders 8", "elect orders []"}; !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
}

func TestTailFollowsPausesAndFilters(t *testing.T) {
	f := healthy()
	f.tail = recordsOf()
	s := newStage(t, english(f)).press("2", "t")
	s.shows("44 read", "gnp.exe")
	f.tail.add(cluster.Record{Topic: "orders", Key: []byte("new"), Value: []byte("arrived"), Time: noon})
	s.tick()
	s.shows("arrived", "45 read").press("space")
	f.tail.add(cluster.Record{Topic: "orders", Key: []byte("new"), Value: []byte("hidden"), Time: noon})
	s.tick()
	s.shows("paused, 1 waiting").hides("hidden").press("space").shows("hidden")

	s.press("/").write("PAID").shows("order-17").hides("order-18", "arrived")
	s.press("enter", "enter").shows(`"total": 40.5`).press("esc", "/", "esc").shows("order-18")
	f.tail.add(cluster.Record{Topic: "orders", Value: []byte("x"), Headers: []cluster.Header{{Key: "trace", Value: []byte("needle")}}, Time: noon})
	s.press("/").write("needle").shows("∅")
	if s.press("enter", "esc"); !f.tail.closed {
		t.Error("the tail runs on after its screen is left")
	}
}

func TestTailSaysWhyItIsEmpty(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "t").shows("No records yet")
	f.tail.err = errors.New("NOT_LEADER_OR_FOLLOWER")
	s.shows("Nothing comes: NOT_LEADER_OR_FOLLOWER")
}

func TestWelcomeStartsACluster(t *testing.T) {
	var src Source
	var steps []LaunchStep
	st := staging{w: 80, h: 24, change: func(o *Options) {
		o.Open = func(context.Context) (Source, error) {
			if src == nil {
				return nil, fmt.Errorf("cannot open: %w", ErrNothingRuns)
			}
			return src, nil
		}
		o.Launch = func(_ context.Context, report func(LaunchStep)) error {
			report(LaunchStep{What: "ZooKeeper", Ready: true, Took: 60 * time.Millisecond})
			steps = append(steps, LaunchStep{})
			if len(steps) == 1 {
				return errors.New("cannot start broker 1: port 9093 is in use by process 77 (java): stop it, or choose another port")
			}
			src = healthy()
			return nil
		}
	}}
	s := newStage(t, st).shows("No cluster is running.", "3 brokers on 127.0.0.1:9093-9095")
	s.press("u").shows("! Cannot start broker 1: port 9093 is in use by process 77", "No cluster is running.")
	s.press("u").shows("pseudo", "BROKERS", "The cluster is ready after")
	s.press("j").hides("The cluster is ready after")
}

func TestStartingShowsItsStepsAndTime(t *testing.T) {
	s := newStage(t, staging{w: 80, h: 24})
	w := s.root.top().(*welcome)
	w.launch = &launch{started: noon.Add(-1200 * time.Millisecond)}
	w.launch.report(LaunchStep{What: "ZooKeeper", Ready: true, Took: 61 * time.Millisecond})
	w.launch.report(LaunchStep{What: "broker 1"})
	s.tick()
	s.shows("Starting the cluster", "●   ZooKeeper", "61 ms", "◌   broker 1", "1.2 s").press("u").shows("It is being started.")
}

func TestOperationsShowProgressAfterAWhile(t *testing.T) {
	s := newStage(t, english(healthy()))
	s.root.running[7] = running{label: words.Open(cluster.English).Format(words.KillingBroker, 3), started: noon.Add(-100 * time.Millisecond)}
	s.hides("killing broker 3")
	s.root.now = noon.Add(400 * time.Millisecond)
	s.shows("killing broker 3 (SIGKILL)  0.5 s")
}

func TestNothingNewIsNoFrame(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f))
	s.tick()
	first := s.root.View().Content
	s.root.pump(noon.Add(100 * time.Millisecond))
	if !s.root.fresh {
		t.Error("a tick without news asks for a new frame")
	}
	next := *f.snap
	next.Seq++
	f.snap = &next
	s.root.pump(noon.Add(200 * time.Millisecond))
	if s.root.fresh {
		t.Error("a new snapshot asks for no frame")
	}
	if again := s.root.View().Content; unsafe.StringData(again) != unsafe.StringData(first) {
		t.Error("an equal frame is another string: the renderer would compare it cell by cell")
	}
	f.timeline.Append(fact(0, cluster.KindBrokerUp, 3, "", -1, nil))
	s.root.pump(noon.Add(300 * time.Millisecond))
	if s.root.View().Content == first {
		t.Error("a new fact is not drawn")
	}
}

func TestOldDataSaysItsAge(t *testing.T) {
	f := healthy()
	f.snap.At = noon.Add(-7 * time.Second)
	newStage(t, english(f)).shows("7 s old").hides("live")
}

func TestLanguageSwitches(t *testing.T) {
	s := newStage(t, english(healthy())).shows("overview").press("L").shows("总览", "控制器").hides("overview")
	s.press("2", "/").write("L").shows("过滤 L") // typed, not switched
	s.press("esc", "L").shows("topics")
}

func TestPaletteFindsAndRunsActions(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press(":").write("kil").press("enter")
	if !slices.Equal(f.did, []string{"kill 1"}) {
		t.Errorf("did %v", f.did)
	}
	s.press(":").write("zook").press("enter").shows("grows with")
	s.press(":").write("nonsense").shows("No action has that name.").press("enter", "esc")
	f.snap.Launched = false
	s.press("1", ":").write("kill").shows("klab did not start this cluster")
}

func TestLesson(t *testing.T) {
	f, player := healthy(), &fakePlayer{view: LessonView{Title: "A leader dies", Step: 2, Steps: 7, Narration: "Who may take over?",
		Ask: &Question{Choices: []string{"any", "one in the ISR"}, Answered: -1, Right: -1}}}
	st := english(f)
	st.lessons = fakeLessons{player}
	s := newStage(t, st).press("6", "down", "down", "enter").shows("needs Linux").press("up", "enter")
	s.shows("Who may take over?").hides("space next").press("space").shows("Answer first")
	s.press("3").press("2")
	player.view.Ask.Answered, player.view.Ask.Right = 1, 1
	s.tick()
	s.shows("✓ your answer").hides("space next").press("space").shows("Not yet: what this step waits for")
	player.view.Over = true
	s.tick()
	s.shows("space next").press("space", "b", "a", "s").shows("The lesson does that now")
	player.view.Task = &Task{Keys: []string{"s"}, Text: "Press s to start broker 3."}
	s.tick()
	s.press("s", "esc")
	want := []string{"answer 1", "next", "previous", "auto", "do s", "leave"}
	if !slices.Equal(player.did, want) {
		t.Errorf("the player got %v, want %v", player.did, want)
	}
}

func TestTheScreenBeginsWithALesson(t *testing.T) {
	tests := []struct {
		name, id string
		lang     cluster.Lang
		shows    []string
	}{
		{"known", "failover", cluster.English, []string{"Who may take over?", "step 2/7"}},
		{"in Chinese", "failover", cluster.Chinese, []string{"Who may take over?", "第 2/7 步"}},
		{"out of reach", "cache", cluster.English, []string{"! needs Linux", "The page cache"}},
		{"unknown", "none", cluster.English, []string{"! Cannot start lesson none", "The page cache"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			player := &fakePlayer{view: LessonView{Step: 2, Steps: 7, Narration: "Who may take over?"}}
			st := english(healthy())
			st.lang, st.lessons = tt.lang, fakeLessons{player}
			st.change = func(o *Options) { o.Lesson = tt.id }
			newStage(t, st).shows(tt.shows...)
		})
	}
}

func TestTheEndOfALessonThatWasAskedForLeadsToTheCatalogue(t *testing.T) {
	player := &fakePlayer{view: LessonView{Step: 7, Steps: 7, Narration: "Nothing lost.", Over: true, Finished: true}}
	st := english(healthy())
	st.lessons = fakeLessons{player}
	st.change = func(o *Options) { o.Lesson = "failover" }
	newStage(t, st).shows("Nothing lost.", "The lesson").press("space").shows("The page cache").hides("Nothing lost.")
	if !slices.Equal(player.did, []string{"next", "leave"}) {
		t.Errorf("the player got %v: a lesson passes by going on after its last step", player.did)
	}
}

func TestALessonWaitsForACluster(t *testing.T) {
	player := &fakePlayer{view: LessonView{Step: 1, Steps: 7, Narration: "Who may take over?"}}
	st := staging{w: 80, h: 24, lessons: fakeLessons{player}, change: func(o *Options) { o.Lesson = "failover" }}
	newStage(t, st).shows("No cluster is running.").hides("Who may take over?")
}

func TestFreePlayKeepsTheCluster(t *testing.T) {
	player := &fakePlayer{view: LessonView{Step: 1, Steps: 2}}
	st := english(healthy())
	st.lessons = fakeLessons{player}
	newStage(t, st).press("6", "enter", "f").shows("BROKERS", "The cluster is yours now")
	if !slices.Equal(player.did, []string{"free"}) {
		t.Errorf("the player got %v", player.did)
	}
}

func TestStopTheCluster(t *testing.T) {
	stopped := false
	st := english(healthy())
	st.change = func(o *Options) { o.Stop = func(context.Context) error { stopped = true; return nil } }
	newStage(t, st).press(":").write("stop the").press("enter").shows("Stop the cluster pseudo?").press("y").
		shows("pseudo is stopped. Its data is kept.", "No cluster is running.")
	if !stopped {
		t.Error("not stopped")
	}
}

func TestSmallTerminalSaysTheNeededSize(t *testing.T) {
	st := english(healthy())
	st.w, st.h = 59, 20
	newStage(t, st).shows("klab needs a terminal of at least 60 x 16 cells; this one\nhas 59 x 20.").hides("BROKERS")
}

// hostile gives every foreign text of a source an escape sequence and more.
func hostile() *fakeSource {
	const bad = "x\x1b]52;c;cm0=\x07\x1b[2J\u009b31m\u202e\r\n\xff"
	f := leaderKilled()
	f.tail = recordsOf()
	f.snap.Name, f.snap.ClusterID = bad, bad
	f.snap.Health.Words = bad
	for i := range f.snap.Brokers {
		f.snap.Brokers[i].Host = bad
	}
	for i := range f.snap.Topics {
		f.snap.Topics[i].Name = bad + fmt.Sprint(i)
		f.snap.Topics[i].Internal = false
	}
	f.timeline.Append(cluster.Fact{Time: noon, Source: bad, Kind: bad, Topic: bad, Partition: 0, By: bad, Fields: map[string]any{bad: bad}})
	f.executed = []cluster.Executed{{Time: noon, Command: cluster.Command{Klab: bad, Kafka: bad}, Err: errors.New(bad)}}
	f.snap.Groups, f.snap.GroupsAt = []cluster.Group{{Name: bad, State: bad, Protocol: bad}}, noon
	for i := range f.snap.Groups {
		f.snap.Groups[i].Members = []cluster.GroupMember{{ID: bad, InstanceID: bad, ClientID: bad, Host: bad, Assigned: []cluster.TopicPartitions{{Topic: bad, Partitions: []int32{0}}}}}
		f.snap.Groups[i].Partitions = []cluster.GroupPartition{{Topic: bad, Metadata: bad}}
	}
	f.err = errors.New(bad)
	return f
}

var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

func TestNothingForeignReachesTheTerminal(t *testing.T) {
	for _, sc := range scenes() {
		if sc.stage == nil {
			continue
		}
		st := sc.stage(staging{w: 120, h: 40, lessons: fakeLessons{&fakePlayer{}}})
		if st.src != nil {
			st.src = hostile()
		}
		s := newStage(t, st)
		sc.drive(s)
		for _, r := range sgr.ReplaceAllString(s.root.View().Content, "") {
			if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf) || r == unicode.ReplacementChar) {
				t.Errorf("%s: %U reaches the terminal", sc.name, r)
				break
			}
		}
	}
}

func TestASCIIModeIsASCII(t *testing.T) {
	foreign := []string{"tail", "tail_paused", "record", "groups", "groups_old", "group_empty", "group_reset", "group_reset_plan", "produce", "lesson_wait", "lesson_ended"} // show Chinese of others
	for _, sc := range scenes() {
		if slices.Contains(foreign, sc.name) {
			continue
		}
		s := newStage(t, sc.stage(staging{w: 120, h: 40, ascii: true, lessons: fakeLessons{}}))
		sc.drive(s)
		for _, r := range s.frame() {
			if r > 0x7e && !(r >= 0x2400 && r < 0x2425) {
				t.Errorf("%s: %q is drawn in ASCII mode", sc.name, r)
			}
		}
	}
}

func TestEverySceneFitsEverySize(t *testing.T) {
	all := scenes()
	rapid.Check(t, func(rt *rapid.T) {
		sc := all[rapid.IntRange(0, len(all)-1).Draw(rt, "scene")]
		st := staging{w: rapid.IntRange(1, 300).Draw(rt, "width"), h: rapid.IntRange(1, 100).Draw(rt, "height"), lessons: fakeLessons{&fakePlayer{view: waiting}}}
		if rapid.Bool().Draw(rt, "chinese") {
			st.lang = cluster.Chinese
		}
		s := newStage(t, sc.stage(st))
		sc.drive(s)
		s.frame()
		if t.Failed() {
			rt.Fatalf("%s at %dx%d", sc.name, st.w, st.h)
		}
	})
}

// TestAnyKeysAnywhere presses keys at random: nothing may panic, and no row may get too wide.
func TestAnyKeysAnywhere(t *testing.T) {
	keys := []string{"up", "down", "left", "right", "enter", "esc", "tab", "shift+tab", "home", "end", "pgup", "pgdown", "space", "backspace",
		"1", "2", "3", "4", "5", "6", "/", "?", ":", "$", "L", "x", "s", "p", "r", "n", "w", "t", "e", "+", "D", "y", "v", "i", "c", "b", "a", "f", "R"}
	rapid.Check(t, func(rt *rapid.T) {
		f := leaderKilled()
		f.tail = recordsOf()
		st := staging{w: 80, h: 24, src: f, lessons: fakeLessons{&fakePlayer{view: asking}}}
		s := newStage(t, st)
		for _, key := range rapid.SliceOfN(rapid.SampledFrom(keys), 1, 40).Draw(rt, "keys") {
			s.press(key)
			s.tick()
		}
		s.frame()
	})
}

func TestAFaultIsTheOnlyLoudThing(t *testing.T) {
	loud := regexp.MustCompile("\x1b\\[0;(1;31|33)m") // bad or warn
	s := newStage(t, english(healthy()))
	if found := loud.FindString(s.root.View().Content); found != "" {
		t.Errorf("a healthy overview is drawn with %q", found)
	}
	s = newStage(t, english(leaderKilled()))
	if !strings.Contains(s.root.View().Content, "\x1b[0;1;31mkilled 2 s") {
		t.Error("a killed broker is not drawn as bad")
	}
}

// TestNobodyIsTakenBackByWhatEndsLate: whoever has gone on while an operation ran is told of its end, and stays where they are.
func TestNobodyIsTakenBackByWhatEndsLate(t *testing.T) {
	f := healthy()
	s := newStage(t, english(f)).press("2", "n").write("late")
	_, creating := s.root.Update(tea.KeyPressMsg(keyOf("enter")))
	s.press("esc", "enter") // from the form into the first topic
	at := s.root.top()
	s.run(creating)
	if s.root.top() != at || len(s.root.stack) != 2 {
		t.Errorf("%d screens, the top one is %T", len(s.root.stack), s.root.top())
	}
	s.shows("Topic late is there")

	_, tailing := s.root.Update(tea.KeyPressMsg(keyOf("t")))
	s.press("esc", "3")
	s.run(tailing)
	if _, ok := s.root.top().(*groups); !ok {
		t.Errorf("the top screen is %T", s.root.top())
	}
	if !f.tail.closed {
		t.Error("a tail that nobody sees goes on")
	}
}

func TestPairsThatArePutTogether(t *testing.T) {
	for typed, want := range map[string]string{
		"": "", "a=1 b=2": "a=1;b=2", "a=1,b=2": "a=1;b=2", "a=1, b=2": "a=1;b=2", "cleanup.policy=compact,delete": "cleanup.policy=compact,delete",
		"a=x,y,b=z k=": "a=x,y;b=z;k=", "a=b=c": "a=b=c", "a": "?", "=1": "?", "a=1 b": "?",
	} {
		read, ok := pairs(typed)
		var got []string
		for _, p := range read {
			got = append(got, p.name+"="+p.value)
		}
		if text := strings.Join(got, ";"); ok == (want == "?") || ok && text != want {
			t.Errorf("%q: %q, %v; want %q", typed, text, ok, want)
		}
	}
}

// TestWhatIsLookedAtStaysWhileOlderRecordsLeave scrolls back in a tail whose ring is full.
func TestWhatIsLookedAtStaysWhileOlderRecordsLeave(t *testing.T) {
	f := healthy()
	f.tail = recordsOf()
	s := newStage(t, english(f)).press("2", "t", "up", "up", "up")
	chosen := func() int64 {
		at := s.root.top().(*tail)
		return at.window(at.rows.Cursor, 1)[0].Offset
	}
	before := chosen()
	f.tail.gone = 20
	s.tick()
	if got := chosen(); got != before {
		t.Errorf("offset %d is chosen, was %d", got, before)
	}
	s.press("enter")
	f.tail.gone = 30
	s.tick()
	s.press("right").shows("offset 10,420")
	f.tail.gone = int64(len(f.tail.records)) - 1
	s.tick()
	s.press("right", "right", "esc")
	if got := chosen(); got != 10_422 {
		t.Errorf("of the one record left offset %d is chosen", got)
	}
}
