package api

// DescribeConfigs, versions 0 to 4.
//
//	v1 sources and synonyms (KIP-226)
//	v3 types and documentation (KIP-569)
//
// Differences from Kafka 3.9: keys come in the order of their names, those of Kafka's table first; the loggers are this
// program's (see loggers.go); what differs in keys and values is listed in broker/config/DIFFERENCES.md.

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/controller"
	"klab/broker/server"
)

func (d *Deps) describeConfigs(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DescribeConfigsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		resp := kmsg.NewPtrDescribeConfigsResponse()
		for i := range req.Resources {
			resp.Resources = append(resp.Resources, d.describeResource(ctx, req, &req.Resources[i]))
		}
		return resp
	})
}

func (d *Deps) describeResource(ctx context.Context, req *kmsg.DescribeConfigsRequest, asked *kmsg.DescribeConfigsRequestResource) kmsg.DescribeConfigsResponseResource {
	out := kmsg.NewDescribeConfigsResponseResource()
	out.ResourceType, out.ResourceName = asked.ResourceType, asked.ResourceName
	e := entries{synonyms: req.IncludeSynonyms, documentation: req.IncludeDocumentation, names: asked.ConfigNames}
	var err *resourceError
	switch asked.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		err = e.topic(ctx, d, asked.ResourceName)
	case kmsg.ConfigResourceTypeBroker:
		err = e.broker(d, asked.ResourceName)
	case kmsg.ConfigResourceTypeBrokerLogger:
		err = e.loggers(d, asked.ResourceName)
	case clientMetrics:
		err = &resourceError{kerr.InvalidRequest, "Config type client-metrics is only supported on KRaft clusters"}
	default:
		err = &resourceError{kerr.InvalidRequest, malformedText}
	}
	out.ErrorMessage = new(string)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = err.kerror.Code, &err.message
		return out
	}
	out.Configs = e.out
	return out
}

// malformedText is Kafka's message for INVALID_REQUEST where it has no other.
const malformedText = "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."

// resourceError is the answer for one resource that cannot be described.
type resourceError struct {
	kerror  *kerr.Error
	message string
}

func (d *Deps) checkBrokerName(name string) *resourceError {
	id, err := strconv.Atoi(name)
	switch {
	case err != nil:
		return &resourceError{kerr.InvalidRequest, "Broker id must be an integer, but it is: " + name}
	case int32(id) != d.BrokerID:
		return &resourceError{kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", d.BrokerID, name)}
	}
	return nil
}

// entries collects the described configurations of one resource.
type entries struct {
	synonyms, documentation bool
	names                   []string // none means all
	out                     []kmsg.DescribeConfigsResponseResourceConfig
}

func (e *entries) wants(k *config.Key) bool {
	return len(e.names) == 0 || slices.Contains(e.names, k.Name)
}

func (e *entries) topic(ctx context.Context, d *Deps, topic string) *resourceError {
	if why := controller.CheckTopicName(topic); why != nil {
		return &resourceError{kerr.InvalidTopicException, why.Error()}
	}
	if _, ok := d.Metadata.Snapshot().Topic(topic); !ok {
		return &resourceError{kerr.UnknownTopicOrPartition, ""}
	}
	tc, err := d.TopicConfig(ctx, topic)
	if err != nil {
		d.Log.Warn("cannot read a topic's configuration", "topic", topic, "error", err)
		return &resourceError{kerr.UnknownServerError, err.Error()}
	}
	for i := range config.TopicTable().Keys() {
		k := &config.TopicTable().Keys()[i]
		if e.wants(k) && !k.Internal {
			text, ok := tc.Text(k.Name)
			e.add(k, text, ok, tc.Synonyms(k.Name), config.TopicDocumentation(k.Name))
		}
	}
	return nil
}

// broker describes this broker, or with an empty name the cluster-wide dynamic defaults.
func (e *entries) broker(d *Deps, name string) *resourceError {
	clusterWide := name == ""
	if !clusterWide {
		if err := d.checkBrokerName(name); err != nil {
			return err
		}
	}
	for i := range config.BrokerTable().Keys() {
		k := &config.BrokerTable().Keys()[i]
		synonyms := d.Config.Synonyms(k.Name)
		if !e.wants(k) || k.Internal && !isSet(synonyms) {
			continue
		}
		text, ok := d.Config.Text(k.Name)
		if clusterWide {
			synonyms = slices.DeleteFunc(synonyms, func(s config.Synonym) bool { return s.Source != config.DynamicDefaultBroker })
			if len(synonyms) == 0 {
				continue
			}
			text, ok = synonyms[0].Value, true
		}
		e.add(k, text, ok, synonyms, config.BrokerDocumentation(k.Name))
	}
	e.others(d, clusterWide)
	return nil
}

func isSet(synonyms []config.Synonym) bool {
	return len(synonyms) > 0 && synonyms[0].Source != config.Default
}

func (e *entries) add(k *config.Key, text string, ok bool, synonyms []config.Synonym, documentation string) {
	c := kmsg.NewDescribeConfigsResponseResourceConfig()
	c.Name, c.ReadOnly, c.IsSensitive = k.Name, k.Dynamic == config.Static, k.Sensitive()
	if ok && !k.Sensitive() {
		c.Value = &text
	}
	c.Source = kmsg.ConfigSource(config.Default)
	if len(synonyms) > 0 {
		c.Source = kmsg.ConfigSource(synonyms[0].Source)
	}
	c.ConfigType = kmsg.ConfigType(k.Type)
	if e.documentation {
		if documentation != "" {
			c.Documentation = &documentation
		}
	}
	if e.synonyms {
		c.ConfigSynonyms = synonymsOf(k, synonyms)
	}
	e.out = append(e.out, c)
}

// others describes what is set and not in the table: quotas (KIP-73), a listener's own settings, and names that only a plug-in
// could know, whose values are not shown.
func (e *entries) others(d *Deps, clusterWide bool) {
	for _, name := range d.Config.Others() {
		k, synonyms := config.Other(name), d.Config.Synonyms(name)
		if clusterWide {
			synonyms = slices.DeleteFunc(synonyms, func(s config.Synonym) bool { return s.Source != config.DynamicDefaultBroker })
		}
		if e.wants(k) && len(synonyms) > 0 && synonyms[0].Name == name {
			e.add(k, synonyms[0].Value, true, synonyms, "")
		}
	}
}

func synonymsOf(k *config.Key, synonyms []config.Synonym) []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym {
	var all []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym
	for _, s := range synonyms {
		out := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		out.Name, out.Source = s.Name, kmsg.ConfigSource(s.Source)
		if !k.Sensitive() {
			out.Value = &s.Value
		}
		all = append(all, out)
	}
	return all
}
