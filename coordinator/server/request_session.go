package server

import (
	"slices"
	"strings"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// pingCall does nothing: being read has kept the session alive.
type pingCall struct{}

func (pingCall) serve(*processor, *conn, *answer) {}

// closeCall ends the session. Its ephemerals are gone before the answer.
type closeCall struct{}

func (closeCall) serve(p *processor, c *conn, a *answer) {
	p.endSession(c.session.Load(), "session.closed")
	a.end = true
}

// authCall adds an identity to the connection. One that cannot be verified costs the connection.
type authCall struct {
	scheme string
	auth   []byte
}

func (w authCall) serve(p *processor, c *conn, a *answer) {
	a.zxid = 0
	switch w.scheme {
	case tree.SchemeDigest:
		id := tree.DigestIdentity(string(w.auth))
		if p.cfg.SuperDigest != "" && id.ID == p.cfg.SuperDigest {
			c.identify(tree.Identity{Scheme: tree.SchemeSuper})
		}
		c.identify(id)
	case tree.SchemeIP: // every connection has that already
	default:
		a.code, a.end = tree.AuthFailed, true
	}
}

func (c *conn) identify(id tree.Identity) {
	if !slices.Contains(c.identities, id) {
		c.identities = append(c.identities, id)
	}
}

// whoAmICall lists the connection's identities, without password hashes.
type whoAmICall struct{}

func (whoAmICall) serve(_ *processor, c *conn, a *answer) {
	a.body = jute.AppendInt(a.body, int32(len(c.identities)))
	for _, id := range c.identities {
		user := id.ID
		if id.Scheme == tree.SchemeDigest {
			user, _, _ = strings.Cut(user, ":")
		}
		a.body = jute.AppendUString(jute.AppendUString(a.body, id.Scheme), user)
	}
}

// saslCall answers as a ZooKeeper without SASL: no error, no token.
type saslCall struct{}

func (saslCall) serve(_ *processor, _ *conn, a *answer) { a.body = jute.AppendBuffer(a.body, nil) }
