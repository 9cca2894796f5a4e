package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/nearest"
)

func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "list, get and change the configuration of topics, brokers and groups", Args: cobra.NoArgs}
	cmd.AddCommand(newConfigList(a), newConfigGet(a), newConfigChange(a, cluster.ConfigSet), newConfigChange(a, cluster.ConfigDelete),
		newConfigChange(a, cluster.ConfigAppend), newConfigChange(a, cluster.ConfigSubtract))
	return requireSubcommand(cmd)
}

const configOf = "TYPE NAME is topic NAME, broker ID, broker-logger ID or group NAME; broker --default is what holds for all brokers."

// resourceOf reads TYPE NAME, or TYPE --default, and returns the other arguments.
func resourceOf(args []string, all bool) (cluster.ConfigResource, []string, error) {
	kind := cluster.ConfigKind(args[0])
	if !slices.Contains(cluster.ConfigKinds, kind) {
		return cluster.ConfigResource{}, nil, badInput("cannot configure %q: give topic, broker, broker-logger or group", args[0])
	}
	if all {
		if kind != cluster.BrokerConfigs {
			return cluster.ConfigResource{}, nil, badInput("cannot configure all %ss: --default is for brokers", kind)
		}
		return cluster.ConfigResource{Kind: kind}, args[1:], nil
	}
	if len(args) < 2 {
		return cluster.ConfigResource{}, nil, badInput("cannot configure a %s: name it, as in klab config list %s NAME", kind, kind)
	}
	return cluster.ConfigResource{Kind: kind, Name: args[1]}, args[2:], nil
}

type configFlags struct {
	all     bool // --default
	changed bool
	doc     bool
	dryRun  bool
}

func newConfigList(a *app) *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use: "list TYPE NAME", Short: "list a configuration with the source of each value", Args: cobra.RangeArgs(1, 2), ValidArgsFunction: a.configArgs(0),
		Long: "Lists a configuration. " + configOf, Example: "  klab config list topic orders --changed\n  klab config list broker 1 --doc",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, rest, err := resourceOf(args, f.all)
			if err == nil && len(rest) > 0 {
				err = badInput("cannot list configuration: %q is too much; klab config get shows one", rest[0])
			}
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				entries, err := c.Configs(cmd.Context(), r)
				if err != nil {
					return err
				}
				return a.printConfigs(entries, f)
			})
		},
	}
	cmd.Flags().BoolVar(&f.all, "default", false, "of brokers: what holds for all of them")
	cmd.Flags().BoolVar(&f.changed, "changed", false, "only what is not at Kafka's default")
	cmd.Flags().BoolVar(&f.doc, "doc", false, "with Kafka's documentation")
	a.outputFlag(cmd)
	return cmd
}

type configLine struct {
	Name      string        `json:"name"`
	Value     string        `json:"value"`
	Source    string        `json:"source"`
	Default   *string       `json:"default"` // null: not known
	ReadOnly  bool          `json:"read_only"`
	Sensitive bool          `json:"sensitive"`
	Type      string        `json:"type"`
	Doc       string        `json:"documentation"`
	Synonyms  []synonymLine `json:"synonyms"`
}

type synonymLine struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

func configLineOf(e cluster.ConfigEntry) configLine {
	l := configLine{Name: e.Name, Value: e.Value, Source: e.Source, ReadOnly: e.ReadOnly, Sensitive: e.Sensitive, Type: e.Type, Doc: e.Doc, Synonyms: []synonymLine{}}
	if value, known := e.DefaultValue(); known {
		l.Default = &value
	}
	for _, s := range e.Synonyms {
		l.Synonyms = append(l.Synonyms, synonymLine(s))
	}
	return l
}

func (a *app) printConfigs(entries []cluster.ConfigEntry, f configFlags) error {
	lines, rows := []configLine{}, [][]string{}
	header := []string{"NAME", "VALUE", "SOURCE", "DEFAULT"}
	if f.doc {
		header = append(header, "DOCUMENTATION")
	}
	for _, e := range entries {
		if f.changed && e.Default {
			continue
		}
		lines = append(lines, configLineOf(e))
		def, known := e.DefaultValue()
		if !known {
			def = "-"
		}
		row := []string{e.Name, shownValue(e), e.Source, def}
		if f.doc {
			row = append(row, e.Doc)
		}
		rows = append(rows, row)
	}
	return a.out.tableOr(lines, header, rows)
}

