//go:build interop

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// terminal is a tmux pane with a shell in it, in which klab is typed.
type terminal struct {
	t    testing.TB
	lab  *lab
	name string
	pid  string // file that the started klab's process id is in
}

// openTerminal starts a shell of w x h cells. What is typed as klab there is the binary under test, on the lab's home.
func (l *lab) openTerminal(w, h int) *terminal {
	l.t.Helper()
	dir := l.t.TempDir()
	term := &terminal{t: l.t, lab: l, name: fmt.Sprintf("%dx%d", w, h), pid: filepath.Join(dir, "pid")}
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s\nexec %s \"$@\"\n", term.pid, klabBinary(l.t))
	if err := os.WriteFile(filepath.Join(dir, "klab"), []byte(script), 0o755); err != nil {
		l.t.Fatal(err)
	}
	term.tmux("-f", "/dev/null", "new-session", "-d", "-s", term.name, "-x", strconv.Itoa(w), "-y", strconv.Itoa(h),
		"env", "KLAB_HOME="+l.home, "PATH="+dir+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8", "PS1=shell> ", "sh")
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("the screen at the end:\n%s", term.frame())
		}
		term.tmux("kill-session", "-t", term.name)
	})
	term.waitFor(5*time.Second, "shell>")
	return term
}

// tmux runs tmux on a server of this test process's own.
func (s *terminal) tmux(args ...string) string {
	s.t.Helper()
	return tool(s.t, "", "tmux", append([]string{"-u", "-L", fmt.Sprintf("klab-e2e-%d", os.Getpid())}, args...)...)
}

// frame is what the terminal shows now.
func (s *terminal) frame() string {
	s.t.Helper()
	return s.tmux("capture-pane", "-p", "-t", s.name)
}

// press presses keys, as tmux names them.
func (s *terminal) press(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys", "-t", s.name}, keys...)...)
}

// write types a text as it stands.
func (s *terminal) write(text string) {
	s.t.Helper()
	s.tmux("send-keys", "-t", s.name, "-l", text)
}

// command types a line into the shell.
func (s *terminal) command(line string) {
	s.t.Helper()
	s.write(line)
	s.press("Enter")
}

// waitUntil waits for a frame that holds, and returns it.
func (s *terminal) waitUntil(within time.Duration, what string, holds func(frame string) bool) string {
	s.t.Helper()
	var frame string
	eventually(s.t, within, what, func() bool {
		frame = s.frame()
		return holds(frame)
	})
	return frame
}

// waitFor waits for a frame with all of the texts, and returns it.
func (s *terminal) waitFor(within time.Duration, texts ...string) string {
	s.t.Helper()
	return s.waitUntil(within, fmt.Sprintf("the screen shows %q", texts), func(frame string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(frame, text) })
	})
}

// asked is a property of the pane, as tmux's formats name it.
func (s *terminal) asked(format string) string {
	s.t.Helper()
	return strings.TrimSpace(s.tmux("display-message", "-p", "-t", s.name, format))
}

