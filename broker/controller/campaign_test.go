package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"pgregory.net/rapid"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// sessionOn is a Store of one session over a tree. Before each call others may
// act; a write may be applied and its answer lost, so that it is tried again.
type sessionOn struct {
	Store
	tree   *tree
	id     int64
	owners map[string]int64 // of ephemerals
	meddle func()
	lose   func() bool
}

func (s *sessionOn) SessionID() int64 { return s.id }

func (s *sessionOn) Get(_ context.Context, path string) ([]byte, *session.Stat, error) {
	s.meddle()
	n := s.tree.nodes[path]
	if n == nil {
		return nil, nil, session.ErrNoNode
	}
	return n.data, &session.Stat{Version: n.version, EphemeralOwner: s.owners[path]}, nil
}

func (s *sessionOn) GetW(ctx context.Context, path string) ([]byte, *session.Stat, <-chan zk.Event, error) {
	data, stat, err := s.Get(ctx, path)
	return data, stat, nil, err
}

func (s *sessionOn) ExistsW(ctx context.Context, path string) (bool, *session.Stat, <-chan zk.Event, error) {
	_, stat, err := s.Get(ctx, path)
	return err == nil, stat, nil, nil
}

func (s *sessionOn) Create(_ context.Context, path string, data []byte, _ int32) (string, error) {
	s.meddle()
	if err := s.tree.check(Op{Kind: OpCreate, Path: path}); err != nil {
		return "", err
	}
	s.tree.apply(Op{Kind: OpCreate, Path: path, Data: data})
	return path, nil
}

func (s *sessionOn) Multi(_ context.Context, ops ...any) ([]session.Result, error) {
	s.meddle()
	results, err := s.multi(ops)
	if s.lose() {
		s.meddle()
		results, err = s.multi(ops)
	}
	return results, err
}

func (s *sessionOn) multi(ops []any) ([]session.Result, error) {
	results := make([]session.Result, len(ops))
	for apply := range 2 {
		for i, op := range ops {
			var o Op
			switch op := op.(type) {
			case *zk.CreateRequest:
				o = Op{Kind: OpCreate, Path: op.Path, Data: op.Data}
			case *zk.SetDataRequest:
				o = Op{Kind: OpSet, Path: op.Path, Data: op.Data, Version: op.Version}
			}
			if apply == 0 {
				if err := s.tree.check(o); err != nil {
					return nil, &session.MultiError{Index: i, Err: err}
				}
				continue
			}
			s.tree.apply(o)
			if o.Kind == OpCreate {
				s.owners[o.Path] = s.id
			}
			results[i].Stat = &session.Stat{Version: s.tree.nodes[o.Path].version}
		}
	}
	return results, nil
}

// TestCampaignElectsOne holds that whoever believes to be elected is, with the
// epoch in ZooKeeper, and that epochs are never used twice.
func TestCampaignElectsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := newTree()
		owners := make(map[string]int64)
		vacate := func() { // the controller's session ends, or an old one's node goes
			if tree.nodes[znode.ControllerPath] != nil {
				tree.delete(znode.ControllerPath)
				delete(owners, znode.ControllerPath)
			}
		}
		used := make(map[int32]int64)
		var nested int
		var run func(id int64)
		run = func(id int64) {
			s := &sessionOn{tree: tree, id: id, owners: owners}
			s.lose = func() bool { return rapid.IntRange(0, 2).Draw(t, "lose") == 0 }
			s.meddle = func() {
				switch rapid.IntRange(0, 5).Draw(t, "meddle") {
				case 0:
					if owners[znode.ControllerPath] != id { // one's own session lives
						vacate()
					}
				case 1:
					if nested < 4 {
						nested++
						run(id + 10*int64(nested))
					}
				}
			}
			out, err := campaign(context.Background(), s, int32(id), time.UnixMilli(1))
			if err != nil {
				t.Fatal(err)
			}
			if out.won == nil {
				return
			}
			if other, ok := used[out.won.epoch]; ok {
				t.Fatalf("sessions %d and %d both reign in epoch %d", other, id, out.won.epoch)
			}
			used[out.won.epoch] = id
			n := tree.nodes[znode.ControllerEpochPath]
			epoch, _ := znode.DecodeControllerEpoch(n.data)
			if owners[znode.ControllerPath] == id && (epoch != out.won.epoch || n.version != out.won.epochVersion) {
				t.Fatalf("session %d reigns with %+v, ZooKeeper has %d at version %d", id, *out.won, epoch, n.version)
			}
		}
		for i := range rapid.Int64Range(1, 6).Draw(t, "campaigns") {
			nested = 0
			run(1000 * (i + 1))
		}
	})
}

func TestCampaignLeavesKRaftAlone(t *testing.T) {
	tree := newTree()
	tree.put(znode.ControllerPath, znode.Controller{BrokerID: 3000, KRaftEpoch: 2}.Encode())
	s := &sessionOn{tree: tree, id: 1, owners: map[string]int64{}, meddle: func() {}, lose: func() bool { return false }}
	if _, err := campaign(context.Background(), s, 1, time.UnixMilli(1)); !errors.Is(err, ErrKRaftOwned) {
		t.Errorf("got %v", err)
	}
}
