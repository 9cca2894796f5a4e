package demos

import (
	"strings"
	"testing"
)

func TestTheShippedLessonsAreClean(t *testing.T) {
	files, err := Lessons()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 {
		t.Fatalf("%d lessons, want log and failover at least", len(files))
	}
	for _, file := range files {
		for _, err := range Lint(file) {
			t.Error(err)
		}
	}
}

// good is a lesson without a fault; each case below plants one.
const good = `schema = 1
id = "t"
title = { en = "T", zh = "题" }
minutes = 2
[cluster]
topics = [ { name = "orders", partitions = 1, replication = 3 } ]
[[actor]]
id = "w"
kind = "producer"
topic = "orders"
[[step]]
id = "one"
say = { en = "Broker $old leads.", zh = "领导者 $old。" }
save = { old = "leader(orders/0)" }
do = [ { act = "broker.kill", broker = "$old" } ]
until = ["leader(orders/0) != $old"]
within = "15s"
`

func TestLintFindsPlantedFaults(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"unknown key", "within =", "witihn =", "did you mean within?"},
		{"a variable in one language", "领导者 $old", "领导者", "has variables [$old] in English and [] in Chinese"},
		{"unknown observable", "until = [\"leader(", "until = [\"epok(", "did you mean epoch?"},
		{"unknown verb", "broker.kill", "broker.kil", "did you mean broker.kill?"},
		{"a variable before it is saved", "!= $old", "!= $new", "$new is used before"},
		{"until without within", "within = \"15s\"", "", "until without within"},
		{"a partition that is not there", "until = [\"leader(orders/0)", "until = [\"leader(orders/7)", "there is no partition orders/7"},
		{"nothing observed", "until = [\"leader(orders/0) != $old\"]\nwithin = \"15s\"", "", "observes nothing"},
		{"a language missing", "zh = \"题\"", "zh = \"\"", "lacks English or Chinese"},
		{"an actor's topic", "topic = \"orders\"\n[[step]]", "topic = \"other\"\n[[step]]", "which is not in [cluster]"},
		{"an argument too many", "broker = \"$old\"", "broker = \"$old\", now = \"1\"", "not now"},
		{"narration too long", "Broker $old leads.", "Broker $old leads. " + strings.Repeat("It goes on and on. ", 20), "3 fit"},
		{"schema", "schema = 1", "schema = 2", "reads schema 1"},
		{"a bad time", "\"15s\"", "\"15\"", "as a time"},
	}
	if errs := faults(good); len(errs) > 0 {
		t.Fatalf("the good lesson has faults: %v", errs)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case plants nothing")
			}
			for _, err := range faults(text) {
				if strings.Contains(err.Error(), c.want) {
					return
				}
			}
			t.Errorf("faults %v, want one with %q", faults(text), c.want)
		})
	}
}

func faults(text string) []error {
	file, err := Parse("t.toml", []byte(text))
	if err != nil {
		return []error{err}
	}
	return Lint(file)
}

func FuzzLint(f *testing.F) {
	f.Add(good)
	files, err := lessonFiles.ReadDir("lessons")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := lessonFiles.ReadFile("lessons/" + file.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := Parse("fuzz.toml", []byte(text)); err == nil && len(Lint(file)) == 0 {
			if _, err := NewScript(file, Headless, "en"); err != nil {
				t.Fatalf("lint accepts what the script refuses: %v", err)
			}
		}
	})
}
