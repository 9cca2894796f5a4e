package spec

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

const defaultClientPort = 2181

// coordination is the planned ZooKeeper, and how brokers come to name it.
type coordination struct {
	planned  ZooKeeper
	label    string
	ensemble string  // zookeeper.connect for every broker, when the ZooKeeper is elsewhere
	written  Address // where the cluster file alone puts the embedded server
	actual   Address // where it will be, after overrides
}

func planZooKeeper(src Source, file clusterFile, change overrides, home string) (coordination, error) {
	c := coordination{label: src.File}
	if connect, ok := file.ZooKeeper["connect"]; ok {
		if len(file.ZooKeeper) > 1 || len(change.zookeeper) > 0 {
			return c, mistake("%s: zookeeper.connect names a ZooKeeper elsewhere, so nothing else can be set for it here; remove the other zookeeper keys or zookeeper.connect", src.File)
		}
		c.ensemble = connect
		return c, nil
	}
	var err error
	if c.written, err = clientAddress(file.ZooKeeper); err != nil {
		return c, &Error{Err: file.at("clientPort", err)}
	}
	props := file.ZooKeeper
	for _, o := range change.zookeeper {
		props[o.key] = o.value
	}
	if c.actual, err = clientAddress(props); err != nil {
		return c, mistake("--override zookeeper:clientPort: %w", err)
	}
	for _, key := range []string{"dataDir", "dataLogDir"} {
		if dir := props[key]; dir != "" {
			props[key] = absolute(home, dir)
		}
	}
	if props["dataDir"] == "" {
		props["dataDir"] = filepath.Join(home, "zookeeper")
	}
	if err := checkZooKeeper(src, file, props); err != nil {
		return c, err
	}
	c.planned = ZooKeeper{Embedded: true, Host: c.actual.Host, Port: c.actual.Port, Dirs: zooKeeperDirs(props), Props: props}
	return c, nil
}

// zooKeeperDirs is where ZooKeeper keeps its data: the transaction log lies with the snapshots unless it has a directory of its
// own.
func zooKeeperDirs(props map[string]string) []string {
	data, log := props["dataDir"], props["dataLogDir"]
	if log == "" || log == data {
		return []string{data}
	}
	return []string{data, log}
}

func checkZooKeeper(src Source, file clusterFile, props map[string]string) error {
	if src.CheckZooKeeper == nil {
		return nil
	}
	unknown, err := src.CheckZooKeeper(props)
	if err != nil {
		return mistake("%s: zookeeper: %w", src.File, err)
	}
	if len(unknown) > 0 {
		reason := fmt.Errorf("ZooKeeper has no key %s%s", unknown[0], didYouMean(unknown[0], zookeeperKeys))
		return &Error{Err: file.at(unknown[0], reason)}
	}
	return nil
}

// zookeeperKeys are those that people set in a zoo.cfg, to offer for a misspelt one.
var zookeeperKeys = []string{
	"dataDir", "dataLogDir", "clientPort", "clientPortAddress", "tickTime", "minSessionTimeout", "maxSessionTimeout",
	"maxClientCnxns", "globalOutstandingLimit", "snapCount", "snapSizeLimitInKb", "autopurge.snapRetainCount", "forceSync",
	"4lw.commands.whitelist", "jute.maxbuffer", "extendedTypesEnabled", "enforceQuota", "skipACL", "connect",
}

func clientAddress(props map[string]string) (Address, error) {
	text, ok := props["clientPort"]
	if !ok {
		text = strconv.Itoa(defaultClientPort)
		props["clientPort"] = text
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return Address{}, fmt.Errorf("clientPort must be a number from 1 to 65535, not %s", text)
	}
	return Address{Host: props["clientPortAddress"], Port: port}, nil
}

// connect makes a broker's zookeeper.connect follow the ZooKeeper of the cluster file.
func (c coordination) connect(props map[string]string) {
	if c.ensemble != "" {
		props["zookeeper.connect"] = c.ensemble
		return
	}
	server, chroot := splitConnect(props["zookeeper.connect"])
	if server == "" || c.written.reaches(server) {
		props["zookeeper.connect"] = c.actual.String() + chroot
	}
}

// check refuses a broker that would wait for a ZooKeeper that nobody starts.
func (c coordination) check(b Broker) error {
	server, _ := splitConnect(b.Props["zookeeper.connect"])
	if c.ensemble != "" || c.actual.reaches(server) {
		return nil
	}
	return mistake("%s: zookeeper.connect is %s, but the ZooKeeper of %s listens on %s; make them equal, or put zookeeper.connect = %q alone into %s for a ZooKeeper elsewhere",
		b.Label, server, c.label, c.actual, server, c.label)
}

func splitConnect(connect string) (server, chroot string) {
	if i := strings.IndexByte(connect, '/'); i >= 0 {
		return connect[:i], connect[i:]
	}
	return connect, ""
}

// String is what a client on this machine connects to.
func (a Address) String() string {
	host := a.Host
	if isEveryAddress(host) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// reaches reports whether a client that connects to server arrives at a.
func (a Address) reaches(server string) bool {
	host, port, err := net.SplitHostPort(server)
	if err != nil || port != strconv.Itoa(a.Port) {
		return false
	}
	return isEveryAddress(a.Host) || loopbackName(host) == loopbackName(a.Host)
}

func loopbackName(host string) string {
	if host == "localhost" || host == "::1" {
		return "127.0.0.1"
	}
	return host
}

func isEveryAddress(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
