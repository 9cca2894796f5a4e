package server

import (
	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// A writeCall is one operation by itself.
type writeCall struct {
	op   int32
	what tree.Op
}

// readWrite decodes the body of a write, which is the same by itself and inside a multi.
func readWrite(op int32, r *jute.Reader) writeCall {
	switch op {
	case opDelete:
		return writeCall{op, tree.Delete{Path: r.UString(), Version: r.Int()}}
	case opSetData:
		return writeCall{op, tree.SetData{Path: r.UString(), Data: r.Buffer(), Version: r.Int()}}
	case opSetACL:
		return writeCall{op, tree.SetACL{Path: r.UString(), ACL: tree.ReadACLs(r), Version: r.Int()}}
	case opCheck:
		return writeCall{op, tree.Check{Path: r.UString(), Version: r.Int()}}
	}
	create, flags := readCreate(op, r)
	create.Mode = createMode(op, flags)
	return writeCall{op, create}
}

// readCreate decodes the body of the four create requests; the mode is still to be told from op and flags.
func readCreate(op int32, r *jute.Reader) (create tree.Create, flags int32) {
	create = tree.Create{Path: r.UString(), Data: r.Buffer(), ACL: tree.ReadACLs(r), TTL: -1}
	flags = r.Int()
	if op == opCreateTTL {
		create.TTL = r.Long()
	}
	return create, flags
}

// createMode tells what op and flags ask for together; 0 is not allowed. The opcode decides about containers.
func createMode(op, flags int32) tree.Mode {
	modes := [...]tree.Mode{tree.Persistent, tree.Ephemeral, tree.PersistentSequential, tree.EphemeralSequential,
		tree.Container, tree.TTL, tree.TTLSequential}
	if flags < 0 || int(flags) >= len(modes) {
		return 0
	}
	mode := modes[flags]
	switch {
	case op == opCreateTTL && mode != tree.TTL && mode != tree.TTLSequential:
		return 0
	case op == opCreateContainer:
		return tree.Container
	case op != opCreateTTL && mode == tree.Container:
		return tree.Persistent
	}
	return mode
}

// readMultiCreate decodes a create inside a multi, where ZooKeeper lets the flags decide what it is.
func readMultiCreate(op int32, r *jute.Reader) writeCall {
	create, flags := readCreate(op, r)
	w := writeCall{op: opCreate}
	switch {
	case flags == 4:
		w.op = opCreateContainer
	case flags > 4:
		w.op = op
	}
	create.Mode = createMode(w.op, flags)
	w.what = create
	return w
}

func (w writeCall) serve(p *processor, c *conn, a *answer) {
	out := p.write(c, a.xid, w.what)
	if a.code = out.Code; a.code != tree.OK {
		return
	}
	result := out.Results[0]
	switch w.op {
	case opCreate:
		a.body = jute.AppendUString(a.body, result.Path)
	case opCreate2, opCreateContainer, opCreateTTL:
		a.body = tree.AppendStat(jute.AppendUString(a.body, result.Path), result.Stat)
	case opSetData, opSetACL:
		a.body = tree.AppendStat(a.body, result.Stat)
	}
}

// A multiCall is several operations of which all or none are done.
type multiCall struct{ ops []writeCall }

func readMulti(r *jute.Reader) call {
	var m multiCall
	for {
		op, done := readMultiHeader(r)
		if done {
			return m
		}
		switch op {
		case opCreate, opCreate2, opCreateContainer, opCreateTTL:
			m.ops = append(m.ops, readMultiCreate(op, r))
		case opDelete, opSetData, opCheck:
			m.ops = append(m.ops, readWrite(op, r))
		default:
			return refused(tree.MarshallingError)
		}
	}
}

// readMultiHeader reads MultiHeader{int type, bool done, int err}. Input that ends is done too.
func readMultiHeader(r *jute.Reader) (op int32, done bool) {
	op, done = r.Int(), r.Bool()
	r.Int()
	return op, done || r.Err() != nil
}

func appendMultiHeader(b []byte, op int32, done bool, err tree.Code) []byte {
	return jute.AppendInt(jute.AppendBool(jute.AppendInt(b, op), done), int32(err))
}

// serve answers with err 0 in the header also when the multi failed: each operation says its own.
func (m multiCall) serve(p *processor, c *conn, a *answer) {
	ops := make([]tree.Op, len(m.ops))
	for i, w := range m.ops {
		ops[i] = w.what
	}
	out := p.write(c, a.xid, ops...)
	for i, result := range out.Results {
		if out.Code != tree.OK {
			a.body = appendMultiError(a.body, result.Code)
			continue
		}
		a.body = m.ops[i].appendResult(a.body, result)
	}
	a.body = appendMultiHeader(a.body, -1, true, -1)
}

func appendMultiError(b []byte, code tree.Code) []byte {
	return jute.AppendInt(appendMultiHeader(b, -1, false, code), int32(code))
}

// appendResult appends a success. As in ZooKeeper, containers and TTL nodes come back as create2, with their Stat.
func (w writeCall) appendResult(b []byte, result tree.Result) []byte {
	switch w.op {
	case opCreate:
		return jute.AppendUString(appendMultiHeader(b, opCreate, false, 0), result.Path)
	case opCreateContainer, opCreateTTL:
		b = jute.AppendUString(appendMultiHeader(b, opCreate2, false, 0), result.Path)
		return tree.AppendStat(b, result.Stat)
	case opSetData:
		return tree.AppendStat(appendMultiHeader(b, opSetData, false, 0), result.Stat)
	}
	return appendMultiHeader(b, w.op, false, 0)
}
