package supervisor

import (
	"errors"
	"fmt"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
)

// protocolVersion changes when a request or an answer changes its meaning.
const protocolVersion = 1

// maxRequest bounds a request line, in bytes.
const maxRequest = 64 << 10

// maxAnswer bounds a line of an answer, in bytes: an event, or a line of a log, each byte of which may be written as six.
const maxAnswer = 8 * logLineBytes

// request is the one line that a client sends on a connection. The answer is any number of lines, the last of which has
// Done or Error; closing the connection ends it sooner.
type request struct {
	Version int            `json:"v"`
	Op      string         `json:"op"` // one of the ops
	Verb    lifecycle.Verb `json:"verb,omitempty"`
	Target  string         `json:"target,omitempty"` // "broker" or "zookeeper" for do; as ParseTarget reads it, or "supervisor", for logs
	ID      int32          `json:"id,omitempty"`
	By      string         `json:"by,omitempty"`
	After   int64          `json:"after,omitempty"` // events: the last Seq the client has
	Follow  bool           `json:"follow,omitempty"`
	Purge   bool           `json:"purge,omitempty"`
}

const (
	opStatus = "status"
	opReady  = "ready" // answers when the cluster is ready
	opDo     = "do"
	opEvents = "events"
	opLogs   = "logs"
	opDown   = "down"
)

// answer is one line of an answer.
type answer struct {
	Status *Status      `json:"status,omitempty"`
	Event  *event.Event `json:"event,omitempty"`
	Log    *string      `json:"log,omitempty"`
	Error  *RemoteError `json:"error,omitempty"`
	Done   bool         `json:"done,omitempty"`
}

// Action is what is to be done to one process.
type Action struct {
	Verb   lifecycle.Verb
	Target string // "broker" or "zookeeper"
	ID     int32  // the broker's
	By     string // who asks: "you", "demo failover"
}

// RemoteError is a supervisor's refusal or failure.
type RemoteError struct {
	Code    string `json:"code"`
	Message string `json:"message"` // a sentence for a person
}

func (e *RemoteError) Error() string { return e.Message }

// Codes of RemoteError.
const (
	codeInput   = "input"   // what was asked makes no sense
	codeUnknown = "unknown" // no such process
	codeRefused = "refused" // not in the process's present state
	codeFailed  = "failed"  // tried, and failed
	codeBusy    = "busy"    // another supervisor holds the home
	codeGone    = "gone"    // the supervisor ends
)

// errGone ends the answers that would otherwise go on for ever.
var errGone = &RemoteError{Code: codeGone, Message: "the supervisor ends"}

// IsBusy reports whether the home belongs to another supervisor.
func (e *RemoteError) IsBusy() bool { return e.Code == codeBusy }

// IsInput reports whether the person has to ask for something else.
func (e *RemoteError) IsInput() bool { return e.Code == codeInput || e.Code == codeUnknown }

func fail(code, format string, args ...any) error {
	return &RemoteError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsRemote gives any error the shape in which it crosses a socket.
func AsRemote(err error) *RemoteError {
	if remote, ok := errors.AsType[*RemoteError](err); ok {
		return remote
	}
	if errors.Is(err, errBusy) {
		return &RemoteError{Code: codeBusy, Message: err.Error()}
	}
	return &RemoteError{Code: codeFailed, Message: err.Error()}
}
