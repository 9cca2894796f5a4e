package znode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// object is a decoded JSON object whose values are read by exact key.
type object map[string]json.RawMessage

func decodeObject(what string, data []byte) (object, error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("cannot decode %s: %w", what, err)
	}
	if o == nil {
		return nil, fmt.Errorf("cannot decode %s: not a JSON object", what)
	}
	return o, nil
}

// get decodes the value of key into v and reports whether the key was there
// with a value other than null.
func (o object) get(what, key string, v any) (bool, error) {
	raw, ok := o[key]
	if !ok || string(raw) == "null" {
		return false, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("cannot decode %s of %s: %w", strconv.Quote(key), what, err)
	}
	return true, nil
}

// need is get for a key without which the node means nothing.
func (o object) need(what, key string, v any) error {
	ok, err := o.get(what, key, v)
	if err == nil && !ok {
		err = fmt.Errorf("cannot decode %s: %q is missing", what, key)
	}
	return err
}

// optional is get for a key that may be absent.
func (o object) optional(what, key string, v any) error {
	_, err := o.get(what, key, v)
	return err
}

// decimal is an integer that some versions of Kafka write as a number and
// others as a decimal string.
type decimal int64

func (d *decimal) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64)
	if err != nil {
		return fmt.Errorf("%q is not a decimal integer", data)
	}
	*d = decimal(n)
	return nil
}

// encode writes v as compact JSON with <, > and & left as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("znode: a value of the package's own types did not encode: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
