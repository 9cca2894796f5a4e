package znode

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// observed are znodes as Apache Kafka 3.9.2 wrote them.
const observed = `
/brokers/ids/1 {"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://127.0.0.1:19093"],"jmx_port":-1,"port":19093,"host":"127.0.0.1","version":5,"timestamp":"1795363511983"}
/brokers/topics/__consumer_offsets {"partitions":{"0":[1,2,3],"1":[2,3,1],"2":[3,1,2],"3":[1,3,2],"4":[2,1,3],"5":[3,2,1],"6":[1,2,3],"7":[2,3,1],"8":[3,1,2],"9":[1,3,2]},"topic_id":"FA4NvUMrSQGk8Hc1MgFG6Q","adding_replicas":{},"removing_replicas":{},"version":3}
/brokers/topics/compacted {"partitions":{"0":[1,3],"1":[2,1],"2":[3,1]},"topic_id":"KHENRdaEQ4adAUYe6XnSZQ","adding_replicas":{},"removing_replicas":{},"version":3}
/brokers/topics/orders/partitions/0/state {"controller_epoch":1,"leader":3,"version":1,"leader_epoch":0,"isr":[3,1,2]}
/cluster/id {"version":"1","id":"DT2ftdTfSsWqFoUdw7dj3g"}
/config/brokers/1 {"version":1,"config":{"log.cleaner.threads":"2"}}
/config/changes/config_change_0000000001 {"version":2,"entity_path":"users/alice"}
/config/topics/__consumer_offsets {"version":1,"config":{"compression.type":"producer","cleanup.policy":"compact","segment.bytes":"104857600"}}
/config/users/alice {"version":1,"config":{"SCRAM-SHA-256":"salt=Y2xmYXQyNDgwZmNvNTJzOGxiOHZjbDZ1bQ==,stored_key=oO37dPAtH+uISvkglu+0+wg0NLP2urNLMB1WWRc1XEI=,server_key=5T7bkyfTf416AJBNVpHIq8golL6GqCeRR4suVlnCsEk=,iterations=4096","producer_byte_rate":"1048576"}}
/controller {"version":2,"brokerid":3,"timestamp":"1795363512238","kraftControllerEpoch":-1}
/controller_epoch 1
/feature {"features":{},"version":2,"status":1}
/latest_producer_id_block {"version":1,"broker":2,"block_start":"2000","block_end":"2999"}
`

// recode decodes a node by its path and encodes it again.
func recode(path string, data []byte) ([]byte, error) {
	switch {
	case strings.HasPrefix(path, BrokersPath):
		v, err := DecodeBroker(1, data)
		return v.Encode(), err
	case strings.HasSuffix(path, "/state"):
		v, err := DecodePartitionState(TopicPartition{}, data)
		return v.Encode(), err
	case strings.HasPrefix(path, TopicsPath):
		v, err := DecodeTopicAssignment("t", data)
		return v.Encode(), err
	case path == ClusterIDPath:
		v, err := DecodeClusterID(data)
		return EncodeClusterID(v), err
	case strings.HasPrefix(path, ConfigChangePrefix):
		v, err := DecodeConfigChange(data)
		return EncodeConfigChange(v), err
	case strings.HasPrefix(path, ConfigPathRoot):
		v, err := DecodeConfig(data)
		return EncodeConfig(v), err
	case path == ControllerPath:
		v, err := DecodeController(data)
		return v.Encode(), err
	case path == ControllerEpochPath:
		v, err := DecodeControllerEpoch(data)
		return EncodeControllerEpoch(v), err
	case path == FeaturePath:
		v, err := DecodeFeature(data)
		return v.Encode(), err
	case path == ProducerIDBlockPath:
		v, err := DecodeProducerIDBlock(data)
		return v.Encode(), err
	case strings.HasPrefix(path, LogDirEventPrefix):
		v, err := DecodeLogDirEvent(data)
		return EncodeLogDirEvent(v), err
	case path == ReassignPartitionsPath:
		v, err := DecodeReassignments(data)
		return EncodePartitions(slices.Collect(func(yield func(TopicPartition) bool) {
			for tp := range v {
				if !yield(tp) {
					return
				}
			}
		})), err
	default:
		v, err := DecodePartitions(data)
		return EncodePartitions(v), err
	}
}

