package spec

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"klab/configs"
)

const home = "/home/ann/klab"

// lab is a small cluster whose files a test can change.
func lab() fstest.MapFS {
	server := func(id, port string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("broker.id = " + id + "\nlisteners = \"PLAINTEXT://127.0.0.1:" + port +
			"\"\nlog.dirs = \"kafka-logs-" + id + "\"\nzookeeper.connect = \"127.0.0.1:2181\"\n")}
	}
	return fstest.MapFS{
		"lab.toml":      {Data: []byte("name = \"lab\"\nbrokers = [\"server-1.toml\", \"server-2.toml\"]\n\n[zookeeper]\ndataDir = \"zk\"\n")},
		"server-1.toml": server("1", "9093"),
		"server-2.toml": server("2", "9094"),
	}
}

// knownZooKeeperKeys stands for the check that the ZooKeeper process brings.
func knownZooKeeperKeys(props map[string]string) (unknown []string, err error) {
	if props["tickTime"] == "soon" {
		return nil, errors.New("cannot use tickTime=soon: give a number")
	}
	for _, key := range slices.Sorted(maps.Keys(props)) {
		if !slices.Contains(zookeeperKeys, key) {
			unknown = append(unknown, key)
		}
	}
	return unknown, nil
}

func load(files fs.FS, overrides ...string) (Plan, error) {
	source := Embedded(files, "lab.toml")
	source.CheckZooKeeper = knownZooKeeperKeys
	return Load(source, overrides, home)
}

func TestThePseudoCluster(t *testing.T) {
	plan, err := Load(Embedded(configs.Files, configs.Pseudo), nil, home)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Name != "pseudo" || plan.Home != filepath.FromSlash(home+"/pseudo") || len(plan.Brokers) != 3 {
		t.Errorf("plan %+v", plan)
	}
	zk := plan.ZooKeeper
	if !zk.Embedded || zk.Connect != "127.0.0.1:2181" || zk.Port != 2181 || !slices.Equal(zk.Dirs, []string{filepath.FromSlash(home + "/pseudo/zookeeper")}) {
		t.Errorf("ZooKeeper %+v", zk)
	}
	for i, b := range plan.Brokers {
		id := string(rune('1' + i))
		want := []string{filepath.FromSlash(home + "/pseudo/kafka-logs-" + id)}
		if b.ID != int32(i+1) || b.Port != 9093+i || b.Host != "127.0.0.1" || !slices.Equal(b.Dirs, want) || b.Props["log.dirs"] != want[0] {
			t.Errorf("broker %+v", b)
		}
		if b.Props["zookeeper.session.timeout.ms"] != "2000" || b.Props["default.replication.factor"] != "3" {
			t.Errorf("broker %d has properties %v", b.ID, b.Props)
		}
	}
}

// Every setting of the files that differs from Kafka's default says so, with that default.
func TestConfigsExplainWhatTheyChange(t *testing.T) {
	for _, name := range []string{"server-1.toml", "server-2.toml", "server-3.toml"} {
		text, err := fs.ReadFile(configs.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			setting, comment, _ := strings.Cut(line, "#")
			if strings.TrimSpace(setting) != "" && !strings.Contains(comment, "default") {
				t.Errorf("%s: %s does not tell Kafka's default", name, strings.TrimSpace(setting))
			}
		}
	}
}

func TestOverrides(t *testing.T) {
	plan, err := load(lab(),
		"num.partitions=7", "broker.2:num.partitions=8", "broker.2:listeners=PLAINTEXT://127.0.0.1:19094", "zookeeper:tickTime=500")
	if err != nil {
		t.Fatal(err)
	}
	one, two := plan.Brokers[0], plan.Brokers[1]
	if one.Props["num.partitions"] != "7" || two.Props["num.partitions"] != "8" || one.Port != 9093 || two.Port != 19094 {
		t.Errorf("brokers %+v, %+v", one, two)
	}
	if plan.ZooKeeper.Props["tickTime"] != "500" {
		t.Errorf("ZooKeeper %+v", plan.ZooKeeper)
	}
}

func TestBrokersFollowAnOverriddenClientPort(t *testing.T) {
	files := lab()
	files["server-2.toml"].Data = []byte(strings.Replace(string(files["server-2.toml"].Data), "127.0.0.1:2181", "localhost:2181/kafka", 1))
	plan, err := load(files, "zookeeper:clientPort=12181")
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Brokers[0].Props["zookeeper.connect"]; got != "127.0.0.1:12181" {
		t.Errorf("broker 1 connects to %s", got)
	}
	if got := plan.Brokers[1].Props["zookeeper.connect"]; got != "127.0.0.1:12181/kafka" {
		t.Errorf("broker 2 connects to %s", got)
	}
}

