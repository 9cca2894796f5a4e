package supervisor

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"klab/launcher/lifecycle"
)

// A supervisor that is killed takes all its children with it, also one that is suspended; the next one finds no obstacle.
func TestNoChildOutlivesAKilledSupervisor(t *testing.T) {
	home := t.TempDir()
	plan := testPlan(t, home)
	cmd, status := runSupervisor(t, home, plan)
	client, err := Dial(t.Context(), home)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Do(t.Context(), Action{Verb: lifecycle.Pause, Target: "broker", ID: 2}); err != nil {
		t.Fatal(err)
	}
	pids := []int{status.ZooKeeper.PID}
	for _, b := range status.Brokers {
		pids = append(pids, b.PID)
	}
	ends := make([]func() bool, len(pids))
	for i, pid := range pids {
		ends[i] = watchEnd(t, pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for i, ended := range ends {
		if !ended() {
			t.Errorf("process %d outlives its supervisor", pids[i])
			_ = syscall.Kill(pids[i], syscall.SIGKILL)
		}
	}
	if _, err := Dial(t.Context(), home); err != ErrNotRunning {
		t.Errorf("got %v, want ErrNotRunning", err)
	}
	again, _ := runSupervisor(t, home, plan)
	if client, err = Dial(t.Context(), home); err != nil {
		t.Fatal(err)
	}
	if err := client.Down(t.Context(), false); err != nil {
		t.Error(err)
	}
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}

func runSupervisor(t *testing.T, home string, plan any) (*exec.Cmd, Status) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Plan": plan, "Home": home})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], asSupervisor, file)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var first answer
	if err := json.Unmarshal(line, &first); err != nil || first.Status.State != PhaseRunning {
		t.Fatalf("first word %s, %v", line, err)
	}
	return cmd, *first.Status
}

// watchEnd returns a function that waits for the end of a process that may be anybody's child.
func watchEnd(t *testing.T, pid int) func() bool {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() bool {
		defer unix.Close(fd)
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			if n == 1 && err == nil {
				return true
			}
		}
		return false
	}
}
