package tree

// A Stamp is when a write happens.
type Stamp struct {
	Zxid int64 // greater than LastZxid
	Time int64 // wall clock, ms since 1970
}

// A Result is what one operation of a write comes to.
type Result struct {
	Code Code
	Path string // created: the full path; otherwise empty
	Stat Stat   // of the node after a create, setData or setACL
}

// An Outcome is what a whole write comes to.
type Outcome struct {
	// Results has one entry an operation. After a failure, those before the failing one have OK though they were undone,
	// those after it RuntimeInconsistency, as in ZooKeeper's multi.
	Results []Result
	Code    Code     // OK, or that of the operation that failed
	Changes []Change // what to log; empty after a failure and for checks
	Events  []Event  // in the order of the operations
}

// Write applies all of ops or none. The stamp's zxid is used up if there are Changes.
func (t *Tree) Write(at Stamp, by Caller, ops ...Op) Outcome {
	out := Outcome{Results: make([]Result, len(ops))}
	var undo []func()
	for i, op := range ops {
		change, code := op.plan(t, by)
		if code != OK {
			t.rollBack(undo)
			return failed(len(ops), i, code)
		}
		if change == nil {
			continue
		}
		out.Events = t.appendEvents(out.Events, *change)
		undo = append(undo, t.keepUsage(change.Path), t.apply(at, *change))
		out.Changes = append(out.Changes, *change)
		out.Results[i] = t.result(*change)
	}
	if len(out.Changes) > 0 {
		t.zxid = at.Zxid
	}
	return out
}

func (t *Tree) rollBack(undo []func()) {
	for i := len(undo) - 1; i >= 0; i-- {
		undo[i]()
	}
}

func failed(ops, at int, code Code) Outcome {
	out := Outcome{Results: make([]Result, ops), Code: code}
	out.Results[at].Code = code
	for i := at + 1; i < ops; i++ {
		out.Results[i].Code = RuntimeInconsistency
	}
	return out
}

func (t *Tree) result(c Change) Result {
	switch c.Kind {
	case KindCreate:
		return Result{Path: c.Path, Stat: t.nodes[c.Path].stat()}
	case KindSetData, KindSetACL:
		return Result{Stat: t.nodes[c.Path].stat()}
	}
	return Result{}
}
