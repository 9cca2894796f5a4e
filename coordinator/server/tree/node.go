package tree

import "math"

// Stat is a node's metadata as ZooKeeper's wire format has it. Times are milliseconds since 1970.
type Stat struct {
	Czxid, Mzxid, Ctime, Mtime  int64
	Version, Cversion, Aversion int32
	EphemeralOwner              int64
	DataLength, NumChildren     int32
	Pzxid                       int64
}

// A node is one znode. Its data and ACL slices are replaced, never changed, so that a frozen copy may share them.
type node struct {
	data     []byte
	acl      []ACL
	children map[string]struct{} // names; nil when there are none

	czxid, mzxid, pzxid int64
	ctime, mtime        int64
	version, aversion   int32
	creates             int32 // children ever created: the sequence suffix, and half of cversion
	owner               int64 // session of an ephemeral, or a mark for containers and TTL nodes; 0 for the rest
}

// stat derives what is shown from what is stored. The reported cversion counts creations and deletions of children,
// though only creations are stored.
func (n *node) stat() Stat {
	owner := n.owner
	if !isEphemeral(owner) {
		owner = 0
	}
	return Stat{
		Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
		Version: n.version, Cversion: 2*n.creates - int32(len(n.children)), Aversion: n.aversion,
		EphemeralOwner: owner, DataLength: int32(len(n.data)), NumChildren: int32(len(n.children)), Pzxid: n.pzxid,
	}
}

// The stored owner field says what kind of node it is (ZooKeeper's EphemeralType): 0 is persistent, the smallest
// integer a container, a top byte of 0xff a TTL node with the TTL in milliseconds below, all else a session id.
const (
	OwnerContainer int64 = math.MinInt64

	markTTL int64 = -1 << 56
	maxTTL  int64 = 0xffffffffff
)

// OwnerTTL returns the owner field of a node that lives for ttl ms without change.
func OwnerTTL(ttl int64) int64 { return markTTL | ttl }

// TTLOf returns the TTL in ms that an owner field holds, 0 if it is none of a TTL node.
func TTLOf(owner int64) int64 {
	if owner&markTTL != markTTL {
		return 0
	}
	return owner &^ markTTL
}

func isEphemeral(owner int64) bool {
	return owner != 0 && owner != OwnerContainer && owner&markTTL != markTTL
}

// nextVersion counts up, skipping -1, which means "any version" in requests.
func nextVersion(v int32) int32 {
	if v++; v == -1 {
		return 0
	}
	return v
}
