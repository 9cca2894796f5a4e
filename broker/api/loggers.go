package api

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/loglevel"
)

// This file describes and changes the levels of a broker's loggers (KIP-412). They are not stored: a restart begins at INFO.
//
// Difference from Kafka 3.9: the loggers are those of this program's parts, named after what does the same in Kafka.

// brokerLoggerSource is the source of every logger's level.
const brokerLoggerSource = 6

func (e *entries) loggers(d *Deps, name string) *resourceError {
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case name == "":
		return &resourceError{kerr.InvalidRequest, "Broker id must not be empty"}
	case err != nil:
		return &resourceError{kerr.InvalidRequest, "Broker id must be an integer, but it is: " + name}
	case int32(id) != d.BrokerID:
		return &resourceError{kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d but received %s", d.BrokerID, name)}
	}
	all := d.LogLevels.All()
	for _, logger := range slices.Sorted(maps.Keys(all)) {
		if e.names != nil && !slices.Contains(e.names, logger) {
			continue
		}
		c := kmsg.NewDescribeConfigsResponseResourceConfig()
		c.Name, c.Value, c.Source = logger, new(all[logger]), brokerLoggerSource
		c.Documentation = new(string)
		e.out = append(e.out, c)
	}
	return nil
}

// changeLoggers checks all edits before it carries out the first.
func (d *Deps) changeLoggers(c *change, validateOnly bool) *resourceError {
	if id, err := strconv.ParseInt(c.name, 10, 32); err != nil {
		return &resourceError{kerr.InvalidRequest, "Node id must be an integer, but it is: " + c.name}
	} else if int32(id) != d.BrokerID {
		return &resourceError{kerr.InvalidRequest, fmt.Sprintf("Unexpected node id. Expected %d, but received %[1]d", d.BrokerID)} // twice the same: Kafka's slip
	}
	if c.badEdit {
		return &resourceError{kerr.UnknownServerError, ""}
	}
	for _, e := range c.edits {
		if err := d.checkLogger(e); err != nil {
			return err
		}
	}
	if validateOnly {
		return nil
	}
	for _, e := range c.edits {
		if e.Kind == config.Delete {
			d.LogLevels.Reset(e.Name)
		} else if err := d.LogLevels.Set(e.Name, e.Value); err != nil {
			return &resourceError{kerr.InvalidConfig, err.Error()}
		}
	}
	return nil
}

func (d *Deps) checkLogger(e config.Edit) *resourceError {
	known := slices.Contains(loglevel.LevelNames(), e.Value)
	switch {
	case e.Kind == config.Append:
		return &resourceError{kerr.InvalidRequest, "APPEND operation is not allowed for the BROKER_LOGGER resource"}
	case e.Kind == config.Subtract:
		return &resourceError{kerr.InvalidRequest, "SUBTRACT operation is not allowed for the BROKER_LOGGER resource"}
	case !d.LogLevels.Exists(e.Name):
		return &resourceError{kerr.InvalidConfig, fmt.Sprintf("Logger %s does not exist!", e.Name)}
	case e.Kind == config.Delete && e.Name == loglevel.Root:
		return &resourceError{kerr.InvalidRequest, "Removing the log level of the root logger is not allowed"}
	case e.Kind == config.Set && !known:
		return &resourceError{kerr.InvalidConfig, fmt.Sprintf("Cannot set the log level of %s to %s as it is not a supported log level. Valid log levels are %s",
			e.Name, e.Value, strings.Join(loglevel.LevelNames(), ", "))}
	}
	return nil
}
