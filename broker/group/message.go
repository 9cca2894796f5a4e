package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Token names a request that waits for its reply. What it is is its caller's business, but that tokens can be compared.
type Token any

// Protocol is an assignment strategy that a member can follow, and what it wants of it.
type Protocol struct {
	Name     string
	Metadata []byte
}

// Join is a JoinGroup request.
type Join struct {
	MemberID         string  // "" from a member that has none yet
	InstanceID       *string // of a static member (KIP-345)
	ClientID, Host   string
	Session          time.Duration
	Rebalance        time.Duration
	ProtocolType     string
	Protocols        []Protocol
	NeedsKnownID     bool   // answer a dynamic member without an id with MEMBER_ID_REQUIRED (v4, KIP-394)
	CanSkip          bool   // the client knows SkipAssignment (v9, KIP-814)
	Reason           string // why the client joins; "" if it does not say (KIP-800)
	UniqueMemberPart string // ends the id that a new member gets
}

// JoinReply answers a Join. On an error only Err and MemberID say something.
type JoinReply struct {
	Err            *kerr.Error
	MemberID       string
	Generation     int32
	ProtocolType   *string
	Protocol       *string
	Leader         string
	SkipAssignment bool
	Members        []JoinedMember // the leader's alone
}

// JoinedMember is what the leader learns of a member.
type JoinedMember struct {
	MemberID   string
	InstanceID *string
	Metadata   []byte
}

// Sync is a SyncGroup request.
type Sync struct {
	Membership
	ProtocolType, Protocol *string           // nil if the client does not say (before v5)
	Assignments            map[string][]byte // by member; the leader's alone
}

// SyncReply answers a Sync.
type SyncReply struct {
	Err                    *kerr.Error
	ProtocolType, Protocol *string
	Assignment             []byte
}

// Membership is how a member says who it is.
type Membership struct {
	MemberID   string
	InstanceID *string
	Generation int32
}

// Leaving is one member of a LeaveGroup request. An empty MemberID removes the static member, whoever it is now.
type Leaving struct {
	MemberID   string
	InstanceID *string
	Reason     string
}

// Commit is an OffsetCommit or TxnOffsetCommit request.
type Commit struct {
	Membership
	Transactional bool
	ProducerID    int64 // of a transactional commit
	ProducerEpoch int16
	Guard         storage.Guard // to append a transactional commit with
	Offsets       []CommittedOffset
}

// CommittedOffset is an offset to commit, or one that was.
type CommittedOffset struct {
	TopicPartition
	Offset
}

// TopicPartition is what an offset is of.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Offset is where a group is in a partition.
type Offset struct {
	At          int64
	LeaderEpoch int32 // -1 if the client did not say
	Metadata    string
	Committed   int64 // when, in ms since 1970
	Expires     int64 // in ms since 1970; -1 unless the client asked for a retention of its own
}

// FetchedOffset answers for one partition of an OffsetFetch. Without an error and with At -1 there is none.
type FetchedOffset struct {
	CommittedOffset
	Err *kerr.Error
}

// noOffset is the answer for a partition without an offset.
func noOffset(tp TopicPartition, err *kerr.Error) FetchedOffset {
	return FetchedOffset{CommittedOffset{tp, Offset{At: -1, LeaderEpoch: -1}}, err}
}

// Described is what DescribeGroups tells of a group.
type Described struct {
	State        State
	ProtocolType string
	Protocol     string // "" unless the group is Stable
	Members      []DescribedMember
}

// DescribedMember is what DescribeGroups tells of a member. Metadata and Assignment are empty unless the group is Stable.
type DescribedMember struct {
	MemberID             string
	InstanceID           *string
	ClientID, Host       string
	Metadata, Assignment []byte
}
