package cluster

import (
	"os/exec"
	"strings"
	"testing"
)

// The command line of a record writes that record, whatever is in it.
func TestTheCommandLineOfARecordWritesIt(t *testing.T) {
	c := &Cluster{target: Target{}, bootstrap: []string{"h:1"}, model: newModel("h:1", false)}
	for _, want := range []struct {
		record      NewRecord
		klab, kafka string
	}{
		{NewRecord{Value: []byte("v")}, "echo v | klab produce t", "echo v | kafka-console-producer.sh --bootstrap-server h:1 --topic t"},
		{NewRecord{Key: []byte("k")}, "echo k:NULL | klab produce t --key-separator : --null-marker NULL",
			"echo k:NULL | kafka-console-producer.sh --bootstrap-server h:1 --topic t --property parse.key=true --property key.separator=: --property null.marker=NULL"},
		{NewRecord{}, "echo NULL | klab produce t --null-marker NULL", ""},
		{NewRecord{Key: []byte("NULL")}, "echo NULL:NULL1 | klab produce t --key-separator : --null-marker NULL1", ""},
		{NewRecord{Key: []byte("a:b"), Value: []byte("v")}, "echo 'a:b|v' | klab produce t --key-separator '|'", ""},
		{NewRecord{Key: []byte("a:|"), Value: []byte("v")}, "echo 'a:|;v' | klab produce t --key-separator ';'", ""},
		{NewRecord{Key: []byte(""), Value: []byte("a:b")}, "echo :a:b | klab produce t --key-separator :", ""},
		{NewRecord{Value: []byte(`a\nb`)}, `printf '%s\n' 'a\nb' | klab produce t`, ""},
		{NewRecord{Value: []byte("-n")}, `printf '%s\n' -n | klab produce t`, ""},
		{NewRecord{Value: []byte("x\ny")}, "# no line of input is this record: its key or value has line breaks", "# no line of input is this record: its key or value has line breaks"},
	} {
		got := c.CommandOf(ProduceRequest{Topic: "t", Records: []NewRecord{want.record}})
		if got.Klab != want.klab || want.kafka != "" && got.Kafka != want.kafka {
			t.Errorf("klab:  %s\nwant:  %s\nkafka: %s\nwant:  %s", got.Klab, want.klab, got.Kafka, want.kafka)
		}
		shell, line := "/bin/sh", strings.Split(got.Klab, " | klab")[0]
		if typed, err := exec.Command(shell, "-c", line).Output(); err == nil && strings.Contains(got.Klab, "printf") && strings.TrimSuffix(string(typed), "\n") != string(want.record.Value) {
			t.Errorf("%s writes %q", line, typed)
		}
	}
	all := strings.Repeat(strings.Join(separators, ""), 2)
	if sep := separatorOf(all+"<1>", "v"); sep != "<2>" {
		t.Errorf("no separator is left but %q", sep)
	}
}
