package txnlog

import (
	"fmt"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// Transaction types in ZooKeeper's log that are not a tree.Kind of their own.
const (
	typeError           = -1
	typeMulti           = 14
	typeCheck           = 13
	typeCreate2         = 15
	typeReconfig        = 16
	typeCreateContainer = 19
	typeDeleteContainer = 20
	typeCreateTTL       = 21
)

// batchMark is the version of our TxnDigest: "klab". ZooKeeper does not compare digests of versions it does not know.
const batchMark = 0x6b6c6162

// minPayload is the size of a TxnHeader, the least a record can hold.
const minPayload = 8 + 4 + 8 + 8 + 4

// appendTxn appends the payload of a log record.
func appendTxn(b []byte, txn tree.Txn, batch int64) []byte {
	b = jute.AppendLong(b, txn.Session)
	b = jute.AppendInt(b, txn.Cxid)
	b = jute.AppendLong(b, txn.Zxid)
	b = jute.AppendLong(b, txn.Time)
	if len(txn.Changes) == 1 {
		b = jute.AppendInt(b, changeType(txn.Changes[0]))
		b = appendChange(b, txn.Changes[0])
	} else {
		b = appendMulti(b, txn.Changes)
	}
	b = jute.AppendInt(b, batchMark)
	return jute.AppendLong(b, batch)
}

func appendMulti(b []byte, changes []tree.Change) []byte {
	b = jute.AppendInt(b, typeMulti)
	b = jute.AppendInt(b, int32(len(changes)))
	for _, c := range changes {
		b = jute.AppendInt(b, changeType(c))
		b = jute.AppendBuffer(b, appendChange([]byte{}, c))
	}
	return b
}

func changeType(c tree.Change) int32 {
	switch {
	case c.Kind == tree.KindCreate && c.Owner == tree.OwnerContainer:
		return typeCreateContainer
	case c.Kind == tree.KindCreate && tree.TTLOf(c.Owner) > 0:
		return typeCreateTTL
	}
	return int32(c.Kind)
}

func appendChange(b []byte, c tree.Change) []byte {
	switch kind := changeType(c); kind {
	case int32(tree.KindOpenSession):
		return jute.AppendInt(b, c.Timeout)
	case int32(tree.KindCloseSession):
		return jute.AppendUStrings(b, c.Paths)
	case int32(tree.KindDelete):
		return jute.AppendUString(b, c.Path)
	case int32(tree.KindSetData):
		b = jute.AppendBuffer(jute.AppendUString(b, c.Path), c.Data)
		return jute.AppendInt(b, c.Version)
	case int32(tree.KindSetACL):
		b = tree.AppendACLs(jute.AppendUString(b, c.Path), c.ACL)
		return jute.AppendInt(b, c.Version)
	default:
		return appendCreate(b, c, kind)
	}
}

func appendCreate(b []byte, c tree.Change, kind int32) []byte {
	b = jute.AppendBuffer(jute.AppendUString(b, c.Path), c.Data)
	b = tree.AppendACLs(b, c.ACL)
	if kind == int32(tree.KindCreate) {
		b = jute.AppendBool(b, c.Owner != 0)
	}
	b = jute.AppendInt(b, c.Version)
	if kind == typeCreateTTL {
		b = jute.AppendLong(b, tree.TTLOf(c.Owner))
	}
	return b
}

// readTxn decodes the payload of a log record, of ours or of ZooKeeper's. batch is 0 if the record does not tell.
func readTxn(payload []byte) (txn tree.Txn, batch int64, err error) {
	r := jute.NewReader(payload)
	txn.Session, txn.Cxid = r.Long(), r.Int()
	txn.Zxid, txn.Time = r.Long(), r.Long()
	kind := r.Int()
	if kind == typeMulti {
		txn.Changes, err = readMulti(r, txn.Session)
	} else {
		txn.Changes, err = readChange(r, kind, txn.Session)
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return txn, 0, fmt.Errorf("cannot read transaction 0x%x of type %d: %w", txn.Zxid, kind, err)
	}
	if r.Len() >= 12 && r.Int() == batchMark {
		batch = r.Long()
	}
	return txn, batch, nil
}

// readMulti decodes a multi. One with an error in it failed as a whole: ZooKeeper logs that, with the changes that the
// operations before the error would have made.
func readMulti(r *jute.Reader, session int64) ([]tree.Change, error) {
	var changes []tree.Change
	failed := false
	for range r.Count(8) {
		kind := r.Int()
		part := jute.NewReader(r.Buffer())
		cs, err := readChange(part, kind, session)
		if err != nil {
			return nil, err
		}
		if part.Err() != nil {
			return nil, part.Err()
		}
		failed = failed || kind == typeError
		changes = append(changes, cs...)
	}
	if failed {
		return nil, nil
	}
	return changes, nil
}

// readChange decodes one change; requests that failed and version checks are transactions without any.
func readChange(r *jute.Reader, kind int32, session int64) ([]tree.Change, error) {
	c := tree.Change{Kind: tree.Kind(kind)}
	switch kind {
	case typeError:
		r.Int()
		return nil, nil
	case typeCheck:
		r.UString()
		r.Int()
		return nil, nil
	case int32(tree.KindOpenSession):
		c.Timeout = r.Int()
	case int32(tree.KindCloseSession):
		if r.Len() > 0 { // before ZooKeeper 3.6 the paths were not listed
			c.Paths = r.UStrings()
		}
	case int32(tree.KindDelete), typeDeleteContainer:
		c.Kind, c.Path = tree.KindDelete, r.UString()
	case int32(tree.KindSetData), typeReconfig:
		c.Kind, c.Path, c.Data, c.Version = tree.KindSetData, r.UString(), r.Buffer(), r.Int()
	case int32(tree.KindSetACL):
		c.Path, c.ACL, c.Version = r.UString(), tree.ReadACLs(r), r.Int()
	case int32(tree.KindCreate), typeCreate2, typeCreateContainer, typeCreateTTL:
		c = readCreate(r, kind, session)
	default:
		return nil, fmt.Errorf("type %d is unknown", kind)
	}
	return []tree.Change{c}, nil
}

func readCreate(r *jute.Reader, kind int32, session int64) tree.Change {
	c := tree.Change{Kind: tree.KindCreate, Path: r.UString(), Data: r.Buffer(), ACL: tree.ReadACLs(r)}
	switch kind {
	case typeCreateContainer:
		c.Owner = tree.OwnerContainer
	case typeCreateTTL:
	default:
		if r.Bool() {
			c.Owner = session
		}
	}
	c.Version = r.Int()
	if kind == typeCreateTTL {
		c.Owner = tree.OwnerTTL(r.Long())
	}
	return c
}
