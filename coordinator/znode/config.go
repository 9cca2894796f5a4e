package znode

import (
	"fmt"
	"maps"
)

// EncodeConfig writes an entity's config overrides; no overrides are {}, never null.
func EncodeConfig(overrides map[string]string) []byte {
	if overrides == nil {
		overrides = map[string]string{}
	}
	return encode(struct {
		Version int               `json:"version"`
		Config  map[string]string `json:"config"`
	}{1, overrides})
}

// DecodeConfig reads an entity's config overrides. Null and empty data mean
// none; the map returned is never nil and is the caller's own.
func DecodeConfig(data []byte) (map[string]string, error) {
	overrides := map[string]string{}
	if len(data) == 0 {
		return overrides, nil
	}
	o, err := decodeObject("config", data)
	if err != nil {
		return overrides, err
	}
	if err := o.optional("config", "config", &overrides); err != nil { // as in Kafka the version does not matter
		return map[string]string{}, err
	}
	return maps.Clone(overrides), nil
}

// EncodeConfigChange writes a notification that the configs of entityPath
// changed, such as topics/orders or brokers/<default>.
func EncodeConfigChange(entityPath string) []byte {
	return encode(struct {
		Version    int    `json:"version"`
		EntityPath string `json:"entity_path"`
	}{2, entityPath})
}

// DecodeConfigChange returns the entity path of versions 1 and 2.
func DecodeConfigChange(data []byte) (string, error) {
	const what = "config change"
	o, err := decodeObject(what, data)
	if err != nil {
		return "", err
	}
	var version int
	if err := o.need(what, "version", &version); err != nil {
		return "", err
	}
	switch version {
	case 1:
		var entityType, name string
		err := firstError(o.need(what, "entity_type", &entityType), o.need(what, "entity_name", &name))
		return entityType + "/" + name, err
	case 2:
		var path string
		err := o.need(what, "entity_path", &path)
		return path, err
	}
	return "", fmt.Errorf("cannot decode %s: version %d is not supported", what, version)
}
