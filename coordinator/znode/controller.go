package znode

import (
	"fmt"
	"strconv"
	"strings"
)

// Controller is the data of /controller: who the controller is.
type Controller struct {
	BrokerID   int32
	Timestamp  int64 // milliseconds, when it was elected
	KRaftEpoch int32 // above 0: a KRaft migration owns the cluster
}

// Encode writes version 2.
func (c Controller) Encode() []byte {
	return encode(struct {
		Version    int    `json:"version"`
		BrokerID   int32  `json:"brokerid"`
		Timestamp  string `json:"timestamp"`
		KRaftEpoch int32  `json:"kraftControllerEpoch"`
	}{2, c.BrokerID, strconv.FormatInt(c.Timestamp, 10), c.KRaftEpoch})
}

// DecodeController reads any version; only brokerid must be there.
func DecodeController(data []byte) (Controller, error) {
	const what = "controller"
	c := Controller{KRaftEpoch: -1}
	o, err := decodeObject(what, data)
	if err != nil {
		return c, err
	}
	var timestamp decimal
	err = firstError(o.need(what, "brokerid", &c.BrokerID), o.optional(what, "timestamp", &timestamp),
		o.optional(what, "kraftControllerEpoch", &c.KRaftEpoch))
	c.Timestamp = int64(timestamp)
	return c, err
}

// EncodeControllerEpoch writes the decimal text of /controller_epoch.
func EncodeControllerEpoch(epoch int32) []byte { return []byte(itoa(epoch)) }

// DecodeControllerEpoch reads what EncodeControllerEpoch writes.
func DecodeControllerEpoch(data []byte) (int32, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("cannot decode controller epoch %q: not a decimal integer", data)
	}
	return int32(n), nil
}

// EncodeClusterID writes the data of /cluster/id. Its version is a string.
func EncodeClusterID(id string) []byte {
	return encode(struct {
		Version string `json:"version"`
		ID      string `json:"id"`
	}{"1", id})
}

// DecodeClusterID reads what EncodeClusterID writes.
func DecodeClusterID(data []byte) (string, error) {
	o, err := decodeObject("cluster id", data)
	if err != nil {
		return "", err
	}
	var id string
	err = o.need("cluster id", "id", &id)
	return id, err
}

// Feature is the data of /feature. In ZooKeeper mode the finalized features
// are always none: a broker that finds others exits.
type Feature struct {
	Version int
	Enabled bool
}

// Encode writes version 2 without features.
func (f Feature) Encode() []byte {
	status := 0
	if f.Enabled {
		status = 1
	}
	return encode(struct {
		Version  int      `json:"version"`
		Status   int      `json:"status"`
		Features struct{} `json:"features"`
	}{2, status, struct{}{}})
}

// DecodeFeature reads versions 1 and 2.
func DecodeFeature(data []byte) (Feature, error) {
	o, err := decodeObject("feature", data)
	if err != nil {
		return Feature{}, err
	}
	var f Feature
	var status int
	err = firstError(o.need("feature", "version", &f.Version), o.need("feature", "status", &status))
	f.Enabled = status == 1
	return f, err
}
