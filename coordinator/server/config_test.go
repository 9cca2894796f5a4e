package server

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseConfig(t *testing.T) {
	got, err := ParseConfig(map[string]string{
		"dataDir": "/d", "dataLogDir": "/l", "tickTime": "500", "clientPort": "0", "clientPortAddress": "::1",
		"minSessionTimeout": "1000", "maxSessionTimeout": "-1", "maxClientCnxns": "0", "4lw.commands.whitelist": "srvr, ruok",
		"snapCount": "10", "forceSync": "no", "jute.maxbuffer": "4194304", "zookeeper.extendedTypesEnabled": "true",
		"zookeeper.DigestAuthenticationProvider.superDigest": "a:b", "snapSizeLimitInKb": "4",
		"znode.container.checkIntervalMs": "100", "initLimit": "5", "admin.enableServer": "false", "strange": "1", "odd": "2",
	})
	want := Config{DataDir: "/d", DataLogDir: "/l", TickTime: 500 * time.Millisecond, ClientPortAddress: "::1",
		MinSessionTimeout: time.Second, MaxClientCnxns: -1, FourLetterWords: []string{"srvr", "ruok"}, SnapCount: 10,
		ForceSync: new(false), JuteMaxBuffer: 4 << 20, ExtendedTypes: true, SuperDigest: "a:b", SnapSizeLimit: 4096,
		ContainerCheckInterval: 100 * time.Millisecond, Unknown: []string{"odd", "strange"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
}

func TestDefaults(t *testing.T) {
	c, err := ParseConfig(map[string]string{"dataDir": "/d", "tickTime": "900"})
	if err != nil || c.ClientPort != 2181 {
		t.Fatalf("%v %+v", err, c)
	}
	full := c.withDefaults()
	if full.MinSessionTimeout != 1800*time.Millisecond || full.MaxSessionTimeout != 18*time.Second || full.MaxClientCnxns != 60 ||
		full.JuteMaxBuffer != 1048575 || full.SnapCount != 100_000 || !*full.ForceSync || full.DataLogDir != "/d" {
		t.Fatalf("%+v", full)
	}
}

func TestConfigErrorsNameKeyValueAndWhatIsAllowed(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"tickTime", "fast", "tickTime=fast: give a whole number from 1 to 2147483647, in milliseconds"},
		{"clientPort", "70000", "clientPort=70000: give a whole number from 0 to 65535"},
		{"snapCount", "1", "from 2 to"},
		{"enforceQuota", "maybe", "give true or false"},
		{"server.1", "a:2888:3888", "for an ensemble use Apache ZooKeeper"},
		{"minSessionTimeout", "999999", "must not be above maxSessionTimeout, 60000"},
		{"dataDir", "", "dataDir is missing"},
	} {
		props := map[string]string{"dataDir": "/d"}
		props[tt.key] = tt.value
		if tt.key == "minSessionTimeout" {
			props["maxSessionTimeout"] = "60000"
		}
		if _, err := ParseConfig(props); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: %v, want %q in it", tt.key, tt.value, err, tt.want)
		}
	}
}
