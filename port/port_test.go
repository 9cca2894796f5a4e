package port

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	inUse, ok := errors.AsType[*InUseError](Check("127.0.0.1", port))
	if !ok || inUse.Port != port {
		t.Fatalf("got %v", inUse)
	}
	if runtime.GOOS == "linux" && !strings.HasSuffix(inUse.Owner, fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("owner %q, want this process, %d", inUse.Owner, os.Getpid())
	}
	_, again := net.Listen("tcp", listener.Addr().String())
	if explained := Explain(fmt.Errorf("cannot listen for clients: %w", again)); !strings.Contains(explained.Error(), "is in use by") {
		t.Errorf("explained as %v", explained)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Check("127.0.0.1", port); err != nil {
		t.Errorf("free again: %v", err)
	}
	if other := errors.New("other"); Explain(other) != other {
		t.Error("explained an error that has nothing to do with ports")
	}
}
