package tree

import "strconv"

// A Code is ZooKeeper's error number as it stands in a reply header. OK is not an error.
type Code int32

// The codes that a server answers with (ZooKeeper 3.8, KeeperException.Code).
const (
	OK                      Code = 0
	RuntimeInconsistency    Code = -2
	MarshallingError        Code = -5
	Unimplemented           Code = -6
	BadArguments            Code = -8
	NoNode                  Code = -101
	NoAuth                  Code = -102
	BadVersion              Code = -103
	NoChildrenForEphemerals Code = -108
	NodeExists              Code = -110
	NotEmpty                Code = -111
	SessionExpired          Code = -112
	InvalidACL              Code = -114
	AuthFailed              Code = -115
	NoWatcher               Code = -121
	ReconfigDisabled        Code = -123
	QuotaExceeded           Code = -125
)

// Error returns ZooKeeper's name of the code.
func (c Code) Error() string {
	switch c {
	case OK:
		return "Ok"
	case RuntimeInconsistency:
		return "RuntimeInconsistency"
	case MarshallingError:
		return "MarshallingError"
	case Unimplemented:
		return "Unimplemented"
	case BadArguments:
		return "BadArguments"
	case NoNode:
		return "NoNode"
	case NoAuth:
		return "NoAuth"
	case BadVersion:
		return "BadVersion"
	case NoChildrenForEphemerals:
		return "NoChildrenForEphemerals"
	case NodeExists:
		return "NodeExists"
	case NotEmpty:
		return "NotEmpty"
	case SessionExpired:
		return "SessionExpired"
	case InvalidACL:
		return "InvalidACL"
	case AuthFailed:
		return "AuthFailed"
	case NoWatcher:
		return "NoWatcher"
	case ReconfigDisabled:
		return "ReconfigDisabled"
	case QuotaExceeded:
		return "QuotaExceeded"
	}
	return "Code(" + strconv.Itoa(int(c)) + ")"
}
