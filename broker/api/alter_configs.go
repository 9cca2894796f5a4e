package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/controller"
	"klab/coordinator/znode"
)

// This file is what AlterConfigs and IncrementalAlterConfigs have in common. Any broker changes the configurations of topics
// and the cluster-wide ones of brokers; a broker's own, and its loggers, are changed by that broker alone.

// change is what a request wants for one resource.
type change struct {
	kind        kmsg.ConfigResourceType
	name        string
	incremental bool
	edits       []config.Edit
	nulls       []string // keys to be set to null
	badEdit     bool     // an operation that does not exist
}

// changeConfig checks and carries out one change, and returns why not.
func (d *Deps) changeConfig(ctx context.Context, c *change, validateOnly bool) *resourceError {
	if len(c.nulls) > 0 {
		return &resourceError{kerr.InvalidRequest, "Null value not supported for : " + strings.Join(c.nulls, ", ")}
	}
	switch {
	case c.kind == kmsg.ConfigResourceTypeTopic:
		return d.changeTopic(ctx, c, validateOnly)
	case c.kind == kmsg.ConfigResourceTypeBroker:
		return d.changeBroker(ctx, c, validateOnly)
	case c.kind == kmsg.ConfigResourceTypeBrokerLogger && c.incremental:
		return d.changeLoggers(c, validateOnly)
	case c.kind == clientMetrics:
		return &resourceError{kerr.InvalidRequest, "AlterConfigs is only supported for topics and brokers, but resource type is CLIENT_METRICS"}
	}
	return &resourceError{kerr.InvalidRequest, fmt.Sprintf("Unknown resource type %d", c.kind)}
}

// clientMetrics is the resource type of KIP-714, which only KRaft has.
const clientMetrics kmsg.ConfigResourceType = 16

func (d *Deps) changeTopic(ctx context.Context, c *change, validateOnly bool) *resourceError {
	if err := c.checkEdits(); err != nil {
		return err
	}
	if c.name == "" {
		return &resourceError{kerr.InvalidRequest, "Default topic resources are not allowed."}
	}
	_, exists := d.Metadata.Snapshot().Topic(c.name)
	var next map[string]string
	var err *resourceError
	if controller.CheckTopicName(c.name) == nil { // else there is no path of that name
		if next, err = d.edited(ctx, c, config.TopicTable(), znode.ConfigTopics, c.name); err != nil {
			return err
		}
	}
	if !exists {
		return &resourceError{kerr.UnknownTopicOrPartition, fmt.Sprintf("The topic '%s' does not exist.", c.name)}
	}
	if _, err := d.Config.Topic(next); err != nil {
		text, bad := config.KafkaMessage(err)
		if bad {
			text = fmt.Sprintf("Invalid config value for resource ConfigResource(type=TOPIC, name='%s'): %s", c.name, text)
		}
		return &resourceError{kerr.InvalidConfig, text}
	}
	return d.store(ctx, validateOnly, znode.ConfigTopics, c.name, next)
}

func (d *Deps) changeBroker(ctx context.Context, c *change, validateOnly bool) *resourceError {
	source, entity := config.DynamicDefaultBroker, znode.DefaultEntity
	if c.name != "" {
		if err := d.checkOwnID(c.name); err != nil {
			return err
		}
		source, entity = config.DynamicBroker, c.name
	}
	next, err := d.edited(ctx, c, config.BrokerTable(), znode.ConfigBrokers, entity)
	if err != nil {
		return err
	}
	if err := d.Config.CheckDynamic(source, next); err != nil {
		text, _, _ := strings.Cut(err.Error(), "\n")
		return &resourceError{kerr.InvalidRequest, text}
	}
	if err := c.checkEdits(); err != nil {
		return err
	}
	if name := password(next); name != "" && !validateOnly {
		return &resourceError{kerr.InvalidRequest, "Password encoder secret not configured; " + name + " cannot be stored"}
	}
	return d.store(ctx, validateOnly, znode.ConfigBrokers, entity, next)
}

// password is a key whose value must not stand in ZooKeeper as it is.
func password(props map[string]string) string {
	for name := range props {
		if config.BrokerTable().Sensitive(name) {
			return name
		}
	}
	return ""
}

// checkEdits refuses what cannot be done to any table.
func (c *change) checkEdits() *resourceError {
	if c.badEdit {
		return &resourceError{kerr.UnknownServerError, ""}
	}
	seen := make(map[string]bool, len(c.edits))
	for _, e := range c.edits {
		if seen[e.Name] {
			return &resourceError{kerr.InvalidRequest, "Error due to duplicate config keys"}
		}
		seen[e.Name] = true
	}
	return nil
}

// edited is the configuration that the change makes of what ZooKeeper has.
func (d *Deps) edited(ctx context.Context, c *change, table *config.Table, entityType, entity string) (map[string]string, *resourceError) {
	var now map[string]string
	if c.incremental {
		var err error
		if now, err = d.ReadConfig(ctx, entityType, entity); err != nil {
			d.Log.Warn("cannot read a configuration", "type", entityType, "entity", entity, "error", err)
			return nil, &resourceError{kerr.UnknownServerError, ""}
		}
	}
	next, err := table.Edited(now, c.edits)
	if _, unknown := errors.AsType[*config.UnknownKeyError](err); unknown {
		return nil, &resourceError{kerr.UnknownServerError, ""} // whether it is a list, nobody knows
	}
	if err != nil {
		return nil, &resourceError{kerr.InvalidConfig, err.Error()}
	}
	return next, nil
}

func (d *Deps) store(ctx context.Context, validateOnly bool, entityType, entity string, next map[string]string) *resourceError {
	if validateOnly {
		return nil
	}
	if err := d.WriteConfig(ctx, entityType, entity, next); err != nil {
		d.Log.Warn("cannot write a configuration", "type", entityType, "entity", entity, "error", err)
		return &resourceError{kerr.UnknownServerError, err.Error()}
	}
	return nil
}

func (d *Deps) checkOwnID(name string) *resourceError {
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case err != nil:
		return &resourceError{kerr.InvalidRequest, "Node id must be an integer, but it is: " + name}
	case int32(id) != d.BrokerID:
		return &resourceError{kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d, but received %s", d.BrokerID, name)}
	}
	return nil
}

// answer is the error code and message of a resource; Kafka has no message where there is nothing to say.
func (e *resourceError) answer() (int16, *string) {
	switch {
	case e == nil:
		return 0, nil
	case e.message == "":
		return e.kerror.Code, nil
	}
	return e.kerror.Code, &e.message
}

// each answers for every resource; one that is named twice is refused both times.
func eachResource[R any](resources []R, key func(*R) (kmsg.ConfigResourceType, string), do func(*R) *resourceError) []*resourceError {
	type id struct {
		kind kmsg.ConfigResourceType
		name string
	}
	count := make(map[id]int)
	for i := range resources {
		kind, name := key(&resources[i])
		count[id{kind, name}]++
	}
	answers := make([]*resourceError, len(resources))
	for i := range resources {
		kind, name := key(&resources[i])
		if count[id{kind, name}] > 1 {
			answers[i] = &resourceError{kerr.InvalidRequest, "Each resource must appear at most once."}
			continue
		}
		answers[i] = do(&resources[i])
	}
	return answers
}
