package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
)

// Znode is a znode's data and what is known of it.
type Znode struct {
	Data            []byte
	Version         int32
	ChildrenVersion int32
	Children        int32
	Created         time.Time
	Modified        time.Time
	EphemeralOwner  int64 // session id; 0: persistent
	CreatedZxid     int64
	ModifiedZxid    int64
}

// PathZnode is a znode and where it is.
type PathZnode struct {
	Path string
	Znode
}

// znodesTimeout bounds the first connection to ZooKeeper.
const znodesTimeout = 5 * time.Second

// Znodes reads a ZooKeeper's tree, below the chroot of its connect string. It is safe for concurrent use. Close it.
type Znodes struct{ client *session.Client }

// OpenZnodes connects to a ZooKeeper: host:port,…[/chroot]. The error wraps ErrNothing when no server answers.
func OpenZnodes(ctx context.Context, connect string) (*Znodes, error) {
	client, err := session.Open(ctx, session.Config{Connect: connect, ConnectionTimeout: znodesTimeout, SessionTimeout: znodesTimeout})
	if err != nil {
		return nil, &absent{words: fmt.Sprintf("cannot read znodes: %v", err), cause: err}
	}
	return &Znodes{client}, nil
}

// Znodes opens the ZooKeeper behind a launched cluster.
func (c *Cluster) Znodes(ctx context.Context) (*Znodes, error) {
	if c.host == nil {
		return nil, fmt.Errorf("cannot read znodes: where the ZooKeeper is, if there is one, is not known: %w", ErrNotLaunched)
	}
	status, err := c.host.status(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read znodes: %w", err)
	}
	if status.zookeeper == nil {
		return nil, errors.New("cannot read znodes: the cluster has no ZooKeeper")
	}
	return OpenZnodes(ctx, status.zookeeper.Connect)
}

// Close ends the session.
func (z *Znodes) Close() { _ = z.client.Close() }

// Children returns the names of a znode's children, sorted.
func (z *Znodes) Children(ctx context.Context, at string) ([]string, error) {
	names, _, err := z.client.Children(ctx, at)
	if err != nil {
		return nil, znodeError(at, err)
	}
	slices.Sort(names)
	return names, nil
}

// Get returns a znode.
func (z *Znodes) Get(ctx context.Context, at string) (Znode, error) {
	data, stat, err := z.client.Get(ctx, at)
	if err != nil {
		return Znode{}, znodeError(at, err)
	}
	return Znode{
		Data: data, Version: stat.Version, ChildrenVersion: stat.Cversion, Children: stat.NumChildren,
		Created: time.UnixMilli(stat.Ctime), Modified: time.UnixMilli(stat.Mtime),
		EphemeralOwner: stat.EphemeralOwner, CreatedZxid: stat.Czxid, ModifiedZxid: stat.Mzxid,
	}, nil
}

// Walk yields a znode and all below it, parents first, children by name. A znode that vanishes meanwhile is left out.
func (z *Znodes) Walk(ctx context.Context, root string) iter.Seq2[PathZnode, error] {
	return func(yield func(PathZnode, error) bool) {
		n, err := z.Get(ctx, root)
		if err != nil {
			yield(PathZnode{}, err)
			return
		}
		z.walk(ctx, PathZnode{root, n}, yield)
	}
}

// walk says whether to go on.
func (z *Znodes) walk(ctx context.Context, n PathZnode, yield func(PathZnode, error) bool) bool {
	if !yield(n, nil) {
		return false
	}
	if n.Children == 0 {
		return true
	}
	names, err := z.Children(ctx, n.Path)
	if errors.Is(err, zk.ErrNoNode) {
		return true
	}
	if err != nil {
		yield(PathZnode{}, err)
		return false
	}
	for _, name := range names {
		at := path.Join(n.Path, name)
		child, err := z.Get(ctx, at)
		if errors.Is(err, zk.ErrNoNode) {
			continue
		}
		if err != nil {
			yield(PathZnode{}, err)
			return false
		}
		if !z.walk(ctx, PathZnode{at, child}, yield) {
			return false
		}
	}
	return true
}

// znodeError says of a znode that does not exist nothing but that.
func znodeError(at string, err error) error {
	if errors.Is(err, zk.ErrNoNode) {
		return fmt.Errorf("there is no znode %s: %w", at, zk.ErrNoNode)
	}
	return err
}
