package child

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"klab/coordinator/server"
	"klab/launcher/event"
	"klab/launcher/spec"
	"klab/port"
)

// runZooKeeper is the job of a ZooKeeper process.
func runZooKeeper(ctx context.Context, w work) error {
	cfg, err := server.ParseConfig(w.props)
	if err != nil {
		return &spec.Error{Err: err}
	}
	for _, key := range cfg.Unknown {
		w.log.Warn("ignoring a key that ZooKeeper does not have", "key", key)
	}
	zk, err := server.Open(cfg, server.Options{Log: w.log, Observe: func(f server.Fact) {
		if tells(f) {
			w.observe(sessionEvent(f))
		}
	}})
	if err != nil {
		return err
	}
	if _, err := zk.Listen(); err != nil {
		zk.Close()
		return fmt.Errorf("%w; stop it, or change clientPort", port.Explain(err))
	}
	w.ready() // clients that connect from now on are served
	return explainDisk(zk.Serve(ctx))
}

// explainDisk says in one sentence what to do where the disk was full: writing and closing fail alike then.
func explainDisk(err error) error {
	path, ok := errors.AsType[*fs.PathError](err)
	if ok && (errors.Is(path, syscall.ENOSPC) || errors.Is(path, syscall.EDQUOT)) {
		return fmt.Errorf("cannot write %s: %w; free some space there, or change dataDir, or dataLogDir if that is set", path.Path, path.Err)
	}
	return err
}

// CheckZooKeeper says what is wrong with a zoo.cfg, and which of its keys ZooKeeper does not have.
func CheckZooKeeper(props map[string]string) (unknown []string, err error) {
	cfg, err := server.ParseConfig(props)
	return cfg.Unknown, err
}

// tells leaves out the sessions of passing clients, such as a command that reads a znode: they open, and they close with
// nothing that was theirs. What a broker's session stands for is told by its registration and by its end.
func tells(f server.Fact) bool {
	return f.Kind == "session.expired" || len(f.Ephemerals) > 0
}

// sessionEvent tells of a session. The broker whose registration went with the session is the one that it concerns.
func sessionEvent(f server.Fact) event.Event {
	e := event.Event{Time: f.Time, Kind: f.Kind, Broker: -1, Partition: -1, Fields: map[string]any{
		"session": fmt.Sprintf("0x%x", f.Session), "timeout_ms": f.Timeout.Milliseconds(),
	}}
	if len(f.Ephemerals) > 0 {
		e.Fields["ephemerals"] = f.Ephemerals
	}
	for _, path := range f.Ephemerals {
		if id, ok := registeredBroker(path); ok {
			e.Broker = id
		}
	}
	return e
}

// registeredBroker reads /brokers/ids/3, below whatever chroot.
func registeredBroker(path string) (int32, bool) {
	_, text, ok := strings.Cut(path, "/brokers/ids/")
	id, err := strconv.ParseInt(text, 10, 32)
	return int32(id), ok && err == nil
}
