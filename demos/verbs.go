package demos

import (
	"fmt"
	"maps"
	"slices"
)

// verb is one entry of the closed list of what lessons can do.
type verb struct {
	args     map[string]argument // by name
	observed bool                // something must be observed after it: the lint asks for until or expect
}

type argument struct {
	kind     argKind
	free     bool // any text
	required bool
}

func needed(kind argKind) argument { return argument{kind: kind, required: true} }

// verbs returns the closed list; action.go does them.
func verbs() map[string]verb {
	broker := verb{args: map[string]argument{"broker": needed(argBroker)}, observed: true}
	actor := verb{args: map[string]argument{"actor": needed(argActor)}}
	return map[string]verb{
		"broker.kill":      broker,
		"broker.stop":      broker,
		"broker.start":     broker,
		"broker.restart":   broker,
		"broker.pause":     broker,
		"broker.resume":    broker,
		"zookeeper.pause":  {},
		"zookeeper.resume": {},
		"topic.add_partitions": {args: map[string]argument{
			"topic": needed(argTopic), "total": {free: true, required: true},
		}, observed: true},
		"leader.preferred": {args: map[string]argument{"partition": needed(argPartition)}, observed: true},
		"producer.start":   actor,
		"producer.stop":    actor,
		"producer.write":   {args: map[string]argument{"actor": needed(argActor), "count": {free: true, required: true}}, observed: true},
		"reader.start":     actor,
		"reader.stop":      actor,
		"reader.seek":      {args: map[string]argument{"actor": needed(argActor), "to": {free: true, required: true}}, observed: true},
	}
}

// check holds an action against the list; the error says what it may be.
func (a Action) check() error {
	all := verbs()
	v, ok := all[a.Act]
	if !ok {
		return fmt.Errorf("unknown verb %s; %s", a.Act, nearest(a.Act, slices.Sorted(maps.Keys(all))))
	}
	for name := range a.Args {
		if _, ok := v.args[name]; !ok {
			return fmt.Errorf("%s takes %v, not %s", a.Act, slices.Sorted(maps.Keys(v.args)), name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.args)) {
		arg := v.args[name]
		if arg.required && a.Args[name] == "" {
			return fmt.Errorf("%s lacks %s", a.Act, name)
		}
		if arg.kind == argPartition && !arg.free {
			if _, _, err := splitPartition(a.Args[name]); err != nil {
				return fmt.Errorf("%s: %w", a.Act, err)
			}
		}
	}
	return nil
}
