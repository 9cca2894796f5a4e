package znode

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// UUID is Kafka's 16-byte identifier, used for topics and clusters. Zero means
// that there is none.
type UUID [16]byte

// String is Kafka's form: base64url without padding, 22 characters.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// ParseUUID reads the form that String writes.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("cannot parse id %q: want 22 characters of base64url", s)
	}
	copy(u[:], b)
	return u, nil
}

// NewUUID returns a random version 4 id that Kafka may use for a topic or a
// cluster: none of the reserved ones, and none whose text starts with a dash,
// which command line tools would take for an option.
func NewUUID() UUID {
	for {
		var u UUID
		rand.Read(u[:])
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		if u.String()[0] != '-' {
			return u
		}
	}
}
