package config

import (
	"bufio"
	"cmp"
	_ "embed"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// observed is what kafka-configs --describe --all printed for a broker of a real Kafka 3.9 cluster.
//
//go:embed testdata/configs-broker.txt
var observedBroker string

//go:embed testdata/configs-topic.txt
var observedTopic string

// static is the configuration of the broker that was observed, so far as it differs from the defaults.
func observedProps() map[string]string {
	return map[string]string{
		"broker.id": "1", "node.id": "1", "listeners": "PLAINTEXT://127.0.0.1:19093", "log.dirs": "DIR/data1",
		"zookeeper.connect": "127.0.0.1:12181", "default.replication.factor": "3", "min.insync.replicas": "2", "num.partitions": "4",
		"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "10", "offsets.topic.replication.factor": "3",
		"transaction.state.log.min.isr": "2", "transaction.state.log.num.partitions": "10", "transaction.state.log.replication.factor": "3",
	}
}

var observedLine = regexp.MustCompile(`^  (\S+?)=(.*) sensitive=(true|false) synonyms=\{(.*)\}$`)

func formatSynonyms(all []Synonym) string {
	names := map[Source]string{DynamicTopic: "DYNAMIC_TOPIC_CONFIG", DynamicBroker: "DYNAMIC_BROKER_CONFIG",
		DynamicDefaultBroker: "DYNAMIC_DEFAULT_BROKER_CONFIG", StaticBroker: "STATIC_BROKER_CONFIG", Default: "DEFAULT_CONFIG"}
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = names[s.Source] + ":" + s.Name + "=" + s.Value
	}
	return strings.Join(parts, ", ")
}

// checkObserved compares every line with what describe says, and that no key is missing or too many.
func checkObserved(t *testing.T, text string, table *Table, describe func(*Key) (value string, ok bool, synonyms []Synonym)) {
	t.Helper()
	seen := map[string]bool{}
	for sc := bufio.NewScanner(strings.NewReader(text)); sc.Scan(); {
		m := observedLine.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		seen[m[1]] = true
		k := table.Lookup(m[1])
		if k == nil {
			t.Errorf("%s is not in the table", m[1])
			continue
		}
		got, ok, synonyms := describe(k)
		if !ok {
			got = "null"
		}
		if got != m[2] {
			t.Errorf("%s = %q, Kafka has %q", k.Name, got, m[2])
		}
		if s := formatSynonyms(synonyms); s != m[4] {
			t.Errorf("synonyms of %s:\n got %s\nwant %s", k.Name, s, m[4])
		}
		if k.Sensitive() != (m[3] == "true") {
			t.Errorf("%s: sensitive = %v", k.Name, k.Sensitive())
		}
	}
	for _, k := range table.Keys() {
		if !seen[k.Name] && !k.Internal {
			t.Errorf("%s would be described, and Kafka does not", k.Name)
		}
	}
}

func TestBrokerTableIsKafkas(t *testing.T) {
	c, err := LoadStrict(observedProps())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetDynamic(DynamicBroker, map[string]string{"log.cleaner.threads": "2"}); err != nil {
		t.Fatal(err)
	}
	checkObserved(t, observedBroker, BrokerTable(), func(k *Key) (string, bool, []Synonym) {
		v, ok := c.Text(k.Name)
		return v, ok, c.Synonyms(k.Name)
	})
}

func TestTopicTableIsKafkas(t *testing.T) {
	c, err := LoadStrict(observedProps())
	if err != nil {
		t.Fatal(err)
	}
	topic, err := c.Topic(map[string]string{"min.insync.replicas": "2"})
	if err != nil {
		t.Fatal(err)
	}
	checkObserved(t, observedTopic, TopicTable(), func(k *Key) (string, bool, []Synonym) {
		v, ok := topic.Text(k.Name)
		return v, ok, topic.Synonyms(k.Name)
	})
}

func minimal(more ...string) map[string]string {
	props := map[string]string{"zookeeper.connect": "127.0.0.1:2181", "broker.id": "1"}
	for i := 0; i < len(more); i += 2 {
		props[more[i]] = more[i+1]
	}
	return props
}

