package group

import (
	"github.com/twmb/franz-go/pkg/kbin"
)

// consumerProtocol is the protocol type whose subscriptions the broker can read.
const consumerProtocol = "consumer"

// accepts reports whether a member of this type that knows these protocols fits in.
func (g *Group) accepts(protocolType string, protocols []Protocol) bool {
	if g.state == Empty {
		return protocolType != "" && len(protocols) > 0
	}
	if protocolType != g.protocolType {
		return false
	}
	for i := range protocols {
		if g.members.supports[protocols[i].Name] == g.members.size() {
			return true
		}
	}
	return false
}

// choose is the protocol that all members know and most prefer; of equals the one that was voted for first.
func (g *Group) choose() string {
	candidates := map[string]int{}
	for name, n := range g.members.supports {
		if n == g.members.size() {
			candidates[name] = 0
		}
	}
	best, most := "", 0
	for _, m := range g.members.all {
		name, ok := m.vote(candidates)
		if !ok {
			continue
		}
		if candidates[name]++; candidates[name] > most {
			best, most = name, candidates[name]
		}
	}
	return best
}

// topicSet is the topics that a group's members subscribe to.
type topicSet struct{ topics map[string]struct{} }

func (s *topicSet) has(topic string) bool {
	_, ok := s.topics[topic]
	return ok
}

// subscribedTo reports whether members may be reading a topic: true when it is not known.
func (g *Group) subscribedTo(topic string) bool { return g.subjects == nil || g.subjects.has(topic) }

// readSubscriptions finds out what the members of a consumer group subscribe to (KIP-496).
func (g *Group) readSubscriptions() {
	g.subjects = nil
	if g.protocolType != consumerProtocol || g.members.size() > 0 && g.protocol == nil {
		return
	}
	all := &topicSet{map[string]struct{}{}}
	for _, m := range g.members.all {
		topics, ok := subscription(m.metadata(*g.protocol))
		if !ok {
			return
		}
		for _, t := range topics {
			all.topics[t] = struct{}{}
		}
	}
	g.subjects = all
}

// subscription reads the topics of a consumer's subscription, whose version 0 begins all others (kafka-formats E.5).
func subscription(metadata []byte) (topics []string, ok bool) {
	b := kbin.Reader{Src: metadata}
	if version := b.Int16(); version < 0 {
		return nil, false
	}
	n := b.ArrayLen()
	if n < 0 {
		return nil, false
	}
	for range n {
		topics = append(topics, b.String())
	}
	b.NullableBytes() // user data
	return topics, b.Ok()
}
