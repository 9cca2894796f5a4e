package spec

import (
	"slices"
	"strconv"
	"strings"

	"klab/broker/config"
)

// override is one --override.
type override struct {
	text       string // as it was given
	broker     int32  // -1: every broker
	key, value string
}

type overrides struct {
	brokers   []override
	zookeeper []override
}

func parseOverrides(texts []string) (overrides, error) {
	var all overrides
	for _, text := range texts {
		o, zookeeper, err := parseOverride(text)
		switch {
		case err != nil:
			return overrides{}, err
		case zookeeper:
			all.zookeeper = append(all.zookeeper, o)
		default:
			all.brokers = append(all.brokers, o)
		}
	}
	return all, nil
}

func parseOverride(text string) (o override, zookeeper bool, err error) {
	name, value, ok := strings.Cut(text, "=")
	scope, key, scoped := strings.Cut(strings.TrimSpace(name), ":")
	if !scoped {
		scope, key = "", scope
	}
	if !ok || key == "" {
		return o, false, mistake("cannot override with %q: write key=value, broker.2:key=value or zookeeper:key=value", text)
	}
	o = override{text: text, broker: -1, key: strings.TrimSpace(key), value: strings.TrimSpace(value)}
	if scope == "" || scope == "zookeeper" {
		return o, scope != "", nil
	}
	id, found := strings.CutPrefix(scope, "broker.")
	n, err := strconv.ParseInt(id, 10, 32)
	if !found || err != nil || n < 0 {
		return o, false, mistake("cannot override with %q: before the colon stands broker.ID or zookeeper", text)
	}
	o.broker = int32(n)
	return o, false, nil
}

// applyToBroker changes the properties of one broker. Those of one broker's own win over those of every broker.
func (all overrides) applyToBroker(props map[string]string) error {
	for _, o := range all.brokers {
		if o.broker < 0 {
			if err := o.apply(props); err != nil {
				return err
			}
		}
	}
	id := props["broker.id"]
	for _, o := range all.brokers {
		if o.broker >= 0 && strconv.Itoa(int(o.broker)) == id {
			if err := o.apply(props); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o override) apply(props map[string]string) error {
	if err := config.Override(props, o.key+"="+o.value); err != nil {
		return mistake("--override %s: %w", o.text, err)
	}
	return nil
}

// OverrideBroker applies overrides to one broker's properties, as [Load] does.
func OverrideBroker(props map[string]string, texts []string) error {
	all, err := parseOverrides(texts)
	if err != nil {
		return err
	}
	if len(all.zookeeper) > 0 {
		return mistake("--override %s: there is no ZooKeeper here to override", all.zookeeper[0].text)
	}
	return all.applyToBroker(props)
}

// checkBrokersExist refuses an override for a broker that the cluster does not have: it would silently do nothing.
func (all overrides) checkBrokersExist(brokers []Broker) error {
	for _, o := range all.brokers {
		known := func(b Broker) bool { return b.ID == o.broker }
		if o.broker < 0 || slices.ContainsFunc(brokers, known) {
			continue
		}
		ids := make([]string, len(brokers))
		for i, b := range brokers {
			ids[i] = strconv.Itoa(int(b.ID))
		}
		return mistake("--override %s: there is no broker %d; the cluster has %s", o.text, o.broker, strings.Join(ids, ", "))
	}
	return nil
}