func TestLoadRefuses(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"num.partitions", "x", "cannot set num.partitions = x: Not a number of type INT"},
		{"num.partitions", "0", "Value must be at least 1"},
		{"num.partitions", "3000000000", "Not a number of type INT"},
		{"compression.type", "zip", "must be one of: uncompressed, zstd"},
		{"compression.gzip.level", "10", "Value must be between 1 and 9 or equal to -1"},
		{"auto.create.topics.enable", "yes", "either true or false"},
		{"log.cleanup.policy", "compact, shred", "must be one of: compact, delete"},
		{"log.cleaner.min.cleanable.ratio", "1.5", "no more than 1"},
		{"inter.broker.protocol.version", "five", "not a valid version"},
		{"listeners", "PLAINTEXT://a:1,INTERNAL://a:2", "no security protocol is defined for the listener INTERNAL"},
		{"listeners", "PLAINTEXT:/a:1", "NAME://host:port"},
		{"listeners", "PLAINTEXT://a:1,SSL://a:1", "its own port"},
		{"advertised.listeners", "PLAINTEXT://0.0.0.0:9092", "0.0.0.0 is no address"},
		{"advertised.listeners", "SSL://h:9092", "no listener of that name"},
		{"security.inter.broker.protocol", "SSL", "must be one of the advertised listeners"},
		{"zookeeper.connect", "", "zookeeper.connect is missing"},
		{"broker.id", "1001", "reserved.broker.max.id"},
		{"broker.id", "-2", "must be 0 or more"},
		{"replica.fetch.wait.max.ms", "31000", "must be at most replica.socket.timeout.ms"},
		{"queued.max.request.bytes", "5", "socket.request.max.bytes"},
		{"log.cleaner.threads", "200", "more than 1 MiB"},
		{"ssl.key.password", "s3cret", ""},
		{"log.retention.hours", "0", "cannot set log.retention.hours = 0: must be -1 (unlimited) or at least 1"},
		{"log.retention.minutes", "0", "cannot set log.retention.minutes = 0"},
		{"log.retention.ms", "0", "cannot set log.retention.ms = 0"},
		{"log.retention.ms", "-7", ""},
		{"log.roll.ms", "0", "cannot set log.roll.ms = 0: must be at least 1"},
		{"log.roll.ms", "-5", "cannot set log.roll.ms = -5"},
		{"log.roll.jitter.ms", "-5", "cannot set log.roll.jitter.ms = -5: must be at least 0"},
		{"max.connections.per.ip", "0", "max.connections.per.ip.overrides"},
		{"max.connections.per.ip.overrides", "garbage", "must be host:count"},
		{"max.connections.per.ip.overrides", "localhost:many", "must be host:count"},
		{"max.connections.per.ip.overrides", "[::1]:5", "is no host name or address"},
		{"max.connections.per.ip.overrides", "::1:5,localhost:0", ""},
		{"offsets.topic.compression.codec", "77", "must be no more than 4"},
		{"node.id", "2", "cannot set node.id = 2: must be the same as broker.id (1)"},
		{"listeners", "PLAINTEXT://a:1,PLAINTEXT://a:2", "its own name"},
		{"advertised.listeners", "PLAINTEXT://a:1,PLAINTEXT://b:2", "its own name"},
	} {
		_, err := Load(minimal(tt.key, tt.value))
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s = %s: %v", tt.key, tt.value, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s = %q: error is %v, want %q", tt.key, tt.value, err, tt.want)
		}
		if _, typed := errors.AsType[*ValueError](err); !typed && tt.key != "zookeeper.connect" {
			t.Errorf("%s = %q: nobody can tell %v from a failure", tt.key, tt.value, err)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	props := minimal("log.retention.hour", "3", "listener.name.plaintext.ssl.keystore.type", "JKS", "zzzzzzzzzzz", "1")
	c, err := Load(props)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Unknown(); !slices.Equal(got, []string{"log.retention.hour", "zzzzzzzzzzz"}) {
		t.Errorf("unknown = %q", got)
	}
	_, err = LoadStrict(props)
	u, ok := errors.AsType[*UnknownKeyError](err)
	if !ok || u.Nearest != "log.retention.hours" {
		t.Errorf("strict: %v", err)
	}
}

