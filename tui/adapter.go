package tui

import (
	"context"
	"sync"

	"klab/cluster"
)

// FromCluster makes a Source of a cluster. The source's Close closes the cluster's connections.
func FromCluster(c *cluster.Cluster) Source { return &clusterSource{Cluster: c} }

// clusterSource adapts *cluster.Cluster, whose methods return its own types, to Source.
type clusterSource struct {
	*cluster.Cluster
	nodes lazyZnodes
}

func (s *clusterSource) Executed(n int) []cluster.Executed { return s.Commands().Last(n) }

func (s *clusterSource) Tail(ctx context.Context, o cluster.TailOptions) (Tail, error) {
	t, err := s.Cluster.Tail(ctx, o)
	if err != nil {
		return nil, err // not a nil *cluster.Tail in a Tail
	}
	return t, nil
}

func (s *clusterSource) Znodes() Znodes {
	if !s.Launched() {
		return nil
	}
	s.nodes.open = s.Cluster.Znodes
	return &s.nodes
}

func (s *clusterSource) Close() {
	s.nodes.close()
	s.Cluster.Close()
}

// lazyZnodes connects to ZooKeeper when the first znode is read, and again after a failure.
type lazyZnodes struct {
	open func(context.Context) (*cluster.Znodes, error)

	mu    sync.Mutex
	nodes *cluster.Znodes // nil: not connected
}

func (z *lazyZnodes) connected(ctx context.Context) (*cluster.Znodes, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.nodes != nil {
		return z.nodes, nil
	}
	nodes, err := z.open(ctx)
	if err != nil {
		return nil, err
	}
	z.nodes = nodes
	return nodes, nil
}

func (z *lazyZnodes) Children(ctx context.Context, path string) ([]string, error) {
	nodes, err := z.connected(ctx)
	if err != nil {
		return nil, err
	}
	return nodes.Children(ctx, path)
}

func (z *lazyZnodes) Get(ctx context.Context, path string) (cluster.Znode, error) {
	nodes, err := z.connected(ctx)
	if err != nil {
		return cluster.Znode{}, err
	}
	return nodes.Get(ctx, path)
}

func (z *lazyZnodes) close() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.nodes != nil {
		z.nodes.Close()
		z.nodes = nil
	}
}
