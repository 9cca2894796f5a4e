package broker

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

func (l *lab) deleteTopic(topic string) {
	l.t.Helper()
	adm := kadm.NewClient(l.client())
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	if _, err := adm.DeleteTopic(ctx, topic); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(topic+" is gone", func() bool {
		for _, b := range l.brokers {
			if _, ok := b.Metadata().Topic(topic); ok {
				return false
			}
			if there, _, err := b.zk.Exists(ctx, znode.TopicPath(topic)); there || err != nil {
				return false // the name is free again when the controller has finished
			}
		}
		return true
	})
}

// alter writes a configuration as kafka-configs --zookeeper did: the node, then the notification.
func (l *lab) alter(b *Broker, entity string, config map[string]string) {
	l.t.Helper()
	path := "/config/" + entity
	if ok, _, _ := b.zk.Exists(l.t.Context(), path); !ok {
		if err := b.zk.CreateRecursive(l.t.Context(), path, nil); err != nil {
			l.t.Fatal(err)
		}
	}
	if _, err := b.zk.Set(l.t.Context(), path, znode.EncodeConfig(config), -1); err != nil {
		l.t.Fatal(err)
	}
	if _, err := b.zk.Create(l.t.Context(), znode.ConfigChangePrefix, znode.EncodeConfigChange(entity), zk.FlagSequence); err != nil {
		l.t.Fatal(err)
	}
}

func TestConfigChangesTakeEffect(t *testing.T) {
	l := newLab(t)
	b := l.start(1)
	l.controller()
	l.createTopic("t", 1, 1, nil)
	l.inSync("t", 1)
	c := l.client(kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.UnknownTopicRetries(-1))
	write := func() error {
		return c.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: make([]byte, 5000)}).FirstErr()
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	limit := func() int { return b.topics.logConfig("t").MaxMessageBytes }

	l.alter(b, "topics/t", map[string]string{"max.message.bytes": "1000", "no.such.key": "1"})
	l.eventually("the topic's limit holds", func() bool { return limit() == 1000 })
	if err := write(); err == nil {
		t.Error("5000 bytes passed a limit of 1000")
	}
	l.alter(b, "topics/t", nil)
	l.eventually("the topic has the default again", func() bool { return limit() == 1_048_588 })
	if err := write(); err != nil {
		t.Error(err)
	}
	l.alter(b, "brokers/<default>", map[string]string{"message.max.bytes": "3000"})
	l.eventually("the cluster's limit holds", func() bool { return limit() == 3000 })
	l.alter(b, "brokers/1", map[string]string{"message.max.bytes": "4000"})
	l.eventually("the broker's own limit holds", func() bool { return limit() == 4000 })

	adm := kadm.NewClient(l.client())
	topic, err := adm.DescribeTopicConfigs(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	entry := configOf(t, topic, "max.message.bytes")
	if entry.MaybeValue() != "4000" || entry.Source != kmsg.ConfigSourceDynamicBrokerConfig {
		t.Errorf("described as %q from %v", entry.MaybeValue(), entry.Source)
	}
	var path []string
	for _, s := range entry.Synonyms {
		path = append(path, fmt.Sprint(s.Source, " ", s.Key, "=", *s.Value))
	}
	if want := "DYNAMIC_BROKER_CONFIG message.max.bytes=4000 DYNAMIC_DEFAULT_BROKER_CONFIG message.max.bytes=3000 DEFAULT_CONFIG message.max.bytes=1048588"; strings.Join(path, " ") != want {
		t.Errorf("synonyms:\n got %s\nwant %s", strings.Join(path, " "), want)
	}
}

func configOf(t *testing.T, all kadm.ResourceConfigs, key string) kadm.Config {
	t.Helper()
	if len(all) != 1 || all[0].Err != nil {
		t.Fatalf("%+v", all)
	}
	for _, c := range all[0].Configs {
		if c.Key == key {
			return c
		}
	}
	t.Fatalf("%s is not described", key)
	return kadm.Config{}
}