func shownValue(e cluster.ConfigEntry) string {
	if e.Sensitive {
		return "(hidden)"
	}
	return e.Value
}

func newConfigGet(a *app) *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use: "get TYPE NAME KEY", Short: "print one value", Args: cobra.RangeArgs(2, 3), ValidArgsFunction: a.configArgs(1),
		Long: "Prints the value of one key. " + configOf, Example: "  klab config get topic orders retention.ms",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, rest, err := resourceOf(args, f.all)
			if err == nil && len(rest) != 1 {
				err = badInput("cannot get configuration of %s: name one key, as in retention.ms", r)
			}
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				e, err := findConfig(cmd.Context(), c, r, rest[0])
				if err != nil {
					return err
				}
				if a.out.json {
					return a.out.value(configLineOf(e))
				}
				return a.out.line("%s", a.out.text(shownValue(e)))
			})
		},
	}
	cmd.Flags().BoolVar(&f.all, "default", false, "of brokers: what holds for all of them")
	a.outputFlag(cmd)
	return cmd
}

func findConfig(ctx context.Context, c *cluster.Cluster, r cluster.ConfigResource, key string) (cluster.ConfigEntry, error) {
	entries, err := c.Configs(ctx, r)
	if err != nil {
		return cluster.ConfigEntry{}, err
	}
	i := slices.IndexFunc(entries, func(e cluster.ConfigEntry) bool { return e.Name == key })
	if i < 0 {
		near, ok := nearest.Name(key, func(yield func(string) bool) {
			for _, e := range entries {
				if !yield(e.Name) {
					return
				}
			}
		})
		if ok {
			return cluster.ConfigEntry{}, badInput("%s has no configuration %q, did you mean %q", r, key, near)
		}
		return cluster.ConfigEntry{}, badInput("%s has no configuration %q: see klab config list", r, key)
	}
	return entries[i], nil
}

var configVerbs = map[cluster.ConfigOp]struct{ use, short, long string }{
	cluster.ConfigSet:      {"set TYPE NAME KEY=VALUE…", "set values", "Sets values. "},
	cluster.ConfigDelete:   {"delete TYPE NAME KEY…", "take values back to what holds without them", "Takes values back to what holds without them. "},
	cluster.ConfigAppend:   {"append TYPE NAME KEY=VALUE…", "add elements to a list", "Adds elements to a list such as cleanup.policy. "},
	cluster.ConfigSubtract: {"subtract TYPE NAME KEY=VALUE…", "take elements out of a list", "Takes elements out of a list such as cleanup.policy. "},
}

func newConfigChange(a *app, op cluster.ConfigOp) *cobra.Command {
	var f configFlags
	verb := configVerbs[op]
	cmd := &cobra.Command{
		Use: verb.use, Short: verb.short, Args: cobra.MinimumNArgs(2), ValidArgsFunction: a.configArgs(-1),
		Long: verb.long + configOf + " The other values stay as they are.",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, rest, err := resourceOf(args, f.all)
			if err != nil {
				return err
			}
			alter := cluster.AlterConfigs{Resource: r, DryRun: f.dryRun}
			if alter.Changes, err = configChanges(op, r, rest); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.alterConfigs(cmd.Context(), c, alter) })
		},
	}
	cmd.Flags().BoolVar(&f.all, "default", false, "of brokers: what holds for all of them")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "let the broker check it, and change nothing")
	a.outputFlag(cmd)
	return cmd
}

