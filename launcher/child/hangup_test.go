package child

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
)

// A terminal that is closed asks as Ctrl-C does, but often twice: the shell says it, and then the kernel.
func TestAClosedTerminalEndsAForegroundCommandInGoodOrder(t *testing.T) {
	if runtime.GOOS == "windows" || signal.Ignored(syscall.SIGHUP) {
		t.Skip("nothing sends SIGHUP here")
	}
	ended := false
	err := foreground(t.Context(), func(ctx context.Context, _ work) error {
		for range 2 {
			hangUp(t)
			<-ctx.Done()
		}
		heard := make(chan os.Signal, 1) // the second one has been delivered when a third is
		signal.Notify(heard, syscall.SIGHUP)
		hangUp(t)
		<-heard
		ended = true
		return nil
	}, "file", nil)
	if err != nil || !ended {
		t.Errorf("ended %v, %v", ended, err)
	}
}

func hangUp(t *testing.T) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGHUP)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoeverIgnoresItsTerminalOutlivesIt(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests do so themselves")
	}
	signal.Ignore(syscall.SIGHUP) // as nohup does
	defer signal.Reset(syscall.SIGHUP)
	ctx, stop := UntilHangup(t.Context())
	defer stop()
	if !signal.Ignored(syscall.SIGHUP) || ctx.Err() != nil {
		t.Errorf("SIGHUP is heard again; %v", ctx.Err())
	}
}
