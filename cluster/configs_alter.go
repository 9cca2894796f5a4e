package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigOp is what is done to a configuration.
type ConfigOp string

// Kafka's operations (KIP-339). Append and subtract are for lists.
const (
	ConfigSet      ConfigOp = "set"
	ConfigDelete   ConfigOp = "delete" // back to what holds without it
	ConfigAppend   ConfigOp = "append"
	ConfigSubtract ConfigOp = "subtract"
)

// ConfigOps lists every operation.
var ConfigOps = []ConfigOp{ConfigSet, ConfigDelete, ConfigAppend, ConfigSubtract}

func (o ConfigOp) code() kmsg.IncrementalAlterConfigOp {
	switch o {
	case ConfigDelete:
		return kmsg.IncrementalAlterConfigOpDelete
	case ConfigAppend:
		return kmsg.IncrementalAlterConfigOpAppend
	case ConfigSubtract:
		return kmsg.IncrementalAlterConfigOpSubtract
	}
	return kmsg.IncrementalAlterConfigOpSet
}

// ConfigChange is one change of a configuration; Value is of no use to delete.
type ConfigChange struct {
	Name  string
	Op    ConfigOp
	Value string
}

// AlterConfigs is the request to change some configurations of a resource, and leave the others as they are.
type AlterConfigs struct {
	Resource ConfigResource
	Changes  []ConfigChange
	DryRun   bool // the broker checks it, and changes nothing
}

func (a AlterConfigs) command(to addressee) Command {
	klabWords, kafka := a.Resource.words()
	kafka = append([]string{"--alter"}, kafka...)
	klab, note := []string{}, ""
	for _, ch := range a.Changes {
		one := append([]string{"config", string(ch.Op)}, klabWords...)
		pair := ch.Name + "=" + ch.Value
		switch ch.Op {
		case ConfigDelete:
			pair = ch.Name
			kafka = append(kafka, "--delete-config", ch.Name)
		case ConfigSet:
			kafka = append(kafka, "--add-config", ch.Name+"="+grouped(ch.Value))
		default:
			kafka = append(kafka, "--add-config", ch.Name+"=[…]")
			note = " # Kafka's tool has no " + string(ch.Op) + ": give the whole list"
		}
		klab = append(klab, to.klab(append(one, pair)...))
	}
	return Command{Klab: strings.Join(klab, " && "), Kafka: to.kafka("kafka-configs.sh", kafka...) + note}
}

// grouped writes a value as kafka-configs.sh reads it: with commas inside, in brackets.
func grouped(value string) string {
	if strings.Contains(value, ",") {
		return "[" + value + "]"
	}
	return value
}

// AlterConfigs changes configurations. Errors are Kafka's: INVALID_CONFIG with the broker's own words, …
func (c *Cluster) AlterConfigs(ctx context.Context, a AlterConfigs) error {
	return c.perform(ctx, a, func(ctx context.Context) error {
		if err := c.alterConfigs(ctx, a); err != nil {
			return fmt.Errorf("cannot change configuration of %s: %w", a.Resource, c.explain(err))
		}
		if !a.DryRun {
			c.awaitConfigs(ctx, a)
		}
		return nil
	})
}

// Brokers learn of a change from ZooKeeper or from their log, a little after it was made.
const (
	configPatience = 2 * time.Second
	configPoll     = 50 * time.Millisecond
)

// awaitConfigs waits until a reader sees a change, for a bounded time: it is made, whatever a reader sees.
func (c *Cluster) awaitConfigs(ctx context.Context, a AlterConfigs) {
	ctx, cancel := context.WithTimeout(ctx, configPatience)
	defer cancel()
	for {
		entries, err := c.configs(ctx, a.Resource)
		if err == nil && a.holdsIn(entries) {
			return
		}
		select {
		case <-time.After(configPoll):
		case <-ctx.Done():
			return
		}
	}
}

// holdsIn says whether the changes are in a reading. What append and subtract make is not foretold.
func (a AlterConfigs) holdsIn(entries []ConfigEntry) bool {
	for _, ch := range a.Changes {
		i := slices.IndexFunc(entries, func(e ConfigEntry) bool { return e.Name == ch.Name })
		switch ch.Op {
		case ConfigSet:
			if i < 0 || !entries[i].Sensitive && entries[i].Value != ch.Value {
				return false
			}
		case ConfigDelete:
			if i >= 0 && a.Resource.Kind != LoggerConfigs && entries[i].SetOn(a.Resource) {
				return false
			}
		}
	}
	return true
}

// SetOn says whether the value was set on exactly this resource: what deleting it there takes away.
func (e ConfigEntry) SetOn(r ConfigResource) bool {
	if r.Kind == BrokerConfigs && r.Name != "" {
		return e.Source == "DYNAMIC_BROKER_CONFIG"
	}
	return e.Dynamic()
}

// alterConfigs sends the request to the broker that it concerns, else to any: the client knows which.
func (c *Cluster) alterConfigs(ctx context.Context, a AlterConfigs) error {
	client, err := c.kafka()
	if err != nil {
		return err
	}
	if id, own := a.Resource.broker(); own {
		if _, err := c.addressOf(ctx, id); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = a.DryRun
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = a.Resource.code(), a.Resource.Name
	for _, ch := range a.Changes {
		entry := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		entry.Name, entry.Op = ch.Name, ch.Op.code()
		if ch.Op != ConfigDelete {
			entry.Value = &ch.Value
		}
		resource.Configs = append(resource.Configs, entry)
	}
	req.Resources = append(req.Resources, resource)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return configHint(withMessage(err, text(r.ErrorMessage)))
		}
	}
	return nil
}

func configHint(err error) error {
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("%w: see klab topic list", err)
	}
	return err
}
