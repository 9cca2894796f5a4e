//go:build !linux

package port

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// owner asks the system's own tool who listens on a TCP port: lsof, or netstat on Windows. Empty when it is not there or
// does not know.
func owner(port int) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if runtime.GOOS == "windows" {
		out, _ := exec.CommandContext(ctx, "netstat", "-ano", "-p", "TCP").Output()
		return fromNetstat(string(out), port)
	}
	out, _ := exec.CommandContext(ctx, "lsof", "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fpc").Output()
	return fromLsof(string(out))
}

// fromLsof reads -F output: a line per field, p for the pid and c for the command.
func fromLsof(out string) string {
	var pid string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "p"); ok {
			pid = rest
		}
		if name, ok := strings.CutPrefix(line, "c"); ok && pid != "" {
			return fmt.Sprintf("%s (pid %s)", name, pid)
		}
	}
	return ""
}

// fromNetstat reads lines of: TCP local-address foreign-address LISTENING pid.
func fromNetstat(out string, port int) string {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) == 5 && f[3] == "LISTENING" && strings.HasSuffix(f[1], ":"+strconv.Itoa(port)) {
			return "the process with pid " + f[4]
		}
	}
	return ""
}
