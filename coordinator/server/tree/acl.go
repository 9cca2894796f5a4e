package tree

import (
	"crypto/sha1"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
)

// Permission bits of an ACL entry (ZooKeeper's ZooDefs.Perms). CREATE and DELETE are asked of the parent.
const (
	PermRead   int32 = 1
	PermWrite  int32 = 2
	PermCreate int32 = 4
	PermDelete int32 = 8
	PermAdmin  int32 = 16
	PermAll    int32 = 31
)

// Schemes of identities and of ACL entries.
const (
	schemeWorld  = "world"
	schemeAuth   = "auth"
	SchemeDigest = "digest"
	SchemeIP     = "ip"
	SchemeSuper  = "super"
)

// An ACL is one entry of a node's access control list: what who may do.
type ACL struct {
	Perms      int32
	Scheme, ID string
}

// An Identity is one thing a connection has proved to be. Several add up.
type Identity struct{ Scheme, ID string }

// openACL is shared by the nodes that anyone may do anything to, which are most.
var openACL = []ACL{{PermAll, schemeWorld, "anyone"}}

// OpenACL returns the list that lets anyone do anything.
func OpenACL() []ACL { return slices.Clone(openACL) }

// IsOpen tells whether acl is exactly "anyone may do anything".
func IsOpen(acl []ACL) bool { return len(acl) == 1 && acl[0] == openACL[0] }

// schemeLost is no client's: a list of it lets nobody but the super user do anything.
const schemeLost = "lost"

// LostACL returns the list of a node whose own a snapshot refers to and does not have.
func LostACL() []ACL { return []ACL{{PermAll, schemeLost, ""}} }

func isLost(acl []ACL) bool { return len(acl) == 1 && acl[0].Scheme == schemeLost }

// LostACLs returns, sorted, the paths of the nodes whose list is lost.
func (t *Tree) LostACLs() []string {
	var paths []string
	for path, n := range t.nodes {
		if isLost(n.acl) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// DigestIdentity returns the identity that the auth packet "user:password" of scheme digest proves:
// user:base64(SHA-1(user:password)).
func DigestIdentity(userPassword string) Identity {
	user, _, _ := strings.Cut(userPassword, ":")
	sum := sha1.Sum([]byte(userPassword))
	return Identity{SchemeDigest, user + ":" + base64.StdEncoding.EncodeToString(sum[:])}
}

// allows tells whether acl grants one of perms to one of who. No list at all is open.
func (t *Tree) allows(acl []ACL, perms int32, who []Identity) bool {
	if t.opt.SkipACL || len(acl) == 0 || IsOpen(acl) {
		return true
	}
	if slices.ContainsFunc(who, func(id Identity) bool { return id.Scheme == SchemeSuper }) {
		return true
	}
	for _, entry := range acl {
		if entry.Perms&perms == 0 {
			continue
		}
		if entry.Scheme == schemeWorld && entry.ID == "anyone" {
			return true
		}
		if slices.ContainsFunc(who, func(id Identity) bool { return entry.matches(id) }) {
			return true
		}
	}
	return false
}

// MayRead tells whether acl lets one of who read the node: the question to ask before an event is delivered
// (ZooKeeper 3.8.4, CVE-2024-23944).
func (t *Tree) MayRead(acl []ACL, who []Identity) bool { return t.allows(acl, PermRead, who) }

func (a ACL) matches(id Identity) bool {
	if a.Scheme != id.Scheme {
		return false
	}
	if a.Scheme != SchemeIP {
		return a.ID == id.ID
	}
	network, ok := parseNetwork(a.ID)
	addr, err := netip.ParseAddr(id.ID)
	return ok && err == nil && network.Contains(addr.Unmap().WithZone(""))
}

// parseNetwork reads "address" or "address/bits", IPv4 or IPv6.
func parseNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, false
		}
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}

// normalACL checks the list a client sent and returns the one to store: duplicates gone, "auth" replaced by every
// identity that the caller has authenticated.
func normalACL(acl []ACL, who []Identity) ([]ACL, Code) {
	if IsOpen(acl) {
		return openACL, OK
	}
	var out []ACL
	add := func(a ACL) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, a := range acl {
		if a.Scheme == schemeAuth {
			if !slices.ContainsFunc(who, Identity.authenticated) {
				return nil, InvalidACL
			}
			for _, id := range who {
				if id.authenticated() {
					add(ACL{a.Perms, id.Scheme, id.ID})
				}
			}
			continue
		}
		if !a.wellFormed() {
			return nil, InvalidACL
		}
		add(a)
	}
	if len(out) == 0 {
		return nil, InvalidACL
	}
	return out, OK
}

// authenticated tells whether the identity is one that scheme "auth" stands for: proved, and usable in a list.
func (id Identity) authenticated() bool { return id.Scheme != SchemeIP && id.Scheme != SchemeSuper }

func (a ACL) wellFormed() bool {
	switch a.Scheme {
	case schemeWorld:
		return a.ID == "anyone"
	case SchemeDigest:
		return strings.Count(a.ID, ":") == 1
	case SchemeIP:
		_, ok := parseNetwork(a.ID)
		return ok
	}
	return false
}

// maskDigests hides password hashes from those who may read a list but not administer the node.
func maskDigests(acl []ACL) []ACL {
	out := slices.Clone(acl)
	for i, a := range out {
		if user, _, ok := strings.Cut(a.ID, ":"); ok && a.Scheme == SchemeDigest {
			out[i].ID = user + ":x"
		}
	}
	return out
}