func TestKafkasNodesAreReadAndWrittenWithTheSameContents(t *testing.T) {
	for line := range strings.Lines(strings.TrimSpace(observed)) {
		path, data, _ := strings.Cut(strings.TrimSpace(line), " ")
		t.Run(path, func(t *testing.T) {
			ours, err := recode(path, []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if len(ours) != len(data) {
				t.Errorf("wrote %d bytes, Kafka %d", len(ours), len(data))
			}
			if path == ControllerEpochPath {
				return
			}
			var want, got map[string]any
			if w, err := decodeObject("Kafka's", []byte(data)); err == nil {
				want = values(t, w)
			}
			if g, err := decodeObject("ours", ours); err == nil {
				got = values(t, g)
			}
			if !reflect.DeepEqual(want, got) {
				t.Errorf("wrote %s\nKafka %s", ours, data)
			}
		})
	}
}

func values(t *testing.T, o object) map[string]any {
	out := make(map[string]any)
	for key := range o {
		var v any
		if _, err := o.get("test", key, &v); err != nil {
			t.Fatal(err)
		}
		out[key] = v
	}
	return out
}

func TestBrokerVersions(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want []Endpoint
	}{
		"v1":              {`{"version":1,"host":"h","port":9092,"jmx_port":9999}`, []Endpoint{{"PLAINTEXT", "PLAINTEXT", "h", 9092}}},
		"v2 without map":  {`{"version":2,"jmx_port":-1,"endpoints":["SSL://h:1"]}`, []Endpoint{{"SSL", "SSL", "h", 1}}},
		"two listeners":   {`{"version":4,"jmx_port":-1,"endpoints":["IN://[::1]:1","OUT://h:2"],"listener_security_protocol_map":{"IN":"SASL_SSL","OUT":"PLAINTEXT"}}`, []Endpoint{{"IN", "SASL_SSL", "::1", 1}, {"OUT", "PLAINTEXT", "h", 2}}},
		"extra keys, gap": {"{ \"zone\": [1],\n \"version\": 5, \"jmx_port\": -1, \"endpoints\": [] }", []Endpoint{}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := DecodeBroker(1, []byte(c.data))
			if err != nil || !reflect.DeepEqual(b.Endpoints, c.want) {
				t.Errorf("%v, %v; want %v", b.Endpoints, err, c.want)
			}
		})
	}
	for _, bad := range []string{``, `null`, `[]`, `{}`, `{"version":0,"jmx_port":1}`, `{"version":5,"endpoints":[]}`,
		`{"Version":5,"jmx_port":-1,"endpoints":[]}`, `{"version":5,"jmx_port":-1,"endpoints":["h:1"]}`, `{"version":5,"jmx_port":-1,"endpoints":["P://h:70000"]}`} {
		if b, err := DecodeBroker(1, []byte(bad)); err == nil {
			t.Errorf("%q was taken as %+v", bad, b)
		}
	}
}

