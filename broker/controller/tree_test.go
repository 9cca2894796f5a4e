package controller

import (
	"maps"
	"slices"
	"strings"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// tree is a ZooKeeper in memory that runs a Core's queries.
type tree struct {
	nodes   map[string]*treeNode
	zxid    int64
	watched map[string]bool   // paths with some watch armed
	fired   []string          // paths whose watches fired and were not delivered
	onWrite func(op Op) error // an error refuses the write

	// loseNext makes the next so many Writes answer as if an earlier attempt had
	// been applied and its answer lost.
	loseNext int
}

type treeNode struct {
	data    []byte
	version int32
	czxid   int64
}

func newTree() *tree {
	t := &tree{nodes: map[string]*treeNode{"/": {}}, watched: make(map[string]bool)}
	for _, path := range znode.PersistentPaths() {
		t.makeAll(path)
	}
	return t
}

func (t *tree) makeAll(path string) {
	for i := 1; i <= len(path); i++ {
		if (i == len(path) || path[i] == '/') && t.nodes[path[:i]] == nil {
			t.apply(Op{Kind: OpCreate, Path: path[:i]})
		}
	}
}

// put writes a node whether it is there or not.
func (t *tree) put(path string, data []byte) {
	if t.nodes[path] == nil {
		t.apply(Op{Kind: OpCreate, Path: path, Data: data})
		return
	}
	t.apply(Op{Kind: OpSet, Path: path, Data: data, Version: session.AnyVersion})
}

func (t *tree) delete(path string) {
	t.apply(Op{Kind: OpDelete, Path: path, Version: session.AnyVersion})
}

func parent(path string) string { return path[:max(1, strings.LastIndexByte(path, '/'))] }

func (t *tree) children(path string) []string {
	var names []string
	for p := range t.nodes {
		if name, ok := znode.ChildOf(path, p); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// check says whether an operation could be applied.
func (t *tree) check(op Op) error {
	n := t.nodes[op.Path]
	switch {
	case op.Kind == OpCreate && n != nil:
		return session.ErrNodeExists
	case op.Kind == OpCreate && t.nodes[parent(op.Path)] == nil, op.Kind != OpCreate && n == nil:
		return session.ErrNoNode
	case op.Kind != OpCreate && op.Version != session.AnyVersion && op.Version != n.version:
		return session.ErrBadVersion
	case op.Kind == OpDelete && len(t.children(op.Path)) > 0:
		return session.ErrNotEmpty
	}
	return nil
}

func (t *tree) apply(op Op) {
	t.zxid++
	switch op.Kind {
	case OpCreate:
		t.nodes[op.Path] = &treeNode{data: op.Data, czxid: t.zxid}
		t.fire(op.Path, parent(op.Path))
	case OpSet:
		n := t.nodes[op.Path]
		n.data = op.Data
		n.version++
		t.fire(op.Path)
	case OpDelete:
		delete(t.nodes, op.Path)
		t.fire(op.Path, parent(op.Path))
	}
}

func (t *tree) fire(paths ...string) {
	for _, path := range paths {
		if t.watched[path] {
			delete(t.watched, path)
			t.fired = append(t.fired, path)
		}
	}
}

// run answers queries in order. Writes are fenced by the version of /controller_epoch.
func (t *tree) run(queries []Query, epochVersion int32) []Answer {
	answers := make([]Answer, len(queries))
	for i, q := range queries {
		switch q.Kind {
		case Write:
			answers[i] = t.write(q.Ops, epochVersion)
		case Prune:
			for _, path := range slices.Backward(slices.Sorted(maps.Keys(t.nodes))) {
				if path == q.Path || strings.HasPrefix(path, q.Path+"/") {
					t.delete(path)
				}
			}
		default:
			answers[i] = t.read(q)
		}
	}
	return answers
}

func (t *tree) read(q Query) Answer {
	n := t.nodes[q.Path]
	if q.Watch && (n != nil || q.Kind == Look) {
		t.watched[q.Path] = true
	}
	if n == nil {
		return Answer{Err: session.ErrNoNode}
	}
	a := Answer{Data: n.data, Version: n.version, Czxid: n.czxid}
	if q.Kind == List {
		a.Children = t.children(q.Path)
	}
	return a
}

func (t *tree) write(ops []Op, epochVersion int32) Answer {
	attempts := 1
	if t.loseNext > 0 {
		t.loseNext--
		attempts = 2
	}
	var a Answer
	for range attempts {
		a = t.attempt(ops, epochVersion)
	}
	return a
}

func (t *tree) attempt(ops []Op, epochVersion int32) Answer {
	if n := t.nodes[znode.ControllerEpochPath]; n != nil && n.version != epochVersion {
		return Answer{Err: ErrFenced}
	}
	// Operations of a transaction see one another: a copy takes them first.
	trial := tree{nodes: maps.Clone(t.nodes), watched: map[string]bool{}}
	for path, n := range trial.nodes {
		trial.nodes[path] = new(*n)
	}
	for i, op := range ops {
		if err := trial.check(op); err != nil {
			return Answer{Err: err, Failed: i}
		}
		trial.apply(op)
	}
	for _, op := range ops {
		if t.onWrite != nil {
			if err := t.onWrite(op); err != nil {
				return Answer{Err: err}
			}
		}
		t.apply(op)
	}
	return Answer{}
}

func (t *tree) register(id int32, rack string) {
	b := znode.Broker{ID: id, Rack: rack, JMXPort: -1, Endpoints: []znode.Endpoint{{Listener: "PLAINTEXT", SecurityProtocol: "PLAINTEXT", Host: "h", Port: 9090 + id}}}
	if t.nodes[znode.BrokerPath(id)] != nil {
		t.delete(znode.BrokerPath(id))
	}
	t.put(znode.BrokerPath(id), b.Encode())
}

func (t *tree) topic(name string, id znode.UUID, replicas map[int32][]int32) {
	a := znode.TopicAssignment{ID: id, Partitions: make(map[int32]znode.ReplicaAssignment)}
	for p, r := range replicas {
		a.Partitions[p] = znode.ReplicaAssignment{Replicas: r}
	}
	t.put(znode.TopicConfigPath(name), znode.EncodeConfig(nil))
	t.put(znode.TopicPath(name), a.Encode())
}

// elect gives the office to a broker, as campaign does.
func (t *tree) elect(broker int32) Elected {
	t.put(znode.ControllerPath, znode.Controller{BrokerID: broker, Timestamp: 1, KRaftEpoch: -1}.Encode())
	var epoch int32
	if n := t.nodes[znode.ControllerEpochPath]; n != nil {
		epoch, _ = znode.DecodeControllerEpoch(n.data)
	}
	t.put(znode.ControllerEpochPath, znode.EncodeControllerEpoch(epoch+1))
	return Elected{Epoch: epoch + 1, EpochVersion: t.nodes[znode.ControllerEpochPath].version}
}
