//go:build e2e || interop

package e2e

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawSymbols replaces what differs from run to run, and from cluster to cluster, by symbols in the order of appearance.
type rawSymbols struct {
	firstPort  int
	dirs       []string
	controller int32
	clusterID  string
	names      map[string]string // by kind and value
	count      map[string]int    // by kind
}

func newRawSymbols(firstPort int, dirs []string) *rawSymbols {
	return &rawSymbols{firstPort: firstPort, dirs: dirs, names: map[string]string{}, count: map[string]int{}}
}

// fresh begins anew, as every area does, so that it has the same symbols when it runs alone.
func (y *rawSymbols) fresh() *rawSymbols {
	z := newRawSymbols(y.firstPort, y.dirs)
	z.controller, z.clusterID = y.controller, y.clusterID
	return z
}

// symbol names a value that was not seen before after its kind.
func (y *rawSymbols) symbol(kind, value string) string {
	at := kind + " " + value
	if y.names[at] == "" {
		y.count[kind]++
		y.names[at] = fmt.Sprintf("<%s %d>", kind, y.count[kind])
	}
	return y.names[at]
}

// learnFrom takes notice of the ids in a response that a broker chose itself.
func (y *rawSymbols) learnFrom(resp kmsg.Response) {
	switch r := resp.(type) {
	case *kmsg.InitProducerIDResponse:
		if r.ErrorCode == 0 {
			y.symbol("producer id", strconv.FormatInt(r.ProducerID, 10))
		}
	case *kmsg.AllocateProducerIDsResponse:
		if r.ErrorCode == 0 {
			y.symbol("block of producer ids", strconv.FormatInt(r.ProducerIDStart, 10))
		}
	case *kmsg.FetchResponse:
		if r.SessionID != 0 {
			y.symbol("fetch session", strconv.Itoa(int(r.SessionID)))
		}
	case *kmsg.MetadataResponse:
		if r.ClusterID != nil {
			y.clusterID = *r.ClusterID
		}
		for _, t := range r.Topics {
			if t.Topic != nil && t.TopicID != [16]byte{} {
				y.nameTopicID(t.TopicID, *t.Topic)
			}
		}
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			if t.TopicID != [16]byte{} {
				y.nameTopicID(t.TopicID, t.Topic)
			}
		}
	}
}

// learnEpochs names the epochs of brokers after them, and calls the controller's by its own.
func (y *rawSymbols) learnEpochs(e rawEpochs) {
	for id, epoch := range e.broker {
		y.names[fmt.Sprintf("broker epoch %d", epoch)] = fmt.Sprintf("<epoch of broker %d>", id)
	}
	y.names[fmt.Sprintf("controller epoch %d", e.controller)] = "<epoch of the controller>"
	y.names[fmt.Sprintf("controller epoch %d", e.controller-1)] = "<the epoch before>"
}

func (y *rawSymbols) nameTopicID(id [16]byte, topic string) {
	if topic == "" {
		return // an unknown id that comes back
	}
	if y.names["topic id "+string(id[:])] == "" {
		y.names["topic id "+string(id[:])] = y.text(topic)[1:][:len(y.text(topic))-2]
		y.names["topic id "+string(id[:])] = fmt.Sprintf("<id of %s>", y.names["topic id "+string(id[:])])
		y.names["text "+base64.RawURLEncoding.EncodeToString(id[:])] = y.names["topic id "+string(id[:])]
	}
}

func (y *rawSymbols) topicID(id [16]byte) string {
	if name := y.names["topic id "+string(id[:])]; name != "" {
		return name
	}
	return fmt.Sprintf("%x", id)
}

var (
	uuid      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	ofVersion = regexp.MustCompile(`-v\d+\b`)
	aTime     = regexp.MustCompile(`\b1[6-9]\d{11}\b`)
	longWord  = regexp.MustCompile(`x{50,}`)
	address   = regexp.MustCompile(`127\.0\.0\.1:(\d+)`)
)

// text quotes a string, with symbols for the random parts. A name ending in -v7 belongs to version 7 of a request and
// becomes -vN, so that the versions can be compared.
func (y *rawSymbols) text(s string) string {
	s = uuid.ReplaceAllStringFunc(s, func(id string) string { return y.symbol("uuid", id) })
	s = ofVersion.ReplaceAllString(s, "-vN")
	s = longWord.ReplaceAllStringFunc(s, func(word string) string { return fmt.Sprintf("<%d x>", len(word)) })
	s = aTime.ReplaceAllStringFunc(s, func(ms string) string {
		if n, err := strconv.ParseInt(ms, 10, 64); err != nil || !recent(n) {
			return ms
		}
		return "<now>"
	})
	for _, dir := range y.dirs {
		s = strings.ReplaceAll(s, dir, "<dir>")
	}
	s = address.ReplaceAllStringFunc(s, func(a string) string {
		if a == "127.0.0.1:2181" || a == "127.0.0.1:12181" {
			return "<zookeeper>"
		}
		if port, _ := strconv.Atoi(a[10:]); port >= y.firstPort && port < y.firstPort+3 {
			return fmt.Sprintf("<broker %d>", port-y.firstPort+1)
		}
		return a
	})
	for at, name := range y.names {
		if id, ok := strings.CutPrefix(at, "text "); ok {
			s = strings.ReplaceAll(s, id, name)
		}
	}
	if y.clusterID != "" {
		s = strings.ReplaceAll(s, y.clusterID, "<cluster id>")
	}
	return strconv.Quote(s)
}

// number writes a number of a field, with symbols for random ids, ports and times.
func (y *rawSymbols) number(field string, n int64) string {
	text := strconv.FormatInt(n, 10)
	switch {
	case field == "Port" && n >= int64(y.firstPort) && n < int64(y.firstPort)+3:
		return fmt.Sprintf("<port %d>", n-int64(y.firstPort)+1)
	case field == "ControllerID" && n == int64(y.controller):
		return "<controller>"
	case randomKind(field) != "":
		if name := y.names[randomKind(field)+" "+text]; name != "" {
			return name
		}
	case recent(n):
		return "<now>"
	case field == "TotalBytes", field == "UsableBytes":
		return "<bytes>"
	}
	return text
}

// randomKind is the kind of the symbols that stand for a field's numbers, "" if they have none.
func randomKind(field string) string {
	switch field {
	case "ProducerID", "FirstProducerID":
		return "producer id"
	case "ProducerIDStart":
		return "block of producer ids"
	case "BrokerEpoch":
		return "broker epoch"
	case "ControllerEpoch":
		return "controller epoch"
	case "SessionID":
		return "fetch session"
	}
	return ""
}
