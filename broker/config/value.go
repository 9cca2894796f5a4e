package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ValueError says that a key cannot have a value.
type ValueError struct {
	Key, Value, Reason string

	kafka string // Kafka's own message, where it is not made of the three
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("cannot set %s = %s: %s", e.Key, e.Value, e.Reason)
}

// KafkaMessage is the error in the words of Kafka's own INVALID_CONFIG answer.
func (e *ValueError) KafkaMessage() string {
	if e.kafka != "" {
		return e.kafka
	}
	return fmt.Sprintf("Invalid value %s for configuration %s: %s", e.Value, e.Key, e.Reason)
}

// UnknownKeyError says that Kafka 3.9 defines no such key.
type UnknownKeyError struct {
	Key     string
	Nearest string // the known name nearest to it, or empty
}

func (e *UnknownKeyError) Error() string {
	s := fmt.Sprintf("unknown configuration %s", e.Key)
	if e.Nearest != "" {
		s += fmt.Sprintf(" (did you mean %s?)", e.Nearest)
	}
	return s
}

// value is one parsed setting. The zero value is the empty string, the empty list and false.
type value struct {
	null bool
	text string // as Kafka shows it
	num  int64
	real float64
	yes  bool
	list []string
}

// parse reads text as the key's type and checks it against what the key allows.
func (k *Key) parse(text string) (value, error) {
	v, reason := parseValue(k.Type, text)
	if reason == "" {
		if reason = k.valid.check(k.Type, v); reason != "" {
			text = k.valid.shown(k, v, text)
		}
	}
	if reason == "" {
		return v, nil
	}
	if k.Sensitive() {
		text = "[hidden]"
	}
	return value{}, &ValueError{Key: k.Name, Value: text, Reason: reason}
}

func parseValue(t Type, text string) (v value, reason string) {
	text = strings.TrimSpace(text)
	v.text = text
	switch t {
	case Boolean:
		v.yes = strings.EqualFold(text, "true")
		if !v.yes && !strings.EqualFold(text, "false") {
			return v, "Expected value to be either true or false"
		}
		v.text = strconv.FormatBool(v.yes)
	case Int, Short, Long:
		n, err := strconv.ParseInt(text, 10, intBits(t))
		if err != nil {
			return v, "Not a number of type " + strings.ToUpper(t.String())
		}
		v.num, v.real, v.text = n, float64(n), strconv.FormatInt(n, 10)
	case Double:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) {
			return v, "Not a number of type DOUBLE"
		}
		v.real, v.text = f, javaDouble(f)
	case List:
		v.list = splitList(text)
		v.text = strings.Join(v.list, ",")
	}
	return v, ""
}

func intBits(t Type) int {
	switch t {
	case Short:
		return 16
	case Int:
		return 32
	default:
		return 64
	}
}

func splitList(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// javaDouble formats f as Java's Double.toString does, which is how Kafka shows it.
func javaDouble(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		s := strings.Replace(strconv.FormatFloat(f, 'E', -1, 64), "E+", "E", 1)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		sign := ""
		if strings.HasPrefix(exponent, "-") {
			sign = "-"
		}
		return mantissa + "E" + sign + strings.TrimLeft(exponent, "-0")
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// shown is the value that an error names: as Kafka had parsed it by then.
func (c *valid) shown(k *Key, v value, text string) string {
	switch {
	case k.Type == Double:
		return v.text
	case c.replicaSet:
		return "[" + strings.Join(v.list, ", ") + "]"
	case k.Type == List:
		return v.list[slices.IndexFunc(v.list, func(s string) bool { return !slices.Contains(c.oneOf, s) })]
	}
	return text
}

// check returns why v is not allowed, or "".
func (c *valid) check(t Type, v value) string {
	switch {
	case c.ranged:
		return c.checkRange(v)
	case c.oneOf != nil:
		return c.checkOneOf(t, v)
	case c.release && !isRelease(v.text):
		return "Version " + v.text + " is not a valid version"
	case c.replicaSet && !isReplicaSet(v.list):
		return c.name + " must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
	}
	return ""
}

func (c *valid) checkRange(v value) string {
	switch {
	case c.also != "" && v.text == c.also:
		return ""
	case c.also != "" && (v.real < c.min || v.real > c.max):
		return fmt.Sprintf("Value must be between %v and %v or equal to %s", c.min, c.max, c.also)
	case v.real < c.min:
		return "Value must be at least " + strconv.FormatFloat(c.min, 'f', -1, 64)
	case c.hasMax && v.real > c.max:
		return "Value must be no more than " + strconv.FormatFloat(c.max, 'f', -1, 64)
	}
	return ""
}

func (c *valid) checkOneOf(t Type, v value) string {
	all := "must be one of: " + strings.Join(c.oneOf, ", ")
	if t != List {
		if !slices.Contains(c.oneOf, v.text) {
			return "String " + all
		}
		return ""
	}
	for _, s := range v.list {
		if !slices.Contains(c.oneOf, s) {
			return "String " + all
		}
	}
	return ""
}

// isRelease accepts 0.8.0 to 4.0-IV1: numbers with dots and an optional -IV level.
func isRelease(s string) bool {
	release, level, hasLevel := strings.Cut(s, "-IV")
	if hasLevel {
		if _, err := strconv.ParseUint(level, 10, 8); err != nil {
			return false
		}
	}
	parts := strings.Split(release, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return false
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 8); err != nil {
			return false
		}
	}
	return parts[0] <= "4"
}

func isReplicaSet(list []string) bool {
	if len(list) == 1 && strings.TrimSpace(list[0]) == "*" {
		return true
	}
	for _, pair := range list {
		p, b, ok := strings.Cut(pair, ":")
		_, perr := strconv.ParseUint(p, 10, 31)
		_, berr := strconv.ParseUint(b, 10, 31)
		if !ok || perr != nil || berr != nil {
			return false
		}
	}
	return true
}
