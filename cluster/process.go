package cluster

import (
	"context"
	"fmt"
	"strconv"
)

// BrokerVerb is what can be done to a broker's process.
type BrokerVerb string

const (
	Kill    BrokerVerb = "kill"    // SIGKILL
	Stop    BrokerVerb = "stop"    // SIGTERM: controlled shutdown
	Start   BrokerVerb = "start"   // returns when it is ready
	Restart BrokerVerb = "restart" // stop, then start
	Pause   BrokerVerb = "pause"   // SIGSTOP
	Resume  BrokerVerb = "resume"  // SIGCONT
)

// BrokerVerbs lists every verb.
var BrokerVerbs = []BrokerVerb{Kill, Stop, Start, Restart, Pause, Resume}

// BrokerAction is the request to do something to a broker's process.
type BrokerAction struct {
	Verb BrokerVerb
	ID   int32
	PID  int // of the process it is done to, for the line; 0 unknown
}

func (a BrokerAction) command(to addressee) Command {
	id := strconv.Itoa(int(a.ID))
	return Command{Klab: to.klab("broker", string(a.Verb), id), Kafka: a.shell(id)}
}

// shell is what a person does with the scripts of Kafka and of the system.
func (a BrokerAction) shell(id string) string {
	pid := "<pid of broker " + id + ">"
	if a.PID > 0 {
		pid = strconv.Itoa(a.PID)
	}
	start := "kafka-server-start.sh -daemon config/server-" + id + ".properties"
	switch a.Verb {
	case Kill:
		return "kill -KILL " + pid
	case Stop:
		return "kill -TERM " + pid
	case Pause:
		return "kill -STOP " + pid
	case Resume:
		return "kill -CONT " + pid
	case Restart:
		return "kill -TERM " + pid + "; " + start
	}
	return start
}

// BrokerAction does verb to a broker's process and returns when it is done. It needs a cluster that the launcher runs:
// the error wraps ErrNotLaunched otherwise.
func (c *Cluster) BrokerAction(ctx context.Context, verb BrokerVerb, id int32) error {
	broker, _ := c.Snapshot().Broker(id)
	r := BrokerAction{Verb: verb, ID: id, PID: broker.PID}
	return c.perform(ctx, r, func(ctx context.Context) error {
		if c.host == nil {
			return fmt.Errorf("cannot %s broker %d: %w, so its processes are out of reach", verb, id, ErrNotLaunched)
		}
		return c.host.do(ctx, verb, id, c.target.By)
	})
}