func TestBrokerWithoutPlaintextHasNoHost(t *testing.T) {
	b := Broker{JMXPort: -1, Rack: "r1", Timestamp: 5, Endpoints: []Endpoint{{"SEC", "SSL", "h", 9093}}}
	want := `{"version":5,"host":null,"port":-1,"jmx_port":-1,"timestamp":"5","endpoints":["SEC://h:9093"],"rack":"r1","listener_security_protocol_map":{"SEC":"SSL"},"features":{}}`
	if got := string(b.Encode()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTopicAssignmentKeepsAReassignment(t *testing.T) {
	in := `{"version":3,"partitions":{"0":[4,1,2],"10":[1,2]},"adding_replicas":{"0":[4]},"removing_replicas":{"0":[1]},"topic_id":"ASNFZ4mrze_-3LqYdlQyEA"}`
	a, err := DecodeTopicAssignment("t", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(a.Encode()); got != in {
		t.Errorf("got  %s\nwant %s", got, in)
	}
	if !a.Partitions[0].IsReassigning() || a.Partitions[10].IsReassigning() {
		t.Error("which partitions are being reassigned is lost")
	}
	old, err := DecodeTopicAssignment("t", []byte(`{"version":1,"partitions":{"0":[1]}}`))
	if err != nil || old.ID != (UUID{}) || strings.Contains(string(old.Encode()), "topic_id") {
		t.Errorf("a topic without id became %s, %v", old.Encode(), err)
	}
	for _, bad := range []string{`{}`, `{"partitions":{"x":[1]}}`, `{"partitions":{"-1":[1]}}`, `{"partitions":{},"topic_id":"short"}`} {
		if _, err := DecodeTopicAssignment("t", []byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestRecoveryStateIsWrittenOnlyWhileRecovering(t *testing.T) {
	s := PartitionState{ControllerEpoch: 5, Leader: 1, LeaderEpoch: 3, ISR: []int32{1}, LeaderRecoveryState: Recovering}
	want := `{"controller_epoch":5,"leader":1,"version":1,"leader_epoch":3,"isr":[1],"leader_recovery_state":1}`
	if got := string(s.Encode()); got != want {
		t.Errorf("got %s", got)
	}
	back, err := DecodePartitionState(TopicPartition{}, []byte(want))
	if err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestConfigsWithoutData(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte(`{"version":1}`), []byte(`{"version":1,"config":null}`)} {
		if m, err := DecodeConfig(data); err != nil || m == nil || len(m) != 0 {
			t.Errorf("%q: %v, %v", data, m, err)
		}
	}
	if m, err := DecodeConfig([]byte(`{"config":{"retention.ms":"1"}}`)); err != nil || m["retention.ms"] != "1" {
		t.Errorf("without a version: %v, %v", m, err)
	}
	if got := string(EncodeConfig(nil)); got != `{"version":1,"config":{}}` {
		t.Errorf("no overrides are written as %s", got)
	}
	if got := string(EncodeConfigChange("brokers/" + DefaultEntity)); got != `{"version":2,"entity_path":"brokers/<default>"}` {
		t.Errorf("got %s", got)
	}
	if path, err := DecodeConfigChange([]byte(`{"version":1,"entity_type":"topics","entity_name":"x"}`)); err != nil || path != "topics/x" {
		t.Errorf("version 1: %q, %v", path, err)
	}
}

func TestUUID(t *testing.T) {
	u := UUID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}
	if u.String() != "ASNFZ4mrze_-3LqYdlQyEA" {
		t.Errorf("got %s", u)
	}
	for range 1000 {
		n := NewUUID()
		back, err := ParseUUID(n.String())
		if err != nil || back != n || n.String()[0] == '-' || n[6]>>4 != 4 || n[8]>>6 != 2 {
			t.Fatalf("%s is not an id for a topic: %v", n, err)
		}
	}
}

func TestPaths(t *testing.T) {
	tp := TopicPartition{"orders", 3}
	for got, want := range map[string]string{
		PartitionStatePath(tp):             "/brokers/topics/orders/partitions/3/state",
		BrokerPath(2):                      "/brokers/ids/2",
		TopicConfigPath("a"):               "/config/topics/a",
		Sanitize("User:a b*+/<default>~x"): "User%3Aa%20b%2A%2B%2F%3Cdefault%3E%7Ex",
		tp.String():                        "orders-3",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if s, err := Desanitize(Sanitize("ü +%")); s != "ü +%" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	if name, ok := ChildOf("/a", "/a/b/c"); ok {
		t.Errorf("a grandchild is the child %q", name)
	}
	if n, ok := SequenceOf("isr_change_0000000042"); n != 42 || !ok {
		t.Errorf("%d, %t", n, ok)
	}
}

// FuzzDecode holds that no data makes a decoder panic, and that what was read
// survives being written and read again.
func FuzzDecode(f *testing.F) {
	for line := range strings.Lines(strings.TrimSpace(observed)) {
		path, data, _ := strings.Cut(strings.TrimSpace(line), " ")
		f.Add(path, []byte(data))
	}
	f.Add(PreferredElectionPath, []byte(`{"version":1,"partitions":[{"topic":"t","partition":0}]}`))
	f.Add(ReassignPartitionsPath, []byte(`{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]}`))
	f.Add(LogDirEventPrefix+"0", []byte(`{"version":1,"broker":3,"event":1}`))
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		once, err := recode(path, data)
		if err != nil {
			return
		}
		twice, err := recode(path, once)
		if err != nil {
			t.Fatalf("%q was written as %q, which cannot be read: %v", data, once, err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("%q became %q, then %q", data, once, twice)
		}
	})
}

func TestReassignmentsComeBack(t *testing.T) {
	targets := map[TopicPartition][]int32{{"t", 1}: {3, 1}, {"t", 0}: {2}}
	data := EncodeReassignments(targets)
	if want := `{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[2]},{"topic":"t","partition":1,"replicas":[3,1]}]}`; string(data) != want {
		t.Errorf("encoded %s, want %s", data, want)
	}
	got, err := DecodeReassignments(data)
	if err != nil || !reflect.DeepEqual(got, targets) {
		t.Errorf("decoded %v, %v", got, err)
	}
}
