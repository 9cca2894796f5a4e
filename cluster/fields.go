package cluster

import "encoding/json"

// Int returns a field that holds a whole number, in whichever of Go's or JSON's forms its source left it.
func (f Fact) Int(name string) (int64, bool) { return toInt(f.Fields[name]) }

// Ints returns a field that holds a list of broker ids; nil when there is none.
func (f Fact) Ints(name string) []int32 {
	switch list := f.Fields[name].(type) {
	case []int32:
		return list
	case []int:
		ids := make([]int32, len(list))
		for i, v := range list {
			ids[i] = int32(v)
		}
		return ids
	case []any:
		ids := make([]int32, 0, len(list))
		for _, v := range list {
			if n, ok := toInt(v); ok {
				ids = append(ids, int32(n))
			}
		}
		return ids
	}
	return nil
}

// Text returns a field that holds a string; empty when there is none.
func (f Fact) Text(name string) string {
	s, _ := f.Fields[name].(string)
	return s
}

func toInt(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int16:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case float64:
		return int64(n), n == float64(int64(n))
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}