func TestAnEnsembleIsOneLine(t *testing.T) {
	files := lab()
	files["lab.toml"].Data = []byte("name = \"lab\"\nzookeeper.connect = \"zk1:2181,zk2:2181/kafka\"\nbrokers = [\"server-1.toml\", \"server-2.toml\"]\n")
	plan, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if plan.ZooKeeper.Embedded || plan.ZooKeeper.Connect != "zk1:2181,zk2:2181/kafka" || plan.Brokers[1].Props["zookeeper.connect"] != "zk1:2181,zk2:2181/kafka" {
		t.Errorf("plan %+v", plan)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name, file, from, to, override string
		want                           string
	}{
		{name: "unknown key", file: "lab.toml", from: "brokers", to: "broker",
			want: "lab.toml:2:1: unknown key broker (did you mean brokers?)"},
		{name: "a broker's key", file: "lab.toml", from: "[zookeeper]", to: "log.retention.ms = 5\n[zookeeper]",
			want: "lab.toml:4:1: log.retention.ms is a key of a broker: put it into the brokers' files, or use --override log.retention.ms=…"},
		{name: "wrong type", file: "lab.toml", from: `"lab"`, to: "5",
			want: "lab.toml:1:8: name must be 1 to 64 letters, digits, - or _, not 5"},
		{name: "wrong list", file: "lab.toml", from: `["server-1.toml", "server-2.toml"]`, to: "3",
			want: "lab.toml:2:11: brokers must be a list of file names, not 3"},
		{name: "syntax", file: "lab.toml", from: `"lab"`, to: `"lab`,
			want: "lab.toml:1:12: strings cannot contain newlines"},
		{name: "home outside", file: "lab.toml", from: "brokers", to: "home = \"../x\"\nbrokers",
			want: `lab.toml:2:9: home must be a directory below klab's home`},
		{name: "no name", file: "lab.toml", from: `name = "lab"`, to: "", want: "lab.toml: name is missing"},
		{name: "ZooKeeper's unknown key", file: "lab.toml", from: "dataDir", to: "dataDirr",
			want: "lab.toml:5:1: ZooKeeper has no key dataDirr (did you mean dataDir?)"},
		{name: "ZooKeeper's value", file: "lab.toml", from: "dataDir", to: "tickTime = \"soon\"\ndataDir",
			want: "lab.toml: zookeeper: cannot use tickTime=soon"},
		{name: "ZooKeeper's port", file: "lab.toml", from: "dataDir", to: "clientPort = 70000\ndataDir",
			want: `lab.toml:5:1: clientPort must be a number from 1 to 65535, not 70000`},
		{name: "two ZooKeepers", file: "lab.toml", from: "dataDir", to: "connect = \"zk1:2181\"\ndataDir",
			want: "lab.toml: zookeeper.connect names a ZooKeeper elsewhere"},
		{name: "no broker file", file: "lab.toml", from: "server-2", to: "server-9",
			want: "cannot read the broker's file: open server-9.toml: file does not exist"},
		{name: "broker's unknown key", file: "server-2.toml", from: "log.dirs", to: "log.dir5",
			want: "server-2.toml:3:5: unknown configuration log.dir5 (did you mean log.dir?)"},
		{name: "broker's type", file: "server-2.toml", from: "broker.id = 2", to: `broker.id = "two"`,
			want: "server-2.toml:1:14: cannot set broker.id = two: Not a number of type INT"},
		{name: "broker without id", file: "server-2.toml", from: "broker.id = 2", to: "",
			want: "server-2.toml: broker.id is missing"},
		{name: "one id", file: "server-2.toml", from: "broker.id = 2", to: "broker.id = 1",
			want: "server-2.toml: broker.id 1 is also that of server-1.toml; give each broker its own"},
		{name: "one port", file: "server-2.toml", from: "127.0.0.1:9094", to: "localhost:9093",
			want: "server-2.toml: port 9093 is also that of broker 1 (server-1.toml); give each process its own port"},
		{name: "ZooKeeper's port again", file: "server-2.toml", from: "9094", to: "2181",
			want: "server-2.toml: port 2181 is also that of ZooKeeper (lab.toml)"},
		{name: "port 0", file: "server-2.toml", from: "9094", to: "0", want: "server-2.toml: listeners has port 0"},
		{name: "one directory", file: "server-2.toml", from: "kafka-logs-2", to: "x/../kafka-logs-1",
			want: "server-2.toml: directory " + filepath.FromSlash(home+"/lab/kafka-logs-1") + " is also that of broker 1"},
		{name: "one directory in another", file: "server-2.toml", from: "kafka-logs-2", to: "zk/logs",
			want: "server-2.toml: directory " + filepath.FromSlash(home+"/lab/zk/logs") + " is also that of ZooKeeper"},
		{name: "ZooKeeper's log directory", file: "lab.toml", from: "dataDir", to: "dataLogDir = \"kafka-logs-1\"\ndataDir",
			want: "server-1.toml: directory " + filepath.FromSlash(home+"/lab/kafka-logs-1") + " is also that of ZooKeeper"},
		{name: "another ZooKeeper", file: "server-2.toml", from: "127.0.0.1:2181", to: "127.0.0.1:2182",
			want: "server-2.toml: zookeeper.connect is 127.0.0.1:2182, but the ZooKeeper of lab.toml listens on 127.0.0.1:2181"},
		{name: "override's key", override: "num.partitons=3",
			want: "--override num.partitons=3: unknown configuration num.partitons (did you mean num.partitions?)"},
		{name: "override's value", override: "num.partitions=-3",
			want: "--override num.partitions=-3: cannot set num.partitions = -3: Value must be at least 1"},
		{name: "override's form", override: "num.partitions", want: `cannot override with "num.partitions": write key=value`},
		{name: "override's scope", override: "server.1:num.partitions=3", want: "before the colon stands broker.ID or zookeeper"},
		{name: "override of nobody", override: "broker.7:num.partitions=3",
			want: "--override broker.7:num.partitions=3: there is no broker 7; the cluster has 1, 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := lab()
			var overrides []string
			if c.override != "" {
				overrides = []string{c.override}
			}
			if c.file != "" {
				text := string(files[c.file].Data)
				if !strings.Contains(text, c.from) {
					t.Fatalf("%s has no %q", c.file, c.from)
				}
				files[c.file].Data = []byte(strings.Replace(text, c.from, c.to, 1))
			}
			_, err := load(files, overrides...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

func TestZooKeepersDirectories(t *testing.T) {
	data, log := filepath.FromSlash(home+"/lab/zk"), filepath.FromSlash("/fast/zk-log")
	for setting, want := range map[string][]string{
		"":                                {data},
		"dataLogDir = \"/fast/zk-log\"\n": {data, log},
		"dataLogDir = \"zk\"\n":           {data},
		"dataLogDir = \"\"\n":             {data},
	} {
		files := lab()
		files["lab.toml"].Data = []byte(strings.Replace(string(files["lab.toml"].Data), "dataDir", setting+"dataDir", 1))
		plan, err := load(files)
		if err != nil || !slices.Equal(plan.ZooKeeper.Dirs, want) {
			t.Errorf("%q: directories %v, %v; want %v", setting, plan.ZooKeeper.Dirs, err, want)
		}
	}
}

func TestPropertiesFilesAreRead(t *testing.T) {
	files := lab()
	files["server-2.properties"] = &fstest.MapFile{Data: []byte("# my own\nbroker.id=2\nlisteners=PLAINTEXT://127.0.0.1:9094\nlog.dirs=/data/a,/data/b\nzookeeper.connect=127.0.0.1:2181\nsome.plugin.key=1\n")}
	files["lab.toml"].Data = []byte(strings.Replace(string(files["lab.toml"].Data), "server-2.toml", "server-2.properties", 1))
	plan, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.Brokers[1].Dirs; !slices.Equal(got, []string{filepath.FromSlash("/data/a"), filepath.FromSlash("/data/b")}) {
		t.Errorf("directories %v", got)
	}
}

func TestZooKeeperFiles(t *testing.T) {
	want := map[string]string{"dataDir": "/zk", "clientPort": "2181", "4lw.commands.whitelist": "*"}
	for name, text := range map[string]string{
		"a.toml": "[zookeeper]\ndataDir = \"/zk\"\nclientPort = 2181\n4lw.commands.whitelist = \"*\"\n",
		"b.toml": "dataDir = \"/zk\"\nclientPort = 2181\n4lw.commands.whitelist = \"*\"\n",
	} {
		got, err := parseZooKeeperTOML(name, text)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := parseZooKeeperTOML("c.toml", "dataDir = ["); err == nil || !strings.HasPrefix(err.Error(), "c.toml:1:") {
		t.Errorf("got %v", err)
	}
}

// Whatever a cluster file says, it becomes a plan or one clear mistake.
func FuzzClusterFile(f *testing.F) {
	pseudo, err := fs.ReadFile(configs.Files, configs.Pseudo)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(pseudo), "", "name = 5", "name = \"a\"\nbrokers = []", "name.x = 1", "[zookeeper]\na.b.c = 1", "[[brokers]]", "a = [[{}]]",
		"name = \"a\"\nbrokers = [\"server-1.toml\"]\nzookeeper = 3", "log = {}", "\x00", "name = \"a\"\nzookeeper.connect = \"x/y\"\nbrokers = [\"server-1.toml\"]",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := fstest.MapFS{}
		for _, name := range []string{"server-1.toml", "server-2.toml", "server-3.toml"} {
			data, err := fs.ReadFile(configs.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: data}
		}
		files["lab.toml"] = &fstest.MapFile{Data: []byte(text)}
		plan, err := load(files)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || err.Error() == "" {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		if plan.Name == "" || len(plan.Brokers) == 0 || !strings.HasPrefix(plan.Home, filepath.FromSlash(home)) || plan.Home == filepath.FromSlash(home) {
			t.Fatalf("plan %+v", plan)
		}
	})
}
