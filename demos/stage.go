package demos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/cluster"
	"klab/launcher/lifecycle"
	"klab/launcher/supervisor"
)

// ErrNotOurs is in the error of starting a lesson on a cluster that klab does not run.
var ErrNotOurs = errors.New("lessons kill brokers, so they run only on a cluster that klab started")

// prepare makes the stage: the brokers up, the topics fresh, the actors ready.
func (r *Run) prepare(ctx context.Context) error {
	if !r.cluster.Launched() {
		return ErrNotOurs
	}
	if err := r.cluster.Ready(ctx); err != nil {
		return err
	}
	if err := r.bringBack(ctx); err != nil {
		return err
	}
	for _, topic := range r.file.Cluster.Topics {
		if err := r.freshTopic(ctx, topic); err != nil {
			return err
		}
	}
	return r.openActors()
}

// bringBack starts and resumes whatever does not run, so that a lesson begins, and leaves, with everything up.
func (r *Run) bringBack(ctx context.Context) error {
	client, err := supervisor.Dial(ctx, r.home)
	if err != nil {
		return err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if zk := status.ZooKeeper; zk != nil && zk.State != "external" {
		if verb, off := wakes(zk.State); off {
			if err := client.Do(ctx, supervisor.Action{Verb: lifecycle.Verb(verb), Target: "zookeeper", By: r.by()}); err != nil {
				return fmt.Errorf("cannot %s ZooKeeper: %w", verb, err)
			}
		}
	}
	for _, b := range status.Brokers {
		if verb, off := wakes(b.State.String()); off {
			if err := client.Do(ctx, supervisor.Action{Verb: lifecycle.Verb(verb), Target: "broker", ID: b.ID, By: r.by()}); err != nil {
				return fmt.Errorf("cannot %s broker %d: %w", verb, b.ID, err)
			}
		}
	}
	return r.await(ctx, "every broker is up", func(s *cluster.Snapshot) bool {
		return s.Health.UpBrokers >= max(len(status.Brokers), r.file.Cluster.Brokers)
	})
}

// wakes names the verb that brings a process back from a state, if it is off.
func wakes(state string) (verb string, off bool) {
	switch state {
	case "running", "starting":
		return "", false
	case "paused":
		return "resume", true
	}
	return "start", true
}

func (r *Run) freshTopic(ctx context.Context, spec TopicSpec) error {
	name := topicPrefix + spec.Name
	if err := r.dropTopic(ctx, name); err != nil {
		return err
	}
	err := r.insist(ctx, func() error {
		return r.cluster.CreateTopic(ctx, cluster.NewTopic{
			Name: name, Partitions: int32(spec.Partitions), ReplicationFactor: int16(spec.Replication), Config: spec.Config,
		})
	})
	if err != nil {
		return fmt.Errorf("cannot create topic %s: %w", name, err)
	}
	r.releases = append(r.releases, r.cluster.Watch(name))
	return r.await(ctx, name+" is in sync", func(s *cluster.Snapshot) bool {
		topic, ok := s.Topic(name)
		if !ok || len(topic.Partitions) != spec.Partitions {
			return false
		}
		for _, p := range topic.Partitions {
			if p.Leader < 0 || len(p.ISR) != spec.Replication || p.HighWatermark < 0 {
				return false
			}
		}
		return true
	})
}

func (r *Run) dropTopic(ctx context.Context, name string) error {
	if _, there := r.cluster.Snapshot().Topic(name); !there {
		return nil
	}
	err := r.insist(ctx, func() error { return r.cluster.DeleteTopic(ctx, name) })
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("cannot remove the lesson's topic: %w", err)
	}
	return r.await(ctx, name+" is gone", func(s *cluster.Snapshot) bool {
		_, there := s.Topic(name)
		return !there
	})
}

// insist repeats a request until it is answered for good: after a lesson that killed the controller or held ZooKeeper up,
// there is none until the dead one's session has expired; and a topic that brokers no longer know stays marked for deletion
// for a moment.
func (r *Run) insist(ctx context.Context, request func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(4 * sampleEvery)
	defer tick.Stop()
	for {
		err := request()
		refused, answered := errors.AsType[*kerr.Error](err)
		if err == nil || answered && !refused.Retriable && refused != kerr.TopicAlreadyExists {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not within 30 s: %w", err)
		}
	}
}

// await waits for a state of the cluster; the error says what it waited for.
func (r *Run) await(ctx context.Context, what string, holds func(*cluster.Snapshot) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		changed := r.cluster.Changed()
		if holds(r.cluster.Snapshot()) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("not within 30 s: %s", what)
		}
	}
}

func (r *Run) openActors() error {
	partitions := map[string]int{}
	for _, topic := range r.file.Cluster.Topics {
		partitions[topic.Name] = topic.Partitions
	}
	for _, spec := range r.file.Actors {
		topic := topicPrefix + spec.Topic
		if spec.Kind == "reader" {
			reader, err := openReader(r.cluster, spec, topic, partitions[spec.Topic])
			if err != nil {
				return err
			}
			r.readers[spec.ID] = reader
			if !spec.Idle {
				reader.start(r.ctx)
			}
			continue
		}
		producer, err := openProducer(r.cluster, spec, topic)
		if err != nil {
			return err
		}
		r.producers[spec.ID] = producer
		if !spec.Idle {
			producer.start(r.ctx)
		}
	}
	return nil
}

// cleanUp ends the actors, brings every process back and deletes the topics. It runs in every outcome.
func (r *Run) cleanUp() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), time.Minute)
	defer cancel()
	for _, p := range r.producers {
		p.close()
	}
	for _, reader := range r.readers {
		reader.halt()
	}
	err := r.bringBack(ctx)
	for _, topic := range r.file.Cluster.Topics {
		err = errors.Join(err, r.dropTopic(ctx, topicPrefix+topic.Name))
	}
	for _, release := range r.releases {
		release()
	}
	return err
}
