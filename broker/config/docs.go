package config

import (
	_ "embed"
	"strings"
	"sync"
)

// The documentation that DescribeConfigs shows (KIP-569) is Kafka's own: name, tab, text. See NOTICE.

//go:embed broker_docs.tsv
var brokerDocsTSV string

//go:embed topic_docs.tsv
var topicDocsTSV string

var (
	brokerDocs = sync.OnceValue(func() map[string]string { return parseDocs(brokerDocsTSV) })
	topicDocs  = sync.OnceValue(func() map[string]string { return parseDocs(topicDocsTSV) })
)

func parseDocs(tsv string) map[string]string {
	escapes := strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\r`, "\r")
	docs := make(map[string]string, strings.Count(tsv, "\n"))
	for line := range strings.Lines(tsv) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		docs[name] = escapes.Replace(text)
	}
	return docs
}

// BrokerDocumentation is what Kafka says a broker key is for; "" for a name it does not know.
func BrokerDocumentation(name string) string { return brokerDocs()[name] }

// TopicDocumentation is what Kafka says a topic key is for; "" for a name it does not know.
func TopicDocumentation(name string) string { return topicDocs()[name] }