func configChanges(op cluster.ConfigOp, r cluster.ConfigResource, words []string) ([]cluster.ConfigChange, error) {
	var changes []cluster.ConfigChange
	for _, word := range words {
		key, value, pair := strings.Cut(word, "=")
		switch {
		case op == cluster.ConfigDelete && pair, key == "":
			return nil, badInput("cannot delete configuration %q of %s: give the key alone", word, r)
		case op != cluster.ConfigDelete && !pair:
			return nil, badInput("cannot %s configuration %q of %s: give key=value", op, word, r)
		}
		changes = append(changes, cluster.ConfigChange{Name: key, Op: op, Value: value})
	}
	if len(changes) == 0 {
		return nil, badInput("cannot %s configuration of %s: name what to change", op, r)
	}
	return changes, nil
}

// configChanged is one change, as it was and as it is. A value is null where there is none, or where it is kept secret.
type configChanged struct {
	Name      string  `json:"name"`
	Old       *string `json:"old"`
	OldSource string  `json:"old_source,omitempty"`
	New       *string `json:"new"`
	NewSource string  `json:"new_source,omitempty"`
	DryRun    bool    `json:"dry_run,omitempty"` // the broker would take the change
}

func changeOf(name string, before, after []cluster.ConfigEntry, dryRun bool) configChanged {
	l := configChanged{Name: name, DryRun: dryRun}
	l.Old, l.OldSource = valueIn(before, name)
	l.New, l.NewSource = valueIn(after, name)
	return l
}

// valueIn is a configuration's value and source.
func valueIn(entries []cluster.ConfigEntry, name string) (value *string, source string) {
	i := slices.IndexFunc(entries, func(e cluster.ConfigEntry) bool { return e.Name == name })
	switch {
	case i < 0:
		return nil, ""
	case entries[i].Sensitive:
		return nil, entries[i].Source
	}
	return &entries[i].Value, entries[i].Source
}

// alterConfigs changes configurations and tells what they were before.
func (a *app) alterConfigs(ctx context.Context, c *cluster.Cluster, alter cluster.AlterConfigs) error {
	before, err := c.Configs(ctx, alter.Resource)
	if err != nil {
		return err
	}
	if err := c.AlterConfigs(ctx, alter); err != nil {
		return err
	}
	after, err := c.Configs(ctx, alter.Resource)
	if err != nil {
		return err
	}
	lines := []configChanged{}
	for _, ch := range alter.Changes {
		lines = append(lines, changeOf(ch.Name, before, after, alter.DryRun))
	}
	if a.out.json {
		return a.out.value(lines)
	}
	for i, ch := range alter.Changes {
		err = errors.Join(err, a.out.line("%s: %s", ch.Name, a.out.text(lines[i].words(ch, shownIn(before, ch.Name), shownIn(after, ch.Name)))))
	}
	return err
}

// words say a change, from what is shown before and after.
func (l configChanged) words(ch cluster.ConfigChange, before, after string) string {
	switch {
	case l.DryRun:
		return before + ", the broker would take the change"
	case before == after && ch.Op == cluster.ConfigSet && l.New != nil && *l.New != ch.Value:
		return fmt.Sprintf("%s accepted, a reader does not see it yet: %s", ch.Value, after)
	}
	return before + " -> " + after
}

// shownIn is a value as it is shown, with its source; a dash when it is not there.
func shownIn(entries []cluster.ConfigEntry, name string) string {
	for _, e := range entries {
		if e.Name == name {
			return fmt.Sprintf("%s (%s)", shownValue(e), e.Source)
		}
	}
	return "-"
}

// configArgs completes TYPE, NAME and, where keys is not 0, configuration names.
func (a *app) configArgs(keys int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return []string{"topic", "broker", "broker-logger", "group"}, cobra.ShellCompDirectiveNoFileComp
		case len(args) == 1 && args[0] == "topic":
			return a.topicNames(cmd, nil, typed)
		case len(args) == 1 && args[0] == "group":
			return a.groupNames(cmd, nil, typed)
		case len(args) == 1:
			return a.brokerIDs(cmd, nil, typed)
		case keys == 0:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		a.brief(cmd.Context(), func(ctx context.Context, c *cluster.Cluster) {
			entries, _ := c.Configs(ctx, cluster.ConfigResource{Kind: cluster.ConfigKind(args[0]), Name: args[1]})
			for _, e := range entries {
				names = append(names, e.Name)
			}
		})
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
