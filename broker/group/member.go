package group

import (
	"bytes"
	"slices"
	"time"
)

// member is one member of a group.
type member struct {
	id             string
	instance       *string // of a static member
	clientID, host string
	session        time.Duration
	rebalance      time.Duration
	protocols      []Protocol // in the order of preference
	assignment     []byte

	isNew    bool // waits in its first join
	deadline time.Time
	join     Token // of the JoinGroup that waits, nil if none does
	sync     Token // of the SyncGroup that waits, nil if none does
}

// beat gives the member another session timeout.
func (m *member) beat(now time.Time) { m.deadline = now.Add(m.session) }

// counted reports whether the member's session can end: who waits for a reply is alive, unless it waits in its first join.
func (m *member) counted() bool { return m.isNew || m.join == nil && m.sync == nil }

// metadata is what the member said under a protocol.
func (m *member) metadata(protocol string) []byte {
	for i := range m.protocols {
		if m.protocols[i].Name == protocol {
			return m.protocols[i].Metadata
		}
	}
	return nil
}

// wants reports whether the member said exactly this when it joined.
func (m *member) wants(protocols []Protocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b Protocol) bool {
		return a.Name == b.Name && bytes.Equal(a.Metadata, b.Metadata)
	})
}

// vote is the member's first choice among candidates.
func (m *member) vote(candidates map[string]int) (string, bool) {
	for i := range m.protocols {
		if _, ok := candidates[m.protocols[i].Name]; ok {
			return m.protocols[i].Name, true
		}
	}
	return "", false
}
