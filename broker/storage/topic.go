package storage

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// TopicPartition names one log.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is also the name of the partition's directory.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// TopicID is Kafka's 128-bit topic id (KIP-516). The zero id means none.
type TopicID [16]byte

// String is Kafka's text form: 22 characters of base64url.
func (id TopicID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// IsZero reports whether the id means none.
func (id TopicID) IsZero() bool { return id == TopicID{} }

// ParseTopicID reads what String writes.
func ParseTopicID(s string) (id TopicID, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(raw) != len(id) {
		err = fmt.Errorf("it has %d bytes, not %d", len(raw), len(id))
	}
	if err != nil {
		return TopicID{}, fmt.Errorf("cannot read topic id %q: %w", s, err)
	}
	return TopicID(raw), nil
}

// folderKind is what the name of a directory within a log directory says it is.
type folderKind uint8

const (
	folderOther   folderKind = iota // not a partition
	folderLive                      // topic-partition
	folderDeleted                   // topic-partition.<hex>-delete
	folderFuture                    // …-future: the target of a move between log directories
	folderStray                     // …-stray
)

const (
	deleteSuffix = "-delete"
	maxNameBytes = 255
)

// parseFolder reads the name of a directory (kafka-formats B.1).
func parseFolder(name string) (TopicPartition, folderKind) {
	kind := folderLive
	for suffix, k := range map[string]folderKind{deleteSuffix: folderDeleted, "-future": folderFuture, "-stray": folderStray} {
		rest, found := strings.CutSuffix(name, suffix)
		if dot := strings.LastIndexByte(rest, '.'); found && dot > 0 {
			kind, name = k, rest[:dot]
			break
		}
	}
	dash := strings.LastIndexByte(name, '-')
	if dash <= 0 {
		return TopicPartition{}, folderOther
	}
	p, err := strconv.ParseInt(name[dash+1:], 10, 32)
	if err != nil || p < 0 {
		return TopicPartition{}, folderOther
	}
	return TopicPartition{name[:dash], int32(p)}, kind
}

// deletedName is what a partition's directory is called from its deletion to
// its removal; the topic is cut so that file systems take the name.
func deletedName(tp TopicPartition) string {
	var id [16]byte
	rand.Read(id[:])
	suffix := fmt.Sprintf("-%d.%s%s", tp.Partition, hex.EncodeToString(id[:]), deleteSuffix)
	return tp.Topic[:min(len(tp.Topic), maxNameBytes-len(suffix))] + suffix
}
