package cluster

import (
	"context"
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigKind is what a configuration belongs to.
type ConfigKind string

// Kafka's resource types, as kafka-configs.sh names them.
const (
	TopicConfigs  ConfigKind = "topic"
	BrokerConfigs ConfigKind = "broker"
	LoggerConfigs ConfigKind = "broker-logger"
	GroupConfigs  ConfigKind = "group" // Kafka 4
)

// ConfigKinds lists every kind.
var ConfigKinds = []ConfigKind{TopicConfigs, BrokerConfigs, LoggerConfigs, GroupConfigs}

// ConfigResource is one topic, broker or group.
type ConfigResource struct {
	Kind ConfigKind
	Name string // of brokers the id; empty: the default of all brokers
}

// TopicResource is a topic's configuration.
func TopicResource(name string) ConfigResource { return ConfigResource{TopicConfigs, name} }

// BrokerResource is a broker's configuration.
func BrokerResource(id int32) ConfigResource {
	return ConfigResource{BrokerConfigs, strconv.Itoa(int(id))}
}

// String says the resource in words.
func (r ConfigResource) String() string {
	if r.Name == "" {
		return "all " + string(r.Kind) + "s"
	}
	return string(r.Kind) + " " + r.Name
}

// broker is the broker that must be asked itself; false: any will do.
func (r ConfigResource) broker() (int32, bool) {
	if r.Kind != BrokerConfigs && r.Kind != LoggerConfigs || r.Name == "" {
		return 0, false
	}
	id, err := strconv.ParseInt(r.Name, 10, 32)
	return int32(id), err == nil
}

func (r ConfigResource) code() kmsg.ConfigResourceType {
	switch r.Kind {
	case BrokerConfigs:
		return kmsg.ConfigResourceTypeBroker
	case LoggerConfigs:
		return kmsg.ConfigResourceTypeBrokerLogger
	case GroupConfigs:
		return kmsg.ConfigResourceTypeGroupConfig
	}
	return kmsg.ConfigResourceTypeTopic
}

// words name the resource in klab's and Kafka's command lines.
func (r ConfigResource) words() (klab, kafka []string) {
	if r.Name == "" {
		return []string{string(r.Kind), "--default"}, []string{"--entity-type", string(r.Kind) + "s", "--entity-default"}
	}
	return []string{string(r.Kind), r.Name}, []string{"--entity-type", string(r.Kind) + "s", "--entity-name", r.Name}
}

// ConfigEntry is one configuration of a resource.
type ConfigEntry struct {
	Name      string
	Value     string
	Source    string // Kafka's: DYNAMIC_TOPIC_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG, …
	Default   bool   // it is at Kafka's default
	ReadOnly  bool   // it cannot be changed while the broker runs
	Sensitive bool   // Value is not shown by the broker
	Type      string // Kafka's: BOOLEAN, INT, LIST, …; empty: an old broker
	Doc       string // Kafka's documentation; empty: an old broker
	Synonyms  []ConfigSynonym
}

// ConfigSynonym is a value that would hold were it not for those before it; the first one is what holds.
type ConfigSynonym struct{ Name, Value, Source string }

// Dynamic says whether the value was set while the cluster ran, by a request.
func (e ConfigEntry) Dynamic() bool {
	switch e.Source {
	case "DYNAMIC_TOPIC_CONFIG", "DYNAMIC_BROKER_CONFIG", "DYNAMIC_DEFAULT_BROKER_CONFIG", "DYNAMIC_BROKER_LOGGER_CONFIG", "DYNAMIC_GROUP_CONFIG", "GROUP_CONFIG":
		return true
	}
	return false
}

// DefaultValue is what would hold if nothing were set anywhere; false: not known.
func (e ConfigEntry) DefaultValue() (string, bool) {
	for _, s := range e.Synonyms {
		if s.Source == "DEFAULT_CONFIG" {
			return s.Value, true
		}
	}
	return e.Value, e.Default
}

// DescribeConfigs is the request to read a configuration.
type DescribeConfigs struct{ Resource ConfigResource }

func (d DescribeConfigs) command(to addressee) Command {
	klab, kafka := d.Resource.words()
	return Command{Klab: to.klab(append([]string{"config", "list"}, klab...)...), Kafka: to.kafka("kafka-configs.sh", append(append([]string{"--describe"}, kafka...), "--all")...)}
}

// Configs reads the configuration of a resource, by name. A broker's is read from that broker, with a topic's any will do.
func (c *Cluster) Configs(ctx context.Context, r ConfigResource) (entries []ConfigEntry, err error) {
	err = c.perform(ctx, DescribeConfigs{r}, func(ctx context.Context) error {
		if entries, err = c.configs(ctx, r); err != nil {
			return fmt.Errorf("cannot read configuration of %s: %w", r, configHint(c.explain(err)))
		}
		return nil
	})
	return entries, err
}

// configs reads some keys of a resource, or all.
func (c *Cluster) configs(ctx context.Context, r ConfigResource, keys ...string) ([]ConfigEntry, error) {
	addresses := c.askFirst()
	if id, own := r.broker(); own {
		at, err := c.addressOf(ctx, id)
		if err != nil {
			return nil, err
		}
		addresses = []string{at}
	}
	entries, _, err := hedged(ctx, addresses, func(ctx context.Context, address string) ([]ConfigEntry, error) {
		return c.askConfigsOf(ctx, address, r, keys)
	})
	return entries, err
}

// addressOf finds a broker that is registered.
func (c *Cluster) addressOf(ctx context.Context, id int32) (string, error) {
	find := func() (at string, ids []int32) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, b := range c.model.meta.brokers {
			if ids = append(ids, b.id); b.id == id {
				at = address(b.host, b.port)
			}
		}
		return at, ids
	}
	if at, _ := find(); at != "" {
		return at, nil
	}
	if err := c.glanceMetadata(ctx); err != nil {
		return "", err
	}
	at, ids := find()
	if at == "" {
		return "", fmt.Errorf("there is no broker %d, only %s", id, joinIDs(ids))
	}
	return at, nil
}

