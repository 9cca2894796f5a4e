package tree

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// An Image is a tree at rest: everything a snapshot file holds. Taking one copies each node's fields but shares its data
// and ACL, which are never changed in place, so it is cheap and may be read while the tree goes on.
type Image struct {
	Zxid     int64
	Sessions map[int64]int32 // id -> timeout in ms
	Nodes    []ImageNode
}

// Sort puts each node after its parent, as Restore needs it. Image leaves that to whoever has time for it.
func (im *Image) Sort() {
	slices.SortFunc(im.Nodes, func(a, b ImageNode) int { return cmp.Compare(a.Path, b.Path) })
}

// An ImageNode is one node as stored. Creates is the number of children ever created, Owner the stored owner field.
type ImageNode struct {
	Path                       string
	Data                       []byte
	ACL                        []ACL
	Czxid, Mzxid, Ctime, Mtime int64
	Version, Creates, Aversion int32
	Owner, Pzxid               int64
}

// Image returns the tree at rest, its nodes in no order.
func (t *Tree) Image() *Image {
	im := &Image{Zxid: t.zxid, Sessions: maps.Clone(t.sessions), Nodes: make([]ImageNode, 0, len(t.nodes))}
	for path, n := range t.nodes {
		im.Nodes = append(im.Nodes, ImageNode{
			Path: path, Data: n.data, ACL: n.acl,
			Czxid: n.czxid, Mzxid: n.mzxid, Ctime: n.ctime, Mtime: n.mtime,
			Version: n.version, Creates: n.creates, Aversion: n.aversion, Owner: n.owner, Pzxid: n.pzxid,
		})
	}
	return im
}

// Restore builds a tree from an image. It refuses one whose nodes have no parent before them or come twice.
func Restore(im *Image, opt Options) (*Tree, error) {
	t := empty(opt)
	t.zxid = im.Zxid
	for id, timeout := range im.Sessions {
		t.addSession(id, timeout)
	}
	for _, in := range im.Nodes {
		parent, _, ok := split(in.Path)
		orphan := in.Path != rootPath && t.nodes[parent] == nil
		if !ok || orphan || t.nodes[in.Path] != nil || in.Path == "" {
			return nil, fmt.Errorf("cannot restore tree: node %q has no parent before it, or comes twice", in.Path)
		}
		acl := in.ACL
		if IsOpen(acl) {
			acl = openACL
		}
		t.link(in.Path, &node{
			data: in.Data, acl: acl, owner: in.Owner,
			czxid: in.Czxid, mzxid: in.Mzxid, pzxid: in.Pzxid, ctime: in.Ctime, mtime: in.Mtime,
			version: in.Version, aversion: in.Aversion, creates: in.Creates,
		})
	}
	if t.nodes[rootPath] == nil {
		return nil, fmt.Errorf("cannot restore tree: it has no root")
	}
	return t, nil
}