func TestDynamicLayers(t *testing.T) {
	c, err := Load(minimal("message.max.bytes", "1000"))
	if err != nil {
		t.Fatal(err)
	}
	step := func(src Source, props map[string]string, wantChanged []string, want int) {
		t.Helper()
		changed, err := c.SetDynamic(src, props)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(changed, wantChanged) || c.Int("message.max.bytes") != want {
			t.Errorf("changed %q, value %d; want %q, %d", changed, c.Int("message.max.bytes"), wantChanged, want)
		}
	}
	key := []string{"message.max.bytes"}
	step(DynamicDefaultBroker, map[string]string{"message.max.bytes": "2000"}, key, 2000)
	step(DynamicBroker, map[string]string{"message.max.bytes": "3000"}, key, 3000)
	step(DynamicDefaultBroker, map[string]string{"message.max.bytes": "2500"}, nil, 3000)
	step(DynamicBroker, nil, key, 2500)
	step(DynamicDefaultBroker, nil, key, 1000)

	_, err = c.SetDynamic(DynamicBroker, map[string]string{"broker.rack": "a", "nonsense": "1", "message.max.bytes": "-1", "min.insync.replicas": "2"})
	if err == nil || c.Int("min.insync.replicas") != 2 || c.Int("message.max.bytes") != 1000 || !c.IsNull("broker.rack") {
		t.Errorf("a bad node: %v, min.insync.replicas %d", err, c.Int("min.insync.replicas"))
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 2 {
		t.Errorf("%d faults told, want 2: %v", n, err)
	}
}

// TestUnusableLayersAreLeftOut: what Kafka would not run with keeps the layer of before.
func TestUnusableLayersAreLeftOut(t *testing.T) {
	c, err := Load(minimal())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetDynamic(DynamicBroker, map[string]string{"log.retention.ms": "5000"}); err != nil {
		t.Fatal(err)
	}
	changed, err := c.SetDynamic(DynamicBroker, map[string]string{"log.retention.ms": "0", "min.insync.replicas": "2"})
	if err == nil || len(changed) > 0 || c.RetentionMs() != 5000 || c.Int("min.insync.replicas") != 1 {
		t.Errorf("changed %q, retention %d, min.insync.replicas %d: %v", changed, c.RetentionMs(), c.Int("min.insync.replicas"), err)
	}
}

// TestUnknownDynamicKeysAreKept as Kafka keeps them for plug-ins, and a listener's own settings are told as changes.
func TestUnknownDynamicKeysAreKept(t *testing.T) {
	c, err := Load(minimal("my.static.key", "s"))
	if err != nil {
		t.Fatal(err)
	}
	const own = "listener.name.plaintext.max.connections"
	changed, err := c.SetDynamic(DynamicBroker, map[string]string{"my.plugin.key": "x", own: "5"})
	if err != nil || !slices.Equal(changed, []string{own, "my.plugin.key"}) {
		t.Errorf("changed %q, %v", changed, err)
	}
	if got := c.Others(); !slices.Equal(got, []string{own, "my.plugin.key", "my.static.key"}) {
		t.Errorf("others: %q", got)
	}
	if got := formatSynonyms(c.Synonyms("my.plugin.key")); got != "DYNAMIC_BROKER_CONFIG:my.plugin.key=x" {
		t.Error(got)
	}
	want := "DYNAMIC_BROKER_CONFIG:" + own + "=5, DEFAULT_CONFIG:max.connections=2147483647"
	if got := formatSynonyms(c.Synonyms(own)); got != want {
		t.Errorf("synonyms of %s: %s", own, got)
	}
	if mine, others := c.ListenerInt("PLAINTEXT", "max.connections"), c.ListenerInt("SSL", "max.connections"); mine != 5 || others != math.MaxInt32 {
		t.Errorf("max.connections of the listener is %d, of another %d", mine, others)
	}
	if changed, err = c.SetDynamic(DynamicBroker, nil); err != nil || !slices.Equal(changed, []string{own, "my.plugin.key"}) {
		t.Errorf("taken away: %q, %v", changed, err)
	}
}

// TestDynamicListeners: what is not usable is left out and told; the rest of the node counts.
func TestDynamicListeners(t *testing.T) {
	for _, tt := range []struct {
		key, value string
		want       string // advertised; "" when the value is not usable
	}{
		{"advertised.listeners", "PLAINTEXT://shop.example:1", "PLAINTEXT://shop.example:1"},
		{"advertised.listeners", "EXTERNAL://shop.example:1", ""},
		{"advertised.listeners", "garbage", ""},
		{"advertised.listeners", "PLAINTEXT://0.0.0.0:1", ""},
		{"listeners", "PLAINTEXT://127.0.0.1:9092", "PLAINTEXT://127.0.0.1:9092"},
		{"listeners", "PLAINTEXT://127.0.0.1:9099", ""},
		{"listeners", "PLAINTEXT://127.0.0.1:9092,SSL://127.0.0.1:9093", ""},
		{"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,NEW:SSL", "PLAINTEXT://127.0.0.1:9092"},
		{"listener.security.protocol.map", "PLAINTEXT:SSL", ""},
		{"listener.security.protocol.map", "NEW:SSL", ""},
		{"listener.security.protocol.map", "PLAINTEXT:ROT13", ""},
	} {
		c, err := Load(minimal("listeners", "PLAINTEXT://127.0.0.1:9092"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.SetDynamic(DynamicBroker, map[string]string{tt.key: tt.value, "min.insync.replicas": "2"})
		if (err == nil) != (tt.want != "") {
			t.Errorf("%s=%s: %v", tt.key, tt.value, err)
		}
		advertised, err := c.AdvertisedListeners()
		if want := cmp.Or(tt.want, "PLAINTEXT://127.0.0.1:9092"); err != nil || len(advertised) != 1 || advertised[0].String() != want {
			t.Errorf("%s=%s: advertised are %v, %v", tt.key, tt.value, advertised, err)
		}
		if c.Int("min.insync.replicas") != 2 {
			t.Errorf("%s=%s took the rest of the node with it", tt.key, tt.value)
		}
	}
}

func TestTimeUnits(t *testing.T) {
	for _, tt := range []struct {
		props []string
		want  int64
	}{
		{nil, 168 * 3600_000},
		{[]string{"log.retention.hours", "2"}, 7200_000},
		{[]string{"log.retention.hours", "2", "log.retention.minutes", "1"}, 60_000},
		{[]string{"log.retention.hours", "2", "log.retention.minutes", "1", "log.retention.ms", "5"}, 5},
		{[]string{"log.retention.hours", "-1"}, -1},
	} {
		c, err := Load(minimal(tt.props...))
		if err != nil {
			t.Fatal(err)
		}
		topic, _ := c.Topic(nil)
		if got := topic.Int64("retention.ms"); got != tt.want {
			t.Errorf("%q: retention.ms = %d, want %d", tt.props, got, tt.want)
		}
	}
	c, _ := Load(minimal())
	if c.Duration("log.flush.scheduler.interval.ms") != math.MaxInt64 || c.Duration("replica.fetch.wait.max.ms") != 500*time.Millisecond {
		t.Error("durations")
	}
}

func TestTopicRefuses(t *testing.T) {
	c, _ := Load(minimal())
	_, err := c.Topic(map[string]string{"retention.msx": "1", "min.insync.replicas": "0", "cleanup.policy": "compact"})
	want := []string{"did you mean retention.ms?", "Value must be at least 1"}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not say %q", err, w)
		}
	}
	v, _ := errors.AsType[*ValueError](err)
	if got := v.KafkaMessage(); got != "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1" {
		t.Errorf("Kafka's words: %s", got)
	}
	if _, err := c.Topic(map[string]string{"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "4"}); err == nil {
		t.Error("compaction lags")
	}
	if _, err := c.Topic(map[string]string{"leader.replication.throttled.replicas": "0:1,x"}); err == nil {
		t.Error("throttled replicas")
	}
	stored, err := c.StoredTopic(map[string]string{"retention.msx": "1", "min.insync.replicas": "2"})
	if err == nil || stored.Int("min.insync.replicas") != 2 {
		t.Error("stored overrides must be usable in spite of", err)
	}
}

func TestTOMLSpellings(t *testing.T) {
	for _, text := range []string{
		"\"zookeeper.connect\" = \"h:1\"\n\"log.cleanup.policy\" = [\"compact\", \"delete\"]\n\"num.partitions\" = 3",
		"zookeeper.connect = 'h:1'\nlog.cleanup.policy = ['compact', 'delete']\nnum.partitions = 3",
		"[zookeeper]\nconnect = 'h:1'\n[log.cleanup]\npolicy = 'compact,delete'\n[num]\npartitions = '3'",
		"num = { partitions = 3 }\n[log]\ncleanup.policy = 'compact,delete'\n[zookeeper]\n'connect' = 'h:1'",
	} {
		props, err := ParseTOML("x.toml", text)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		if props["zookeeper.connect"] != "h:1" || props["log.cleanup.policy"] != "compact,delete" || props["num.partitions"] != "3" || len(props) != 3 {
			t.Errorf("%s\n%v", text, props)
		}
	}
}

func TestTOMLErrorsSayWhere(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"num.partitions = 3\n  lgo.dirs = 'x'", "b.toml:2:7: unknown configuration lgo.dirs (did you mean log.dirs?)"},
		{"\n[num]\npartitions = 0", "b.toml:3:14: cannot set num.partitions = 0: Value must be at least 1"},
		{"num.partitions = 'x'", "b.toml:1:19: cannot set num.partitions = x: Not a number of type INT"},
		{"num.partitions = 1979-05-27", "must be a string, a number, a boolean or an array"},
		{"num.partitions = ", "b.toml:1:"},
		{"'num.partitions' = 1\nnum.partitions = 2", "num.partitions is set twice"},
		{"[[num]]\npartitions = 1", "b.toml:1"},
	} {
		_, err := ParseTOML("b.toml", tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestProperties(t *testing.T) {
	text := "# comment\n! another\na.b=1\nc : two words  \n  d   three\ne\\=f=\\u0041\\t\\\\\nlong=one, \\\n   two\nempty=\nsmile=\\uD83D\\uDE00\r\nodd"
	props, err := ParseProperties(text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.b": "1", "c": "two words  ", "d": "three", "e=f": "A\t\\", "long": "one, two", "empty": "", "smile": "😀", "odd": ""}
	for k, v := range want {
		if got, ok := props[k]; !ok || got != v {
			t.Errorf("%q = %q, want %q", k, got, v)
		}
	}
	if len(props) != len(want) {
		t.Errorf("%q", props)
	}
	if _, err := ParseProperties("a=1\nb=\\u12"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("bad escape: %v", err)
	}
}

func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(path, []byte("broker.id=4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if props, err := ReadProperties(path); err != nil || props["broker.id"] != "4" {
		t.Errorf("%v %v", props, err)
	}
	if _, err := ReadTOML(filepath.Join(dir, "none.toml")); err == nil {
		t.Error("a missing file must be an error")
	}
}

func TestOverride(t *testing.T) {
	props := minimal()
	if err := Override(props, "num.partitions = 7"); err != nil || props["num.partitions"] != "7" {
		t.Errorf("%v %v", props, err)
	}
	for _, bad := range []string{"num.partitions", "num.partition=1", "num.partitions=x", "=1"} {
		if err := Override(props, bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestJavaDouble(t *testing.T) {
	for f, want := range map[float64]string{0.5: "0.5", 1: "1.0", 0: "0.0", 1e7: "1.0E7", 12345678: "1.2345678E7", 0.0001: "1.0E-4", math.MaxFloat64: "1.7976931348623157E308"} {
		if got := javaDouble(f); got != want {
			t.Errorf("%g is %s, want %s", f, got, want)
		}
	}
}

func FuzzParseTOML(f *testing.F) {
	f.Add("zookeeper.connect = 'h:1'\n[log]\ndirs = ['a', 'b']")
	f.Add("num = { partitions = 3 }")
	f.Add("[[num]]\npartitions = 1")
	f.Fuzz(func(t *testing.T, text string) {
		props, err := ParseTOML("f", text)
		if err == nil {
			for name := range props {
				if BrokerTable().lookupPrefixed(name) == nil {
					t.Fatalf("unknown key %q passed", name)
				}
			}
		}
	})
}

func FuzzParseProperties(f *testing.F) {
	f.Add("a=b\\\n c\n#x\n\\u0041=\\n")
	f.Fuzz(func(t *testing.T, text string) { ParseProperties(text) })
}

func BenchmarkTables(b *testing.B) {
	for b.Loop() {
		parseTable(brokerTSV, parseBrokerRow)
		parseTable(topicTSV, parseTopicRow)
	}
}

func BenchmarkLoad(b *testing.B) {
	props := observedProps()
	for b.Loop() {
		if _, err := Load(props); err != nil {
			b.Fatal(err)
		}
	}
}
