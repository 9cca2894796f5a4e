package broker

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// change sends an IncrementalAlterConfigs to one broker. edits are "key=value" (set), "key-" (delete).
func (l *lab) change(c *kgo.Client, broker int, kind kmsg.ConfigResourceType, name string, edits ...string) (*kerr.Error, string) {
	l.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kind, name
	for _, e := range edits {
		k := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		key, value, set := strings.Cut(e, "=")
		k.Name, k.Value = key, &value
		if !set {
			k.Name, k.Op, k.Value = strings.TrimSuffix(key, "-"), kmsg.IncrementalAlterConfigOpDelete, nil
		}
		r.Configs = append(r.Configs, k)
	}
	req.Resources = append(req.Resources, r)
	resp, err := c.Broker(broker).RetriableRequest(l.t.Context(), req)
	if err != nil {
		l.t.Fatal(err)
	}
	got := resp.(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
	message := ""
	if got.ErrorMessage != nil {
		message = *got.ErrorMessage
	}
	return kerr.TypedErrorForCode(got.ErrorCode), message
}

func TestConfigsAreAlteredAsKafkaDoes(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.start(2)
	l.announced(2)
	l.createTopic("t", 1, 1, nil)
	l.inSync("t", 1)
	c := l.client()
	ok := func(broker int, kind kmsg.ConfigResourceType, name string, edits ...string) {
		t.Helper()
		if err, message := l.change(c, broker, kind, name, edits...); err != nil {
			t.Fatalf("%v: %s", err, message)
		}
	}
	node := func(path, want string) {
		t.Helper()
		if data, _, err := b.zk.Get(t.Context(), path); err != nil || string(data) != want {
			t.Errorf("%s holds %s, %v; want %s", path, data, err, want)
		}
	}
	ok(2, kmsg.ConfigResourceTypeTopic, "t", "retention.ms=60000", "min.insync.replicas=2")
	ok(1, kmsg.ConfigResourceTypeTopic, "t", "retention.ms-")
	node("/config/topics/t", `{"version":1,"config":{"min.insync.replicas":"2"}}`)
	ok(1, kmsg.ConfigResourceTypeBroker, "", "message.max.bytes=2000")
	node("/config/brokers/<default>", `{"version":1,"config":{"message.max.bytes":"2000"}}`)
	ok(2, kmsg.ConfigResourceTypeBroker, "2", "message.max.bytes=3000", "leader.replication.throttled.rate=1000")
	changes, _, err := b.zk.Children(t.Context(), znode.ConfigChangesPath)
	if err != nil || len(changes) != 4 {
		t.Errorf("there are %d change notifications, %v", len(changes), err)
	}
	l.eventually("both brokers follow", func() bool {
		rate, limited := l.brokers[2].cfg.Quota("leader.replication.throttled.rate")
		return b.cfg.Int("message.max.bytes") == 2000 && l.brokers[2].cfg.Int("message.max.bytes") == 3000 && limited && rate == 1000
	})
	for _, tt := range []struct {
		kind       kmsg.ConfigResourceType
		name, edit string
		err        *kerr.Error
		message    string
	}{
		{kmsg.ConfigResourceTypeTopic, "t", "nosuch=1", kerr.InvalidConfig, "Unknown topic config name: nosuch"},
		{kmsg.ConfigResourceTypeTopic, "nosuch", "retention.ms=1", kerr.UnknownTopicOrPartition, "The topic 'nosuch' does not exist."},
		{kmsg.ConfigResourceTypeTopic, "../brokers", "retention.ms=1", kerr.UnknownTopicOrPartition, "The topic '../brokers' does not exist."},
		{kmsg.ConfigResourceTypeBroker, "2", "log.retention.ms=5", kerr.InvalidRequest, "Unexpected broker id, expected 1, but received 2"},
		{kmsg.ConfigResourceTypeBroker, "1", "log.dirs=x", kerr.InvalidRequest, "Cannot update these configs dynamically: Set(log.dirs)"},
		{kmsg.ConfigResourceTypeBrokerLogger, "1", "kafka.nobody=INFO", kerr.InvalidConfig, "Logger kafka.nobody does not exist!"},
		{kmsg.ConfigResourceTypeGroupConfig, "g", "a=b", kerr.InvalidRequest, "Unknown resource type 32"},
	} {
		if err, message := l.change(c, 1, tt.kind, tt.name, tt.edit); err != tt.err || message != tt.message {
			t.Errorf("%v %s %s: %v %q, want %v %q", tt.kind, tt.name, tt.edit, err, message, tt.err, tt.message)
		}
	}
}

func TestLoggersAreAltered(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.announced(1)
	c := l.client()
	if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBrokerLogger, "1", "kafka.controller.KafkaController=DEBUG"); err != nil {
		t.Fatal(err, message)
	}
	if got := b.levels.All()["kafka.controller.KafkaController"]; got != "DEBUG" {
		t.Errorf("the controller's logger is at %s", got)
	}
	described, err := kadm.NewClient(c).DescribeBrokerConfigs(t.Context(), 1)
	if err != nil || described[0].Err != nil {
		t.Fatal(err, described)
	}
	if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBrokerLogger, "1", "kafka.controller.KafkaController-"); err != nil {
		t.Fatal(err, message)
	}
	if got := b.levels.All()["kafka.controller.KafkaController"]; got != "INFO" {
		t.Errorf("the controller's logger is at %s", got)
	}
}

