package controller

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// maxTopicName is the longest topic name, so that directories named after
// partitions fit a file name.
const maxTopicName = 249

// refusal is why a request, or a part of it, is refused: Kafka's error and text.
type refusal struct {
	err     *kerr.Error
	message string
}

func refuse(err *kerr.Error, format string, args ...any) *refusal {
	return &refusal{err, fmt.Sprintf(format, args...)}
}

// CheckTopicName says in Kafka's words why a name cannot be a topic's, or nil.
func CheckTopicName(name string) error {
	if why := checkTopicName(name); why != nil {
		return errors.New(why.message)
	}
	return nil
}

// checkTopicName applies Kafka's rules for names.
func checkTopicName(name string) *refusal {
	why := ""
	switch {
	case name == "":
		why = "the empty string is not allowed"
	case name == "." || name == "..":
		why = "'" + name + "' is not allowed"
	case len(name) > maxTopicName:
		why = fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, maxTopicName)
	case strings.ContainsFunc(name, func(r rune) bool { return !isTopicRune(r) }):
		why = "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	default:
		return nil
	}
	return refuse(kerr.InvalidTopicException, "Topic name is invalid: %s", why)
}

func isTopicRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-'
}

// metricsName is a topic's name in metrics, which do not tell dots and
// underscores apart. Topics that share one collide.
func metricsName(topic string) string { return strings.ReplaceAll(topic, ".", "_") }

// canCollide reports whether another name may have the same metrics name.
func canCollide(topic string) bool { return strings.ContainsAny(topic, "._") }

// checkCollisions refuses a name that collides with those of other topics.
func checkCollisions(name string, others []string) *refusal {
	var colliding []string
	for _, other := range others {
		if other != name && metricsName(other) == metricsName(name) {
			colliding = append(colliding, other)
		}
	}
	if len(colliding) == 0 {
		return nil
	}
	slices.Sort(colliding)
	return refuse(kerr.InvalidTopicException, "Topic '%s' collides with existing topics: %s", name, strings.Join(colliding, ", "))
}
