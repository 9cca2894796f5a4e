// Package link is what a supervisor and a child process say to each other, as lines of JSON: orders on the child's standard
// input, reports on its standard output. Standard error is the child's log.
//
// The child's standard input doubles as its life line: only the supervisor holds the other end, so end of input means that
// the supervisor is gone, however it ended, and the child ends at once. That holds on every operating system; where the
// system offers more (Linux: PR_SET_PDEATHSIG, Windows: job objects), the supervisor asks for it as well.
package link

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"klab/launcher/event"
)

// MaxLine bounds one line in either direction, in bytes. A reporter's lines are all shorter: an event is bounded by event.MaxBytes.
const MaxLine = 256 << 10

// Order is one line from the supervisor. The first one is a Start.
type Order struct {
	Start       *Start `json:"start,omitempty"`
	ZooKeeperUp bool   `json:"zookeeper_up,omitempty"` // the ZooKeeper that the child was to wait for answers
	Stop        bool   `json:"stop,omitempty"`         // end in good order, as SIGTERM asks on Unix
	Down        bool   `json:"down,omitempty"`         // the whole cluster ends: nobody is left to hand leaderships over to
}

// Start says what the child is to be.
type Start struct {
	Props          map[string]string `json:"props"` // server.properties or zoo.cfg
	AwaitZooKeeper bool              `json:"await_zookeeper,omitempty"`
	Brokers        int               `json:"brokers"` // that share the machine, at least 1
}

// Report is one line from the child.
type Report struct {
	Event  *event.Event `json:"event,omitempty"`
	Ready  bool         `json:"ready,omitempty"` // it serves
	Failed *Failure     `json:"failed,omitempty"`
}

// Failure is why a child is about to end with an error.
type Failure struct {
	Message string `json:"message"`
	Code    int    `json:"code"` // the exit code that follows: 1 failed, 2 bad input
}

// Orders reads orders until the life line is cut. The first call to Next returns the Start.
type Orders struct{ lines *bufio.Scanner }

// NewOrders reads from the child's standard input.
func NewOrders(r io.Reader) *Orders {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 4096), MaxLine)
	return &Orders{lines: lines}
}

// Next returns the next order, or io.EOF when the supervisor is gone.
func (o *Orders) Next() (Order, error) {
	if !o.lines.Scan() {
		return Order{}, errors.Join(o.lines.Err(), io.EOF)
	}
	var order Order
	if err := json.Unmarshal(o.lines.Bytes(), &order); err != nil {
		return Order{}, fmt.Errorf("cannot read the supervisor's order: %w", err)
	}
	return order, nil
}

// Write sends one order or report as a line, in one write.
func Write(w io.Writer, message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("cannot encode %T: %w", message, err)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
