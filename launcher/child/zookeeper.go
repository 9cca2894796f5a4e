package child

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"klab/coordinator/server"
	"klab/launcher/event"
	"klab/launcher/port"
	"klab/launcher/spec"
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
	zk, err := server.Open(cfg, server.Options{Log: w.log, Observe: func(f server.Fact) { w.observe(sessionEvent(f)) }})
	if err != nil {
		return err
	}
	if _, err := zk.Listen(); err != nil {
		zk.Close()
		return fmt.Errorf("%w; stop it, or change clientPort", port.Explain(err))
	}
	w.ready() // clients that connect from now on are served
	return zk.Serve(ctx)
}

// CheckZooKeeper says what is wrong with a zoo.cfg, and which of its keys ZooKeeper does not have.
func CheckZooKeeper(props map[string]string) (unknown []string, err error) {
	cfg, err := server.ParseConfig(props)
	return cfg.Unknown, err
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
