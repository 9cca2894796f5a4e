package session

import (
	"fmt"
	"net"
	"strings"
)

// DefaultPort is ZooKeeper's, for servers named without one.
const DefaultPort = "2181"

// ParseConnect splits zookeeper.connect, host:port,host:port[/chroot], into the
// servers and the chroot that holds for all of them ("" for none).
func ParseConnect(connect string) (servers []string, chroot string, err error) {
	hosts := connect
	if i := strings.IndexByte(connect, '/'); i >= 0 {
		hosts, chroot = connect[:i], strings.TrimRight(connect[i:], "/")
	}
	for host := range strings.SplitSeq(hosts, ",") {
		host = strings.TrimSpace(host)
		if host == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), DefaultPort)
		}
		servers = append(servers, host)
	}
	if len(servers) == 0 {
		return nil, "", fmt.Errorf("cannot parse zookeeper.connect %q: it names no server; want host:port[,host:port][/chroot]", connect)
	}
	if strings.Contains(chroot, "//") {
		return nil, "", fmt.Errorf("cannot parse zookeeper.connect %q: the chroot %s has an empty part", connect, chroot)
	}
	return servers, chroot, nil
}

// absolute returns the path in ZooKeeper's tree of a path below the chroot.
func absolute(chroot, path string) string {
	if chroot == "" || path == "" {
		return path
	}
	if path == "/" {
		return chroot
	}
	return chroot + path
}

// relative undoes absolute. Paths that are not below the chroot stay as they are.
func relative(chroot, path string) string {
	if chroot == "" {
		return path
	}
	rest, ok := strings.CutPrefix(path, chroot)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return path
	case rest == "":
		return "/"
	}
	return rest
}
