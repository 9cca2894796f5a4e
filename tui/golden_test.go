package tui

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"klab/cluster"
)

var updateGoldens = flag.Bool("update", false, "write the goldens under testdata anew; read every one before keeping it")

// scene is one screen in one state.
type scene struct {
	name  string
	stage func(staging) staging // nil: a cluster whose leader was killed
	drive func(*stage)
}

func with(f func() *fakeSource) func(staging) staging {
	return func(s staging) staging {
		s.src = f()
		return s
	}
}

func scenes() []scene {
	killed := with(leaderKilled)
	tailing := func(s staging) staging {
		f := leaderKilled()
		f.tail = recordsOf()
		f.tail.perSec = 1204
		s.src = f
		return s
	}
	return []scene{
		{"welcome", func(s staging) staging { return s }, func(*stage) {}},
		{"overview_healthy", with(healthy), func(*stage) {}},
		{"overview_killed", killed, func(*stage) {}},
		{"overview_offline", with(offline), func(s *stage) { s.press("down", "down", "down") }},
		{"broker", killed, func(s *stage) { s.press("down", "down", "enter") }},
		{"topics", killed, func(s *stage) { s.press("2", "i") }},
		{"topics_filter", killed, func(s *stage) { s.press("2", "/").write("pay") }},
		{"partitions", killed, func(s *stage) { s.press("2", "enter") }},
		{"replicas", killed, func(s *stage) { s.press("2", "enter", "enter") }},
		{"replicas_offline", with(offline), func(s *stage) { s.press("2", "enter", "down", "enter") }},
		{"config", killed, func(s *stage) { s.press("2", "enter", "c") }},
		{"tail", tailing, func(s *stage) { s.press("2", "t"); s.tick() }},
		{"tail_paused", tailing, func(s *stage) { s.press("2", "t", "space", "up", "up"); s.tick() }},
		{"record", tailing, func(s *stage) { s.press("2", "t"); s.frame(); s.press("up", "up", "up", "enter") }},
		{"record_raw", tailing, func(s *stage) { s.press("2", "t"); s.frame(); s.press("up", "enter", "v") }},
		{"timeline", killed, func(s *stage) { s.press("5"); s.frame() }},
		{"zookeeper", killed, func(s *stage) { s.press("4"); s.frame(); s.press("down", "down", "right", "down", "right", "down") }},
		{"groups", with(grouped), func(s *stage) { s.press("3", "o") }},
		{"groups_unknown", func(s staging) staging {
			f := healthy()
			f.snap.GroupsErr = errNoCoordinator
			s.src = f
			return s
		}, func(s *stage) { s.press("3") }},
		{"groups_old", with(func() *fakeSource {
			f := grouped().unread()
			f.snap.GroupsErr, f.snap.GroupsAt = errNoCoordinator, noon.Add(-41*time.Second)
			return f
		}), func(s *stage) { s.press("3") }},
		{"topics_old", with(func() *fakeSource { return healthy().unread() }), func(s *stage) { s.press("2") }},
		{"partitions_old", with(func() *fakeSource { return busy().unread() }), func(s *stage) { s.press("2", "enter") }},
		{"replicas_old", with(func() *fakeSource { return busy().unread() }), func(s *stage) { s.press("2", "enter", "enter") }},
		{"group", with(grouped), func(s *stage) { s.press("3", "down", "enter", "down", "down") }},
		{"group_empty", with(grouped), func(s *stage) { s.press("3", "enter") }},
		{"group_reset", with(grouped), func(s *stage) { s.press("3", "r").write("yesterday"); s.press("enter") }},
		{"group_reset_plan", with(grouped), func(s *stage) { s.press("3", "r").write("-100"); s.press("enter") }},
		{"group_remove", with(grouped), func(s *stage) { s.press("3", "down", "enter"); s.frame(); s.press("x") }},
		{"config_broker", with(healthy), func(s *stage) { s.press("enter", "c") }},
		{"config_edit", with(healthy), func(s *stage) { s.press("2", "enter", "c", "enter") }},
		{"config_confirm", with(healthy), func(s *stage) { s.press("2", "enter", "c", "enter", "backspace").write("1"); s.press("enter") }},
		{"transactions", with(grouped), func(s *stage) { s.press("T", "enter") }},
		{"transactions_hanging", with(grouped), func(s *stage) { s.press("T", "h") }},
		{"reassign", with(healthy), func(s *stage) { s.press("2", "m").write("3,1"); s.press("left"); s.frame() }},
		{"reassign_plan", with(healthy), func(s *stage) { s.press("2", "m").write("3,1"); s.press("enter") }},
		{"moving", with(movingOrders), func(s *stage) { s.press("2", "enter") }},
		{"moving_overview", with(movingOrders), func(*stage) {}},
		{"lessons", killed, func(s *stage) { s.press("6", "down") }},
		{"lesson_ask", lessonStage(asking), func(s *stage) { s.press("6", "enter"); s.tick() }},
		{"lesson_open", lessonStage(unanswered), func(s *stage) { s.press("6", "enter", "space"); s.tick() }},
		{"lesson_wait", lessonStage(waiting), func(s *stage) { s.press("6", "enter"); s.tick() }},
		{"lesson_ended", lessonStage(ended), func(s *stage) { s.press("6", "enter"); s.tick() }},
		{"lesson_failed", lessonStage(timedOut), func(s *stage) { s.press("6", "enter"); s.tick() }},
		{"new_topic", killed, func(s *stage) { s.press("n").write("orders"); s.press("enter") }},
		{"produce", killed, func(s *stage) {
			s.press("2", "w").write("已付款")
			s.press("tab").write("source=web")
			s.press("enter")
		}},
		{"delete", killed, func(s *stage) { s.press("2", "D") }},
		{"delete_typed", with(func() *fakeSource { return remote(longName) }), func(s *stage) { s.press("2", "down", "D").write("prod.eu") }},
		{"connect", func(s staging) staging { return s }, func(s *stage) { s.press("c").write("localhost:9092"); s.press("enter") }},
		{"help", killed, func(s *stage) { s.press("?") }},
		{"palette", killed, func(s *stage) { s.press(":") }},
		{"command_log", func(s staging) staging {
			f := healthy()
			f.executed = []cluster.Executed{
				{Time: noon.Add(-time.Minute), Took: 31 * time.Millisecond, Command: cluster.Command{
					Klab:  "klab topic create orders --partitions 6 --replication-factor 3",
					Kafka: "kafka-topics.sh --bootstrap-server 127.0.0.1:9093,127.0.0.1:9094,127.0.0.1:9095 --create --topic orders --partitions 6 --replication-factor 3"}},
				{Time: noon.Add(-time.Second), Took: 2 * time.Millisecond, Command: cluster.Command{Klab: "klab broker kill 3", Kafka: "kill -KILL 4003"}, Err: errNoCoordinator},
			}
			s.src = f
			return s
		}, func(s *stage) { s.press("$") }},
		{"error", func(s staging) staging {
			f := leaderKilled()
			f.err = errNoCoordinator
			s.src = f
			return s
		}, func(s *stage) { s.press("x") }},
	}
}

