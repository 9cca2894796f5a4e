package cluster

import (
	"encoding/json"
	"time"
)

// factJSON is the line that `klab events -o json` prints for a fact.
type factJSON struct {
	Seq       int64          `json:"seq"`
	Time      time.Time      `json:"time"`
	Source    string         `json:"source"`
	Kind      string         `json:"kind"`
	Broker    *int32         `json:"broker,omitempty"`
	Topic     string         `json:"topic,omitempty"`
	Partition *int32         `json:"partition,omitempty"`
	By        string         `json:"by,omitempty"`
	Cause     int64          `json:"cause,omitempty"`
	SinceMs   *float64       `json:"since_cause_ms,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
}

// MarshalJSON leaves out what the fact does not have, and gives the time since the cause in milliseconds.
func (f Fact) MarshalJSON() ([]byte, error) {
	j := factJSON{Seq: f.Seq, Time: f.Time, Source: f.Source, Kind: f.Kind, Topic: f.Topic, By: f.By, Cause: f.Cause, Fields: f.Fields}
	if f.Broker >= 0 {
		j.Broker = &f.Broker
	}
	if f.Partition >= 0 && f.Topic != "" {
		j.Partition = &f.Partition
	}
	if f.SinceCause >= 0 {
		j.SinceMs = new(float64(f.SinceCause.Microseconds()) / 1000)
	}
	return json.Marshal(j)
}
