//go:build e2e || interop

package e2e

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawField is one leaf of a message: Topics[orders].Partitions[0].ErrorCode, and its value as text.
type rawField struct{ path, value string }

// response writes a response as fields. Fields with their default value are left out, error codes never are; the elements
// of arrays are named and sorted by their key where they have one.
func (y *rawSymbols) response(resp kmsg.Response) []rawField {
	y.learnFrom(resp)
	w := textWriter{symbols: y}
	w.structure("", reflect.ValueOf(resp).Elem())
	if len(w.fields) == 0 {
		return []rawField{{"", "(empty)"}}
	}
	return w.fields
}

// request writes a request as one line.
func (y *rawSymbols) request(req kmsg.Request) string {
	w := textWriter{symbols: y}
	w.structure("", reflect.ValueOf(req).Elem())
	words := make([]string, len(w.fields))
	for i, f := range w.fields {
		words[i] = f.path + "=" + f.value
	}
	return strings.Join(words, " ")
}

type textWriter struct {
	symbols *rawSymbols
	fields  []rawField
}

func (w *textWriter) leaf(path, value string) { w.fields = append(w.fields, rawField{path, value}) }

func (w *textWriter) structure(path string, v reflect.Value, hidden ...string) {
	defaults := reflect.New(v.Type())
	if d, ok := defaults.Interface().(interface{ Default() }); ok {
		d.Default()
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch {
		case name == "Version", name == "ThrottleMillis", slices.Contains(hidden, name):
		case name == "UnknownTags":
			if tags := v.Field(i).Addr().Interface().(*kmsg.Tags); tags.Len() > 0 {
				tags.Each(func(tag uint32, value []byte) {
					w.leaf(join(path, fmt.Sprintf("Tag%d", tag)), fmt.Sprintf("%x", value))
				})
			}
		case name == "ErrorCode":
			w.leaf(join(path, name), errorName(int16(v.Field(i).Int())))
		case !reflect.DeepEqual(v.Field(i).Interface(), defaults.Elem().Field(i).Interface()):
			w.value(join(path, name), name, v.Field(i))
		}
	}
}

func (w *textWriter) value(path, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			w.leaf(path, "null")
		} else {
			w.value(path, name, v.Elem())
		}
	case reflect.Struct:
		w.structure(path, v)
	case reflect.Slice:
		w.slice(path, name, v)
	default:
		w.leaf(path, w.symbols.scalar(name, v))
	}
}

func (w *textWriter) slice(path, name string, v reflect.Value) {
	elem := v.Type().Elem()
	switch {
	case v.IsNil():
		w.leaf(path, "null")
	case elem.Kind() == reflect.Uint8 && (name == "RecordBatches" || name == "Records"):
		w.records(path, v.Bytes())
	case elem.Kind() == reflect.Uint8:
		w.leaf(path, w.symbols.text(string(v.Bytes())))
	case v.Len() == 0:
		w.leaf(path, "[]")
	case elem.Kind() == reflect.Struct:
		w.elements(path, v)
	default:
		w.leaf(path, w.list(name, v))
	}
}

// list writes an array of scalars in one line; what is a set is sorted.
func (w *textWriter) list(name string, v reflect.Value) string {
	words := make([]string, v.Len())
	for i := range words {
		words[i] = w.symbols.scalar(name, v.Index(i))
	}
	if name == "ISR" || name == "OfflineReplicas" {
		slices.Sort(words)
	}
	return "[" + strings.Join(words, " ") + "]"
}

// keyFields are the fields that tell the elements of an array apart, the first that an element has and sets.
var keyFields = []string{"Topic", "Group", "Partition", "ApiKey", "Key", "NodeID", "MemberID", "TransactionalID", "Name",
	"ResourceName", "Feature", "TopicID", "ProducerID", "Dir"}

type element struct {
	key, field string
	v          reflect.Value
}

func (w *textWriter) elements(path string, v reflect.Value) {
	elements := make([]element, v.Len())
	for i := range elements {
		elements[i].v = v.Index(i)
		elements[i].key, elements[i].field = w.key(v.Index(i))
	}
	slices.SortStableFunc(elements, func(a, b element) int {
		if strings.HasSuffix(path, "ConfigSynonyms") {
			return 0 // their order is the order in which they count
		}
		return cmp.Or(compareKeys(a.key, b.key), cmp.Compare(w.whole(a), w.whole(b)))
	})
	seen := map[string]int{}
	for i, e := range elements {
		if e.field == "" {
			e.key = strconv.Itoa(i)
		}
		if seen[e.key]++; seen[e.key] > 1 {
			e.key += "#" + strconv.Itoa(seen[e.key])
		}
		before := len(w.fields)
		at := fmt.Sprintf("%s[%s]", path, e.key)
		w.structure(at, e.v, e.field)
		if len(w.fields) == before {
			w.leaf(at, "{}")
		}
	}
}

// whole is the text of an element, which orders those with the same key.
func (w *textWriter) whole(e element) string {
	if e.field == "" {
		return "" // a list without keys keeps its order
	}
	nested := textWriter{symbols: w.symbols}
	nested.structure("", e.v, e.field)
	return fmt.Sprint(nested.fields)
}

func (w *textWriter) key(v reflect.Value) (key, field string) {
	for _, name := range keyFields {
		f := v.FieldByName(name)
		if f.IsValid() && f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		if f.IsValid() && f.Kind() != reflect.Slice && f.Kind() != reflect.Pointer && !(f.IsZero() && f.Kind() != reflect.Int32 && f.Kind() != reflect.Int16) {
			return strings.Trim(w.symbols.scalar(name, f), `"`), name
		}
	}
	return "", ""
}

// compareKeys orders numbers as numbers.
func compareKeys(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func errorName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if err := kerr.TypedErrorForCode(code); err != nil && err.Code == code {
		return fmt.Sprintf("%d %s", code, err.Message)
	}
	return strconv.Itoa(int(code))
}

// scalar writes a number, a bool, a string or an id.
func (y *rawSymbols) scalar(name string, v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return y.text(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Array:
		return y.topicID([16]byte(v.Bytes()))
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	}
	if n := v.Int(); v.Kind() == reflect.Int64 || v.Kind() == reflect.Int32 || v.Kind() == reflect.Int16 || v.Kind() == reflect.Int8 {
		return y.number(name, n)
	}
	return fmt.Sprint(v.Interface())
}

// recent tells whether a number is a time near now, in milliseconds since 1970.
func recent(ms int64) bool {
	return time.Since(time.UnixMilli(ms)).Abs() < 36*time.Hour
}