func lessonStage(view LessonView) func(staging) staging {
	return func(s staging) staging {
		s.src, s.lessons = leaderKilled(), fakeLessons{&fakePlayer{view: view}}
		return s
	}
}

var (
	asking = LessonView{
		Title: "A leader dies", Step: 2, Steps: 7, Left: 3 * time.Minute, Over: true,
		Narration: "Broker 3 leads orders/0. If it dies, who may take over?",
		Ask:       &Question{Choices: []string{"Any broker with a copy", "Only one in the ISR"}, Answered: 0, Right: 1},
		Pins:      []Pin{{Name: "leader(orders/0)", Value: "3", Known: true}, {Name: "lost", Known: false}},
	}
	unanswered = LessonView{
		Title: "A leader dies", Step: 2, Steps: 7, Left: 3 * time.Minute, Narration: "Broker 3 leads orders/0. If it dies, who may take over?",
		Ask:  &Question{Choices: []string{"Any broker with a copy", "Only one in the ISR"}, Answered: -1, Right: -1},
		Pins: []Pin{{Name: "leader(orders/0)", Value: "3", Known: true}},
	}
	waiting = LessonView{
		Title: "领导者宕机", Step: 3, Steps: 7, Left: 2 * time.Minute, Auto: true,
		Narration: "对 broker 3 发 SIGKILL。它是 orders/0 的领导者。没有人得到通知：看看谁最先发现。",
		Pins: []Pin{{Name: "leader(orders/0)", Value: "3", Known: true, Changed: true}, {Name: "ISR", Value: "1 2 3", Known: true},
			{Name: "high watermark", Value: "10,388", Known: true, Age: 4 * time.Second}, {Name: "lost", Value: "0", Known: true}},
		Wait: &Wait{Text: "leader(orders/0) != 3", Elapsed: 1400 * time.Millisecond, Limit: 15 * time.Second},
		Hint: "Broker 3 is still down.", Task: &Task{Keys: []string{"s"}, Text: "Press s to start broker 3."},
	}
	ended = LessonView{
		Title: "领导者宕机", Step: 7, Steps: 7, Over: true, Finished: true,
		Narration: "停止: 31 毫秒。杀死: 2127 毫秒。没有丢失, 没有重复, 顺序不变。决定它的配置: zookeeper.session.timeout.ms。",
		Pins:      []Pin{{Name: "leader(orders/0)", Value: "1", Known: true}, {Name: "lost(writer, reader)", Value: "0", Known: true}},
		Notes:     []string{"stop_ms 31", "kill_ms 2127"},
	}
	timedOut = LessonView{
		Title: "A leader dies", Step: 3, Steps: 7, Narration: "SIGKILL to broker 3.", Outcome: TimedOut, Notes: []string{"outage 2,127 ms"},
		Failure: "orders/0 had no leader for 15.0 s, since 12:02:59.204: leader(orders/0) != 3 stayed false, last value 3 (0.1 s ago).",
	}
)

func TestGoldens(t *testing.T) {
	sizes := []struct{ w, h int }{{80, 24}, {120, 40}, {200, 60}}
	for _, sc := range scenes() {
		for _, lang := range []cluster.Lang{cluster.English, cluster.Chinese} {
			for _, size := range sizes {
				st := staging{w: size.w, h: size.h, lang: lang, lessons: fakeLessons{}}
				name := sc.name + "_" + string(lang) + "_" + itoa(size.w) + "x" + itoa(size.h)
				t.Run(name, func(t *testing.T) { golden(t, name, sc, st) })
			}
		}
		t.Run(sc.name+"_ascii", func(t *testing.T) {
			golden(t, sc.name+"_ascii_80x24", sc, staging{w: 80, h: 24, ascii: true, lang: cluster.English, lessons: fakeLessons{}})
		})
	}
}

func golden(t *testing.T, name string, sc scene, st staging) {
	t.Helper()
	s := newStage(t, sc.stage(st))
	sc.drive(s)
	compare(t, name, s.frame())
}

// compare compares a screen with its golden, or writes that.
func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *updateGoldens {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs:\n%s", file, difference(string(want), got))
	}
}

func difference(want, got string) string {
	var out strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			out.WriteString("- " + a + "\n+ " + b + "\n")
		}
	}
	return out.String()
}
