package tree

import "klab/coordinator/server/jute"

// AppendACLs appends a list in its wire and file form: vector<ACL{int perms, Id{ustring scheme, ustring id}}>.
func AppendACLs(b []byte, acl []ACL) []byte {
	b = jute.AppendInt(b, int32(len(acl)))
	for _, a := range acl {
		b = jute.AppendInt(b, a.Perms)
		b = jute.AppendUString(b, a.Scheme)
		b = jute.AppendUString(b, a.ID)
	}
	return b
}

// ReadACLs reads what AppendACLs writes. Null and empty lists are nil.
func ReadACLs(r *jute.Reader) []ACL {
	n := r.Count(12)
	var acl []ACL
	for range n {
		acl = append(acl, ACL{Perms: r.Int(), Scheme: r.UString(), ID: r.UString()})
	}
	return acl
}

// AppendStat appends a Stat in its wire form of 68 bytes.
func AppendStat(b []byte, s Stat) []byte {
	for _, v := range [...]int64{s.Czxid, s.Mzxid, s.Ctime, s.Mtime} {
		b = jute.AppendLong(b, v)
	}
	for _, v := range [...]int32{s.Version, s.Cversion, s.Aversion} {
		b = jute.AppendInt(b, v)
	}
	b = jute.AppendLong(b, s.EphemeralOwner)
	b = jute.AppendInt(b, s.DataLength)
	b = jute.AppendInt(b, s.NumChildren)
	return jute.AppendLong(b, s.Pzxid)
}
