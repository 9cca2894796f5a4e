package supervisor

import (
	"fmt"
	"strconv"
	"strings"
)

// Target names one of the processes: "zookeeper", or "broker 3".
type Target struct {
	Kind string `json:"target"` // "broker" or "zookeeper"
	ID   int32  `json:"id"`     // the broker's; 0 for ZooKeeper
}

const (
	brokerKind    = "broker"
	zookeeperKind = "zookeeper"
)

// Broker is the target of one broker.
func Broker(id int32) Target { return Target{Kind: brokerKind, ID: id} }

// ZooKeeper is the target of the embedded ZooKeeper.
func ZooKeeper() Target { return Target{Kind: zookeeperKind} }

func (t Target) String() string {
	if t.Kind == brokerKind {
		return "broker " + strconv.Itoa(int(t.ID))
	}
	return t.Kind
}

// broker is the id for events, -1 for ZooKeeper.
func (t Target) broker() int32 {
	if t.Kind == brokerKind {
		return t.ID
	}
	return -1
}

// fileName is the target's log file.
func (t Target) fileName() string { return strings.ReplaceAll(t.String(), " ", "-") + ".log" }

// ParseTarget reads what a person writes: "3", "broker 3", "broker-3" or "zookeeper".
func ParseTarget(text string) (Target, error) {
	text = strings.TrimSpace(text)
	if text == zookeeperKind {
		return ZooKeeper(), nil
	}
	id := strings.TrimLeft(strings.TrimPrefix(text, brokerKind), " -")
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil || n < 0 {
		return Target{}, fmt.Errorf("cannot find %q: name a broker by its id, or zookeeper", text)
	}
	return Broker(int32(n)), nil
}
