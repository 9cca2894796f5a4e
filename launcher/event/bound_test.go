package event

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWhatIsTooLongInAnEventIsCut(t *testing.T) {
	paths := make([]string, 5000)
	for i := range paths {
		paths[i] = fmt.Sprint("/locks/", i)
	}
	isr := []int32{1, 2, 3}
	fields := map[string]any{"reason": strings.Repeat("é", 150_000), "ephemerals": paths, "isr": isr, "epoch": 5, "short": "as it was"}
	e := Event{Kind: "x", Broker: 1, Partition: -1, By: strings.Repeat("y", 2000), Fields: fields}.Bounded()
	reason := e.Fields["reason"].(string)
	if !utf8.ValidString(reason) || len(reason) > MaxText || !strings.HasSuffix(reason, "é… (299016 bytes more)") {
		t.Errorf("reason of %d bytes: %q", len(reason), reason[max(0, len(reason)-50):])
	}
	list := e.Fields["ephemerals"].([]string)
	if n := len(list) - 1; n < 1000 || !slices.Equal(list[:n], paths[:n]) || list[n] != fmt.Sprintf("… %d more", 5000-n) {
		t.Errorf("%d ephemerals, the last is %q", len(list), list[len(list)-1])
	}
	if e.Broker != 1 || e.Fields["epoch"] != 5 || e.Fields["short"] != "as it was" || !reflect.DeepEqual(e.Fields["isr"], isr) || len(e.By) > MaxText {
		t.Errorf("the rest became %+v", e)
	}
	if len(fields["reason"].(string)) != 300_000 || len(fields["ephemerals"].([]string)) != 5000 {
		t.Error("the caller's fields were changed")
	}
}

// What cannot be cut is left out, and the event says so.
func TestAnEventThatIsStillTooLongSaysSo(t *testing.T) {
	e := Event{Seq: 7, Kind: "x", Source: "broker 2", Broker: 2, Partition: -1, By: strings.Repeat("y", 1<<20), Fields: map[string]any{
		"nested": map[string]any{"text": strings.Repeat("x", 1<<20)},
	}}
	text, err := json.Marshal(e)
	if err != nil || len(text) > MaxBytes {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	var back Event
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if n, _ := back.Fields["too_long"].(float64); back.Seq != 7 || back.Broker != 2 || back.Source != "broker 2" || n < 2<<20 {
		t.Errorf("%+v", back)
	}
}

func TestABoundedEventIsToldInFull(t *testing.T) {
	long := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.StringOfN(rapid.RuneFrom([]rune("a<\x00é\u2028")), 0, 20, -1).Draw(t, "text"), rapid.IntRange(0, 3000).Draw(t, "times"))
	})
	rapid.Check(t, func(t *rapid.T) {
		e := Event{Kind: "x", Broker: -1, Partition: -1, By: long.Draw(t, "by"), Topic: long.Draw(t, "topic"), Fields: map[string]any{
			"list": slices.Repeat(rapid.SliceOfN(long, 0, 10).Draw(t, "list"), rapid.IntRange(0, 1000).Draw(t, "times")),
			"a":    long.Draw(t, "a"), "b": long.Draw(t, "b"), "c": long.Draw(t, "c"), "d": long.Draw(t, "d"), "e": long.Draw(t, "e"),
		}}.Bounded()
		if again := e.Bounded(); !reflect.DeepEqual(again, e) {
			t.Fatalf("cut twice\n%+v\nbecame\n%+v", e, again)
		}
		text, err := json.Marshal(e)
		if err != nil || len(text) > MaxBytes || strings.Contains(string(text), "too_long") {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		var back Event
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(back.Bounded()); err != nil || string(again) != string(text) {
			t.Fatalf("%.200s\nbecame\n%.200s, %v", text, again, err)
		}
	})
}
