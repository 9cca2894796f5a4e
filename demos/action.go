package demos

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"klab/cluster"
	"klab/launcher/lifecycle"
	"klab/launcher/supervisor"
)

// act does one action and returns when it is done.
func (r *Run) act(ctx context.Context, a Action) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	kind, what, _ := strings.Cut(a.Act, ".")
	switch kind {
	case "broker":
		return r.actOnBroker(ctx, cluster.BrokerVerb(what), a.Args["broker"])
	case "zookeeper":
		return r.actOnZooKeeper(ctx, what)
	case "topic":
		return r.addPartitions(ctx, a.Args["topic"], a.Args["total"])
	case "leader":
		topic, partition, err := splitPartition(a.Args["partition"])
		if err != nil {
			return err
		}
		return r.cluster.ElectPreferred(ctx, topicPrefix+topic, partition)
	case "producer":
		return r.actOnProducer(ctx, what, a)
	case "reader":
		return r.actOnReader(what, a)
	}
	return fmt.Errorf("unknown verb %s", a.Act)
}

func (r *Run) actOnBroker(ctx context.Context, verb cluster.BrokerVerb, broker string) error {
	id, err := strconv.ParseInt(broker, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no broker id", broker)
	}
	return r.cluster.BrokerAction(ctx, verb, int32(id))
}

func (r *Run) actOnZooKeeper(ctx context.Context, verb string) error {
	client, err := supervisor.Dial(ctx, r.home)
	if err != nil {
		return err
	}
	return client.Do(ctx, supervisor.Action{Verb: lifecycle.Verb(verb), Target: "zookeeper", By: r.by()})
}

func (r *Run) addPartitions(ctx context.Context, topic, total string) error {
	n, err := strconv.Atoi(total)
	if err != nil {
		return fmt.Errorf("%q is no number of partitions", total)
	}
	return r.cluster.AddPartitions(ctx, topicPrefix+topic, n)
}

func (r *Run) actOnProducer(ctx context.Context, what string, a Action) error {
	p, ok := r.producers[a.Args["actor"]]
	if !ok {
		return fmt.Errorf("there is no producer %s", a.Args["actor"])
	}
	switch what {
	case "start":
		p.start(r.ctx)
		return nil
	case "stop":
		return p.pause(ctx)
	case "write":
		n, err := strconv.Atoi(a.Args["count"])
		if err != nil || n < 1 || n > 10_000 {
			return fmt.Errorf("count %q is not within 1 and 10000", a.Args["count"])
		}
		return p.write(ctx, n)
	}
	return fmt.Errorf("unknown verb %s", a.Act)
}

func (r *Run) actOnReader(what string, a Action) error {
	reader, ok := r.readers[a.Args["actor"]]
	if !ok {
		return fmt.Errorf("there is no reader %s", a.Args["actor"])
	}
	switch what {
	case "start":
		reader.start(r.ctx)
		return nil
	case "stop":
		reader.halt()
		return nil
	case "seek":
		to, err := cluster.ParsePosition(a.Args["to"], time.Now())
		if err != nil {
			return err
		}
		reader.seek(r.ctx, to)
		return nil
	}
	return fmt.Errorf("unknown verb %s", a.Act)
}