// TestConfigsAreNotWrittenWhileNobodyIsController: the writer checks /controller, as every broker of Kafka's does.
func TestConfigsAreNotWrittenWhileNobodyIsController(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.controller()
	if _, err := b.zk.Set(t.Context(), znode.ControllerPath, znode.Controller{BrokerID: 9, KRaftEpoch: 3}.Encode(), -1); err != nil {
		t.Fatal(err)
	}
	if err := b.writeConfig(t.Context(), znode.ConfigBrokers, znode.DefaultEntity, nil); err == nil {
		t.Error("wrote although KRaft owns the cluster")
	}
	if there, _, err := b.zk.Exists(t.Context(), znode.ConfigPath(znode.ConfigBrokers, znode.DefaultEntity)); there || err != nil {
		t.Error(there, err)
	}
}

// TestEveryNameIsDescribed, also those that only a plug-in could know: Kafka shows that they are there, not what they are.
func TestEveryNameIsDescribed(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.announced(1)
	c := l.client()
	const own = "listener.name.plaintext.max.connections"
	for _, name := range []string{"1", ""} {
		if err, message := l.change(c, 1, kmsg.ConfigResourceTypeBroker, name, "my.plugin.key=x", own+"=500"); err != nil {
			t.Fatal(err, message)
		}
	}
	l.eventually("the broker follows", func() bool { return len(b.cfg.Synonyms(own)) == 3 })
	for _, resource := range []string{"1", ""} {
		all := l.describeBroker(c, resource)
		plugin, mine := all["my.plugin.key"], all[own]
		if !plugin.IsSensitive || plugin.Value != nil || !plugin.ReadOnly || plugin.ConfigType != 0 {
			t.Errorf("%q: the plug-in's key is described as %+v", resource, plugin)
		}
		if mine.IsSensitive || mine.Value == nil || *mine.Value != "500" || mine.ConfigType != kmsg.ConfigTypeInt {
			t.Errorf("%q: the listener's limit is described as %+v", resource, mine)
		}
		if want := map[string]kmsg.ConfigSource{"1": kmsg.ConfigSourceDynamicBrokerConfig, "": kmsg.ConfigSourceDynamicDefaultBrokerConfig}[resource]; plugin.Source != want || mine.Source != want {
			t.Errorf("%q: from %v and %v, want %v", resource, plugin.Source, mine.Source, want)
		}
	}
}

// describeBroker asks broker 1 for all configurations of a broker, or with an empty name for the cluster-wide ones.
func (l *lab) describeBroker(c *kgo.Client, name string) map[string]kmsg.DescribeConfigsResponseResourceConfig {
	l.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, name
	req.Resources = append(req.Resources, r)
	resp, err := c.Broker(1).RetriableRequest(l.t.Context(), req)
	if err != nil {
		l.t.Fatal(err)
	}
	all := make(map[string]kmsg.DescribeConfigsResponseResourceConfig)
	for _, entry := range resp.(*kmsg.DescribeConfigsResponse).Resources[0].Configs {
		all[entry.Name] = entry
	}
	return all
}