func describeConfigsRequest(r ConfigResource, keys []string) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms, req.IncludeDocumentation = true, true
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName, resource.ConfigNames = r.code(), r.Name, keys
	req.Resources = append(req.Resources, resource)
	return req
}

func (c *Cluster) askConfigsOf(ctx context.Context, address string, r ConfigResource, keys []string) ([]ConfigEntry, error) {
	l, err := c.link(address)
	if err != nil {
		return nil, err
	}
	resp, err := l.request(ctx, describeConfigsRequest(r, keys))
	if err != nil {
		return nil, err
	}
	found := resp.(*kmsg.DescribeConfigsResponse).Resources
	if len(found) != 1 {
		return nil, errors.New("it answered for another resource")
	}
	if err := kerr.ErrorForCode(found[0].ErrorCode); err != nil {
		return nil, withMessage(err, text(found[0].ErrorMessage))
	}
	return fromConfigs(found[0].Configs), nil
}

// manyConfigs reads some keys of many topics at once, and leaves out what is at its default, and topics that are gone.
func (c *Cluster) manyConfigs(ctx context.Context, topics []string, keys ...string) (map[string][]ConfigEntry, error) {
	found := map[string][]ConfigEntry{}
	for batch := range slices.Chunk(topics, 500) {
		req := kmsg.NewPtrDescribeConfigsRequest()
		for _, name := range batch {
			resource := kmsg.NewDescribeConfigsRequestResource()
			resource.ResourceType, resource.ResourceName, resource.ConfigNames = kmsg.ConfigResourceTypeTopic, name, keys
			req.Resources = append(req.Resources, resource)
		}
		resp, _, err := hedged(ctx, c.askFirst(), func(ctx context.Context, address string) (kmsg.Response, error) {
			l, err := c.link(address)
			if err != nil {
				return nil, err
			}
			return l.request(ctx, req)
		})
		if err != nil {
			return found, err
		}
		for _, r := range resp.(*kmsg.DescribeConfigsResponse).Resources {
			if err := kerr.ErrorForCode(r.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
				return found, fmt.Errorf("topic %s: %w", r.ResourceName, withMessage(err, text(r.ErrorMessage)))
			}
			entries := slices.DeleteFunc(fromConfigs(r.Configs), func(e ConfigEntry) bool { return !e.Dynamic() })
			if len(entries) > 0 {
				found[r.ResourceName] = entries
			}
		}
	}
	return found, nil
}

func fromConfigs(found []kmsg.DescribeConfigsResponseResourceConfig) []ConfigEntry {
	entries := make([]ConfigEntry, 0, len(found))
	for _, f := range found {
		e := ConfigEntry{
			Name: f.Name, Value: text(f.Value), Source: f.Source.String(), Sensitive: f.IsSensitive, ReadOnly: f.ReadOnly, Doc: plain(text(f.Documentation)),
			Default: f.IsDefault || f.Source == kmsg.ConfigSourceDefaultConfig,
		}
		if f.ConfigType != 0 {
			e.Type = f.ConfigType.String()
		}
		for _, s := range f.ConfigSynonyms {
			e.Synonyms = append(e.Synonyms, ConfigSynonym{s.Name, text(s.Value), s.Source.String()})
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b ConfigEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// tag is what HTML Kafka's documentation of configurations uses.
var tag = regexp.MustCompile(`</?(?:a|br|code|li|p|ul)\b[^>]*>`)

// plain is the text of Kafka's documentation, which is HTML.
func plain(doc string) string { return html.UnescapeString(tag.ReplaceAllString(doc, "")) }
