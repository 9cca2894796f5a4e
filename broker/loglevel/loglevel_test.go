package loglevel

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestLevelsAreInherited(t *testing.T) {
	var out bytes.Buffer
	l := New(slog.NewTextHandler(&out, nil))
	log := l.Logger("kafka.server.KafkaApis").With("broker", 1)
	says := func(want bool) {
		t.Helper()
		out.Reset()
		log.Debug("hello")
		if got := strings.Contains(out.String(), "hello"); got != want {
			t.Errorf("at %v a debug line was written: %t", l.All(), got)
		}
	}
	set := func(name, level string) {
		t.Helper()
		if err := l.Set(name, level); err != nil {
			t.Fatal(err)
		}
	}
	says(false)
	set("kafka", "DEBUG")
	says(true)
	set("kafka.server.KafkaApis", "WARN")
	says(false)
	l.Reset("kafka.server.KafkaApis")
	says(true)
	l.Reset("kafka")
	says(false)
	set(Root, "TRACE")
	says(true)
	l.Reset(Root)
	says(true) // root keeps its level
	if got := l.All()["kafka.server.KafkaApis"]; got != "TRACE" {
		t.Errorf("the effective level is %s", got)
	}
	if l.Set("kafka.nobody", "INFO") == nil || l.Set("kafka", "LOUD") == nil || l.Set("kafka", "info") == nil {
		t.Error("an unknown logger or level was accepted")
	}
}

func TestDiscardedLinesCostNothing(t *testing.T) {
	log := New(slog.DiscardHandler).Logger("kafka.log.LogManager")
	if log.Enabled(t.Context(), slog.LevelError) {
		t.Error("what is discarded is enabled")
	}
}