func TestAdminClientSees(t *testing.T) {
	l := newLab(t, "broker.rack", "r1")
	b := l.start(1)
	l.start(2)
	l.controller()
	l.eventually("both are known", func() bool {
		return len(l.brokers[1].Metadata().Brokers()) == 2 && len(l.brokers[2].Metadata().Brokers()) == 2
	})
	l.createTopic("orders", 2, 2, nil)
	l.inSync("orders", 2)
	client := l.client()
	adm := kadm.NewClient(client)
	ctx := t.Context()

	t.Run("versions", func(t *testing.T) { checkVersions(t, client, b) })
	t.Run("cluster", func(t *testing.T) {
		m, err := adm.Metadata(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m.Cluster != b.ClusterID() || int(m.Controller) != l.controller() || len(m.Brokers) != 2 || *m.Brokers[0].Rack != "r1" {
			t.Errorf("%+v", m)
		}
		if d := m.Topics["orders"]; len(d.Partitions) != 2 || d.ID == (kadm.TopicID{}) || len(d.Partitions[0].ISR) != 2 {
			t.Errorf("%+v", d)
		}
	})
	t.Run("describe cluster", func(t *testing.T) {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.EndpointType = 1
		req.IncludeClusterAuthorizedOperations = true
		resp, err := req.RequestWith(ctx, client)
		if err != nil || resp.ErrorCode != 0 || len(resp.Brokers) != 2 || resp.ClusterID != b.ClusterID() || resp.ClusterAuthorizedOperations != 8096 {
			t.Errorf("%v %+v", err, resp)
		}
		req.EndpointType = 2
		if resp, err = req.RequestWith(ctx, client); err != nil || resp.ErrorCode != kerr.MismatchedEndpointType.Code {
			t.Errorf("%v %+v", err, resp)
		}
	})
	t.Run("log directories", func(t *testing.T) {
		dirs, err := adm.DescribeAllLogDirs(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := dirs[1][filepath.Join(l.home, "broker1")]
		if d.Err != nil || len(d.Topics["orders"]) != 2 {
			t.Errorf("%+v", dirs)
		}
	})
	t.Run("broker configuration", func(t *testing.T) {
		all, err := adm.DescribeBrokerConfigs(ctx, 2)
		if err != nil {
			t.Fatal(err)
		}
		if c := configOf(t, all, "broker.id"); c.MaybeValue() != "2" || c.Source != kmsg.ConfigSourceStaticBrokerConfig || len(c.Synonyms) != 2 {
			t.Errorf("%+v", c)
		}
		if c := configOf(t, all, "ssl.key.password"); !c.Sensitive || c.Value != nil {
			t.Errorf("%+v", c)
		}
		if n := len(all[0].Configs); n != 315 {
			t.Errorf("%d configurations are described, Kafka 3.9 has 315", n)
		}
	})
	t.Run("absent topic", func(t *testing.T) {
		all, err := adm.DescribeTopicConfigs(ctx, "absent")
		if err != nil || all[0].Err != kerr.UnknownTopicOrPartition {
			t.Errorf("%v %+v", err, all)
		}
	})
	t.Run("coordinator", func(t *testing.T) {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorKeys = []string{"g"}
		resp, err := client.Broker(1).Request(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		got := resp.(*kmsg.FindCoordinatorResponse).Coordinators[0]
		if got.ErrorCode != kerr.CoordinatorNotAvailable.Code || got.ErrorMessage == nil {
			t.Errorf("%+v", got)
		}
	})
}

// checkVersions compares what is advertised with Kafka 3.9's ranges.
func checkVersions(t *testing.T, client *kgo.Client, b *Broker) {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "klab-test", "1"
	resp, err := client.Broker(1).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int16]int16{0: 11, 1: 17, 2: 9, 3: 12, 4: 7, 5: 4, 6: 8, 7: 3, 8: 9, 9: 9, 10: 6, 11: 9, 12: 4, 13: 5, 14: 5, 15: 5,
		16: 5, 18: 4, 19: 7, 20: 6, 21: 2, 22: 5, 23: 4, 24: 5, 25: 4, 26: 4, 27: 1, 28: 4, 32: 4, 33: 2, 35: 4, 37: 3, 42: 2, 43: 2,
		44: 1, 45: 0, 46: 0, 47: 0, 56: 3, 57: 1, 60: 1, 61: 0, 65: 0, 66: 1, 67: 0, 68: 0, 69: 0}
	v := resp.(*kmsg.ApiVersionsResponse)
	for _, k := range v.ApiKeys {
		if top, ok := want[k.ApiKey]; !ok || k.MinVersion != 0 || k.MaxVersion != top {
			t.Errorf("%s %d to %d", kmsg.NameForKey(k.ApiKey), k.MinVersion, k.MaxVersion)
		}
		delete(want, k.ApiKey)
	}
	if len(want) > 0 {
		t.Errorf("not advertised: %v", want)
	}
	_, stat, err := b.zk.Exists(t.Context(), znode.FeaturePath)
	if err != nil {
		t.Fatal(err)
	}
	if v.FinalizedFeaturesEpoch != int64(stat.Version) || len(v.FinalizedFeatures) > 0 || len(v.SupportedFeatures) > 0 {
		t.Errorf("features: epoch %d of %d, %v", v.FinalizedFeaturesEpoch, stat.Version, v.FinalizedFeatures)
	}
}

func TestProducerIDsAreUnique(t *testing.T) {
	l := newLab(t)
	l.start(1)
	l.start(2)
	l.controller()
	l.eventually("both know the controller", func() bool {
		return l.brokers[1].Metadata().ControllerID >= 0 && l.brokers[2].Metadata().ControllerID >= 0
	})
	seen := map[int64]bool{}
	for range 1200 { // more than a block of 1000
		for id := range 2 {
			got, err := l.brokers[id+1].producers.next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if seen[got] {
				t.Fatalf("%d was given out twice", got)
			}
			seen[got] = true
		}
	}
}
