package port

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// owner finds who listens on a TCP port: the socket's inode in /proc/net, and the process that has it open. Processes of other
// users are not visible without privileges.
func owner(port int) string {
	inode := listeningInode(port)
	if inode == "" {
		return ""
	}
	link := "socket:[" + inode + "]"
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == link {
			return describe(strings.Split(fd, "/")[2])
		}
	}
	return ""
}

func listeningInode(port int) string {
	want := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			// sl local_address rem_address st … inode: state 0A is LISTEN
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], want) {
				return f[9]
			}
		}
	}
	return ""
}

// describe names a process by its program and, for interpreters such as java, nothing more: arguments can be secret.
func describe(pid string) string {
	name, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	if _, numeric := strconv.Atoi(pid); err != nil || numeric != nil {
		return ""
	}
	return fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), pid)
}