// cpu is the processor time that the klab in the terminal has used since its start; the kernel counts it in 10 ms.
func (s *terminal) cpu() time.Duration {
	s.t.Helper()
	pid, err := os.ReadFile(s.pid)
	if err != nil {
		s.t.Fatal(err)
	}
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, errUser := strconv.Atoi(fields[11])
	system, errSystem := strconv.Atoi(fields[12])
	if errUser != nil || errSystem != nil {
		s.t.Fatalf("cannot read the processor time in %q", stat)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// settles is how long after the last event the screen still looks at the cluster ten times a second, and a little more.
const settles = 5 * time.Second

// idleShare is the part of a core that the klab in the terminal uses while nobody presses a key and nothing happens.
func (s *terminal) idleShare(d time.Duration) float64 {
	s.t.Helper()
	<-time.After(settles)
	before := s.cpu()
	<-time.After(d)
	return float64(s.cpu()-before) / float64(d)
}

var screenSizes = []struct {
	w, h int
	idle time.Duration // how long it is watched idle; from 30 s on the share of a core is asserted
}{{80, 24, 10 * time.Second}, {120, 40, 30 * time.Second}, {200, 60, 10 * time.Second}}

// TestScreen goes through a working day on the screen, in a real terminal of three sizes: a cluster is started, a topic
// made, records seen as they are written, the leader killed and started again; then the person leaves and comes back.
func TestScreen(t *testing.T) {
	for _, size := range screenSizes {
		t.Run(fmt.Sprintf("%dx%d", size.w, size.h), func(t *testing.T) {
			l := newLab(t)
			term := l.openTerminal(size.w, size.h)
			modes := term.shellModes("before")
			began := time.Now()
			term.command("klab")
			term.waitFor(5*time.Second, "No cluster is running.")
			t.Logf("first paint %v after Enter in the shell, captures included", time.Since(began).Round(time.Millisecond))
			term.press("u")
			term.waitFor(20*time.Second, "BROKERS", "127.0.0.1:9093", "127.0.0.1:9094", "127.0.0.1:9095", "The cluster is ready after")

			term.createTopicOnScreen("orders")
			term.watchRecordsArrive("orders")
			term.loseTheLeader("orders")
			share := term.idleShare(size.idle)
			t.Logf("idle, the screen uses %.2f %% of a core over %v", 100*share, size.idle)
			if size.idle >= 30*time.Second && share >= 0.01 {
				t.Errorf("idle, the screen uses %.2f %% of a core, want under 1 %%", 100*share)
			}
			term.quit(modes)
			term.comeBack()
		})
	}
}

// shellModes are the terminal's modes as the shell sees them.
func (s *terminal) shellModes(name string) string {
	s.t.Helper()
	file := filepath.Join(filepath.Dir(s.pid), name)
	s.command("stty -g >" + file + "; echo wrote-" + name + "-modes")
	s.waitFor(20*time.Second, "\nwrote-"+name+"-modes\nshell>")
	modes, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(modes)
}

// createTopicOnScreen makes a topic of three partitions, as the form offers them.
func (s *terminal) createTopicOnScreen(name string) {
	s.t.Helper()
	s.press("n")
	s.waitFor(5*time.Second, "NEW TOPIC", "replication factor")
	s.write(name)
	s.press("Enter")
	s.waitFor(10*time.Second, "Topic "+name+" is there", "3 led · 0 under-replicated · 0 offline")
	s.lab.waitISR(s.lab.admin(), name, 0, 3)
}

// watchRecordsArrive opens the topic's tail and writes records one by one. The time ends with the capture that first shows
// a record, so it holds that capture's cost. The median is held, as a machine that is busy elsewhere delays single records.
func (s *terminal) watchRecordsArrive(topic string) {
	s.t.Helper()
	s.press("2")
	s.waitFor(5*time.Second, "records", topic)
	s.press("t")
	s.waitFor(5*time.Second, "all partitions", "No records yet")
	client := s.lab.client(kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	const records = 20
	var delays []time.Duration
	var slowest time.Duration // of the captures that were the first to show a record
	for i := range records {
		value := fmt.Sprintf("arrived-%02d", i)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := client.ProduceSync(ctx, &kgo.Record{Partition: int32(i % 3), Key: []byte("值"), Value: []byte(value)}).FirstErr()
		cancel()
		if err != nil {
			s.t.Fatalf("cannot produce to %s: %v", topic, err)
		}
		acked := time.Now()
		var delay, capture time.Duration
		for shown := false; !shown && delay < 5*time.Second; {
			began := time.Now()
			shown = strings.Contains(s.frame(), value)
			delay, capture = time.Since(acked), time.Since(began)
		}
		slowest = max(slowest, capture)
		delays = append(delays, delay)
	}
	slices.Sort(delays)
	s.t.Logf("from a record's acknowledgement to a capture that shows it: median %v, min %v, max %v; the captures took up to %v",
		delays[records/2], delays[0], delays[records-1], slowest)
	if delays[records/2] > 100*time.Millisecond+slowest {
		s.t.Errorf("records are shown %v after their acknowledgement, want within 100 ms and the cost of a capture", delays[records/2])
	}
	s.waitFor(time.Second, fmt.Sprintf("%d read · 0 dropped", records), "值")
	s.press("Escape")
	s.waitFor(5*time.Second, "1 overview")
}

var electedLine = regexp.MustCompile(`orders/0 +leader (\d) -> (\d), epoch \d+ .*\+([\d,]+) ms`)

// loseTheLeader kills the leader of partition 0 from the partition's row, reads who took over in the timeline, and starts
// the dead broker again from its own row.
func (s *terminal) loseTheLeader(topic string) {
	s.t.Helper()
	admin := s.lab.admin()
	old, _ := s.lab.partitionState(admin, topic, 0)
	s.press("Enter")
	s.waitFor(5*time.Second, "partitions 3", "high water")
	s.press("x")
	s.waitFor(5*time.Second, fmt.Sprintf("broker %d", old.Leader), "killed (SIGKILL) by you")
	s.press("5")
	frame := s.waitUntil(20*time.Second, "the timeline shows the new leader", electedLine.MatchString)
	found := electedLine.FindStringSubmatch(frame)
	now, _ := s.lab.partitionState(admin, topic, 0)
	if found[1] != fmt.Sprint(old.Leader) || found[2] != fmt.Sprint(now.Leader) || found[1] == found[2] {
		s.t.Errorf("the timeline says leader %s -> %s, metadata %d -> %d", found[1], found[2], old.Leader, now.Leader)
	}
	millis, err := strconv.Atoi(strings.ReplaceAll(found[3], ",", ""))
	if err != nil || millis < 500 || millis > 15_000 {
		s.t.Errorf("the new leader is there %s ms after the kill: the session timeout of 2 s decides that", found[3])
	}
	s.t.Logf("timeline: %s", found[0])

	s.press("1")
	s.waitFor(5*time.Second, "BROKERS", "killed", "! 2 of 3 brokers")
	s.press("Home")
	for range old.Leader - 1 {
		s.press("Down")
	}
	s.press("s")
	s.lab.waitISR(admin, topic, 0, 3)
	s.waitUntil(20*time.Second, "the overview shows every replica in sync", func(frame string) bool {
		return strings.Contains(frame, "3 led · 0 under-replicated · 0 offline") && !strings.Contains(frame, "2 of 3 brokers") &&
			!strings.Contains(strings.Split(frame, "TIMELINE")[0], "killed")
	})
}

// quit leaves the screen: the shell's text is back, and so is the terminal's every mode.
func (s *terminal) quit(modes string) {
	s.t.Helper()
	const state = "alternate #{alternate_on} cursor #{cursor_flag} wrap #{wrap_flag} mouse #{mouse_any_flag} keypad #{keypad_flag}"
	if got := s.asked("#{alternate_on}"); got != "1" {
		s.t.Errorf("the screen is not on the alternate screen: %s", got)
	}
	s.press("q")
	frame := s.waitFor(5*time.Second, "shell> klab")
	if strings.Contains(frame, "BROKERS") || strings.Contains(frame, "overview") {
		s.t.Errorf("the screen is left behind:\n%s", frame)
	}
	s.waitUntil(5*time.Second, "klab has ended", func(string) bool { return s.asked("#{pane_current_command}") != "klab" })
	if got := s.asked(state); got != "alternate 0 cursor 1 wrap 1 mouse 0 keypad 0" {
		s.t.Errorf("after q the terminal is in another state: %s", got)
	}
	if after := s.shellModes("after"); after != modes {
		s.t.Errorf("the terminal's modes before %q, after %q", modes, after)
	}
}

// comeBack holds the cluster to run on without a screen, and a second klab to show it.
func (s *terminal) comeBack() {
	s.t.Helper()
	status := s.lab.status()
	for _, pid := range status.pids() {
		if !alive(pid) {
			s.t.Errorf("process %d of the cluster has ended with the screen", pid)
		}
	}
	s.command("klab")
	s.waitFor(10*time.Second, "BROKERS", "127.0.0.1:9095", "orders", "3 led · 0 under-replicated")
	s.press("C-c")
	s.waitUntil(5*time.Second, "Ctrl-C leaves the screen", func(string) bool { return s.asked("#{alternate_on}") == "0" })
	if again := s.lab.status(); !slices.Equal(again.pids(), status.pids()) {
		s.t.Errorf("the cluster's processes were %v and are %v", status.pids(), again.pids())
	}
}

// failoverSteps is what a learner reads, and presses, in each step of the lesson failover in Chinese.
var failoverSteps = []struct {
	says   string
	answer string // to the step's question
	right  string // the choice that is then marked
	task   string // key of the step's task
}{
	{says: "写入者以 acks=all 每秒向 orders/0 写 50 条"},
	{says: "先有序停止 broker", answer: "1", right: "几乎不用等: 它走之前先移交  ✓"},
	{says: "受控关闭: broker"},
	{says: "作为跟随者补齐缺失"},
	{says: "谁可以接管?", answer: "2", right: "只有 ISR 里的  ✓ 你的回答"},
	{says: "没有人得到通知"},
	{says: "它会马上当领导者吗?", task: "s"},
	{says: "首选副本选举把 orders/0 交还"},
	{says: "没有丢失, 没有重复, 顺序不变"},
}

// TestScreenLesson plays a lesson to its end as a learner does: reads, predicts, does the task, and goes on with Space.
func TestScreenLesson(t *testing.T) {
	l := newLab(t)
	term := l.openTerminal(80, 24)
	began := time.Now()
	term.command("klab demo run failover --lang zh")
	for i, step := range failoverSteps {
		term.waitFor(40*time.Second, fmt.Sprintf("第 %d/%d 步", i+1, len(failoverSteps)), step.says)
		if i == 0 {
			t.Logf("the first step is read %v after Enter in the shell", time.Since(began).Round(time.Millisecond))
		}
		if step.answer != "" {
			term.waitFor(5*time.Second, "按数字键选出你的猜测。")
			term.press(step.answer)
			term.waitFor(5*time.Second, step.right, "你的回答")
		}
		if step.task != "" {
			term.waitFor(10*time.Second, "轮到你了：按 "+step.task+"。")
			term.press(step.task)
		}
		term.waitFor(40*time.Second, "space 下一步") // offered when the step is over
		if i == len(failoverSteps)-1 {
			term.waitFor(5*time.Second, "课程结束。", "stop_ms", "kill_ms")
		}
		term.press("Space")
	}
	t.Logf("the last step is over %v after Enter in the shell", time.Since(began).Round(100*time.Millisecond))
	term.waitUntil(20*time.Second, "the catalogue shows the lesson as passed", regexp.MustCompile(`✓ +领导者宕机 .*已完成`).MatchString)
	term.press("q")
	term.waitFor(10*time.Second, "shell> klab demo run")
	if s := l.status(); s.State != "running" || len(s.Brokers) != 3 {
		t.Errorf("after the lesson the cluster is %q with %d brokers, want it running with 3", s.State, len(s.Brokers))
	}
}
