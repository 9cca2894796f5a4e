package server

import (
	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// existsCall arms its watch also if the node is missing: for its creation.
type existsCall struct {
	path  string
	watch bool
}

func (e existsCall) serve(p *processor, c *conn, a *answer) {
	stat, code := p.tree.Exists(e.path, c.identities)
	if e.watch && (code == tree.OK || code == tree.NoNode) {
		p.watches.Add(e.path, c, tree.WatchData)
	}
	a.code, a.body = code, tree.AppendStat(a.body, stat)
}

type getDataCall struct {
	path  string
	watch bool
}

func (g getDataCall) serve(p *processor, c *conn, a *answer) {
	data, stat, code := p.tree.Get(g.path, c.identities)
	if g.watch && code == tree.OK {
		p.watches.Add(g.path, c, tree.WatchData)
	}
	a.code, a.body = code, tree.AppendStat(jute.AppendBuffer(a.body, data), stat)
}

// getChildrenCall is getChildren or, with the node's Stat, getChildren2.
type getChildrenCall struct {
	path        string
	watch, stat bool
}

func (g getChildrenCall) serve(p *processor, c *conn, a *answer) {
	names, stat, code := p.tree.Children(g.path, c.identities)
	if g.watch && code == tree.OK {
		p.watches.Add(g.path, c, tree.WatchChildren)
	}
	a.code, a.body = code, jute.AppendUStrings(a.body, names)
	if g.stat {
		a.body = tree.AppendStat(a.body, stat)
	}
}

type getACLCall struct{ path string }

func (g getACLCall) serve(p *processor, c *conn, a *answer) {
	acl, stat, code := p.tree.ACL(g.path, c.identities)
	a.code, a.body = code, tree.AppendStat(tree.AppendACLs(a.body, acl), stat)
}

// countCall is getAllChildrenNumber: how many nodes lie below a path.
type countCall struct{ path string }

func (n countCall) serve(p *processor, c *conn, a *answer) {
	count, code := p.tree.CountDescendants(n.path, c.identities)
	a.code, a.body = code, jute.AppendInt(a.body, int32(count))
}

// ephemeralsCall is getEphemerals: those of the caller's session below a prefix.
type ephemeralsCall struct{ prefix string }

func (e ephemeralsCall) serve(p *processor, c *conn, a *answer) {
	a.body = jute.AppendUStrings(a.body, p.tree.Ephemerals(c.session.Load().id, e.prefix))
}

// syncCall is a barrier, which any place in the one queue is. The path is echoed, whatever it is.
type syncCall struct{ path string }

func (s syncCall) serve(_ *processor, _ *conn, a *answer) {
	a.body = jute.AppendUString(a.body, s.path)
}

// maxMultiRead is how long the answer to a multiRead may be. A node may be named in it as often as fits into a frame.
const maxMultiRead = 64 << 20

// A multiReadCall is several reads, each with a result of its own.
type multiReadCall struct {
	ops   []int32
	reads []call
}

func readMultiRead(r *jute.Reader) call {
	var m multiReadCall
	for {
		op, done := readMultiHeader(r)
		switch {
		case done:
			return m
		case op != opGetData && op != opGetChildren:
			return refused(tree.MarshallingError)
		}
		m.ops = append(m.ops, op)
		m.reads = append(m.reads, readCall(op, r))
	}
}

func (m multiReadCall) serve(p *processor, c *conn, a *answer) {
	for i, read := range m.reads {
		start := len(a.body)
		part := answer{body: appendMultiHeader(a.body, m.ops[i], false, 0)}
		read.serve(p, c, &part)
		if a.body = part.body; part.code != tree.OK {
			a.body = appendMultiError(a.body[:start], part.code)
		}
		if len(a.body) > maxMultiRead {
			a.code = tree.MarshallingError
			return
		}
	}
	a.body = appendMultiHeader(a.body, -1, true, -1)
}
