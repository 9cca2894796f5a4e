package demos

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
)

// File is one lesson as written.
type File struct {
	Schema   int         `toml:"schema"` // 1
	ID       string      `toml:"id"`
	Title    Text        `toml:"title"`
	Level    string      `toml:"level"` // basic, advanced
	Minutes  int         `toml:"minutes"`
	Concepts []string    `toml:"concepts"`
	Needs    []string    `toml:"needs"` // verbs and observables' capabilities that the cluster must offer
	Cluster  ClusterSpec `toml:"cluster"`
	Actors   []ActorSpec `toml:"actor"`
	Screen   Screen      `toml:"screen"`
	Steps    []Step      `toml:"step"`
}

// Text is a wording in both languages.
type Text struct {
	En string `toml:"en"`
	Zh string `toml:"zh"`
}

// In returns the wording in a language; anything but zh is English.
func (t Text) In(lang string) string {
	if lang == "zh" {
		return t.Zh
	}
	return t.En
}

// ClusterSpec is what the lesson needs to find.
type ClusterSpec struct {
	Brokers int               `toml:"brokers"`
	Config  map[string]string `toml:"config"` // broker settings that a cluster started for this lesson gets
	Topics  []TopicSpec       `toml:"topics"`
}

// TopicSpec is a topic made before the first step. Its name on the cluster has the prefix "demo.".
type TopicSpec struct {
	Name        string            `toml:"name"`
	Partitions  int               `toml:"partitions"`
	Replication int               `toml:"replication"`
	Config      map[string]string `toml:"config"`
}

// ActorSpec is a client that the lesson runs: a producer that writes numbered records, or a reader with a position of its own.
type ActorSpec struct {
	ID    string            `toml:"id"`
	Kind  string            `toml:"kind"` // producer, reader
	Topic string            `toml:"topic"`
	Set   map[string]string `toml:"set"`  // producer: acks, rate ("20/s"), keys (seq, none); reader: from (beginning, end)
	Idle  bool              `toml:"idle"` // starts only when a step says so
}

// Screen says what the player draws beside the narration.
type Screen struct {
	Pin []string `toml:"pin"` // observables shown all the time
}

// Step is one step of the lesson.
type Step struct {
	ID      string             `toml:"id"`
	Say     Text               `toml:"say"`
	Why     Text               `toml:"why"`  // shown on ?
	Save    map[string]string  `toml:"save"` // variable = observable, bound before the step acts
	Ask     []Choice           `toml:"ask"`  // a prediction; never scored
	Do      []Action           `toml:"do"`
	Until   []string           `toml:"until"`   // all true in one sample
	Hold    Duration           `toml:"hold"`    // and for so long
	Within  Duration           `toml:"within"`  // bounds the wait
	Never   []string           `toml:"never"`   // checked on every sample of the step
	Expect  []string           `toml:"expect"`  // checked once, when the step ends
	Measure map[string]Measure `toml:"measure"` // name = observable; reported, and usable as $name from here on
	Slow    float64            `toml:"slow"`    // rate of the producers during the step, times this
	Task    *Task              `toml:"task"`
	Hint    []Hint             `toml:"hint"`
}

// Choice is one answer to a step's question.
type Choice struct {
	Text
	Right bool `toml:"right"`
}

// Task is something that the learner does; headless, its solution is done instead.
type Task struct {
	Keys     []string `toml:"keys"`
	Solution []Action `toml:"solution"`
}

// Hint is shown while its predicate holds.
type Hint struct {
	Text
	When string `toml:"when"`
}

// Action is one verb with its arguments.
type Action struct {
	Act  string
	Args map[string]string
}

// UnmarshalTOML reads { act = "broker.kill", broker = "$old" }.
func (a *Action) UnmarshalTOML(value any) error {
	table, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("an action is a table such as { act = \"broker.kill\", broker = \"$old\" }, not %v", value)
	}
	a.Args = map[string]string{}
	for key, v := range table {
		if key == "act" {
			a.Act = fmt.Sprint(v)
			continue
		}
		a.Args[key] = fmt.Sprint(v)
	}
	return nil
}

// Measure is an observable read when a step ends, with an optional upper bound.
type Measure struct {
	Of  string
	Max float64 // 0: none
}

// UnmarshalTOML reads "gap_ms(writer)" or { of = "gap_ms(writer)", max = 6000 }.
func (m *Measure) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case string:
		m.Of = v
		return nil
	case map[string]any:
		for key, field := range v {
			if err := m.set(key, field); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("a measure is an observable, or { of = observable, max = number }, not %v", value)
}

func (m *Measure) set(key string, field any) error {
	switch v := field.(type) {
	case string:
		if key == "of" {
			m.Of = v
			return nil
		}
	case int64:
		if key == "max" {
			m.Max = float64(v)
			return nil
		}
	case float64:
		if key == "max" {
			m.Max = v
			return nil
		}
	}
	return fmt.Errorf("a measure has of (an observable) and max (a number), not %s = %v", key, field)
}

// Duration is a time such as "15s" or "500ms".
type Duration time.Duration

// UnmarshalText reads Go's notation; negative times are refused.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err == nil && parsed < 0 {
		err = errors.New("it is negative")
	}
	if err != nil {
		return fmt.Errorf("cannot read %q as a time: %w", text, err)
	}
	*d = Duration(parsed)
	return nil
}

// Parse reads a lesson strictly: what it does not know is an error with its line. It does not lint.
func Parse(name string, data []byte) (*File, error) {
	var file File
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&file)
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		return nil, fmt.Errorf("%s:%d:%d: %s", name, syntax.Position.Line, syntax.Position.Col, syntax.Message)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, key := range meta.Undecoded() {
		if insideOwnReader(key) {
			continue
		}
		return nil, fmt.Errorf("%s: unknown key %s; %s", name, key, nearestKey(key[len(key)-1]))
	}
	if file.Schema != 1 {
		return nil, fmt.Errorf("%s: schema is %d; this klab reads schema 1", name, file.Schema)
	}
	return &file, nil
}

// insideOwnReader is true of keys below those that have an UnmarshalTOML: the decoder does not count them as read.
func insideOwnReader(key toml.Key) bool {
	for _, part := range key[:len(key)-1] {
		if part == "do" || part == "solution" || part == "measure" {
			return true
		}
	}
	return false
}
