package event

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnEventComesBackFromJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Event{
			Seq: rapid.Int64().Draw(t, "seq"), Time: time.Unix(0, rapid.Int64Range(0, 1<<60).Draw(t, "time")).UTC(),
			Source: rapid.String().Draw(t, "source"), Kind: rapid.String().Draw(t, "kind"),
			Broker: rapid.Int32Range(-1, 1000).Draw(t, "broker"), Topic: rapid.String().Draw(t, "topic"),
			Partition: rapid.Int32Range(-1, 1000).Draw(t, "partition"), By: rapid.String().Draw(t, "by"),
			Cause: rapid.Int64().Draw(t, "cause"),
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back Event
		if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%s\nbecame %+v, %v\nfrom   %+v", text, back, err, e)
		}
	})
}

func TestWhatAnEventDoesNotHaveIsLeftOut(t *testing.T) {
	text, err := json.Marshal(Event{Seq: 1, Kind: ClusterReady, Source: "supervisor", Broker: -1, Partition: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"broker", "topic", "partition", "by", "cause", "fields"} {
		if strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("%s has %s", text, name)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"seq":1,"kind":"x","broker":0,"fields":{"a":[1]}}`))
	f.Add([]byte(`{"broker":1e400}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var e Event
		if json.Unmarshal(text, &e) != nil {
			return
		}
		if _, err := json.Marshal(e); err != nil && e.Time.Year() < 10000 && e.Time.Year() >= 0 {
			t.Errorf("%s was read and cannot be written: %v", text, err)
		}
	})
}
