package controller

import (
	"context"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
)

// Store is what the shell needs of a ZooKeeper session; *session.Client is one.
type Store interface {
	Get(ctx context.Context, path string) ([]byte, *session.Stat, error)
	GetW(ctx context.Context, path string) ([]byte, *session.Stat, <-chan zk.Event, error)
	ExistsW(ctx context.Context, path string) (bool, *session.Stat, <-chan zk.Event, error)
	Exists(ctx context.Context, path string) (bool, *session.Stat, error)
	Children(ctx context.Context, path string) ([]string, *session.Stat, error)
	ChildrenW(ctx context.Context, path string) ([]string, *session.Stat, <-chan zk.Event, error)
	Create(ctx context.Context, path string, data []byte, flags int32) (string, error)
	Set(ctx context.Context, path string, data []byte, version int32) (*session.Stat, error)
	Delete(ctx context.Context, path string, version int32) error
	Multi(ctx context.Context, ops ...any) ([]session.Result, error)
	SessionID() int64
	Listen(session.Listener) (stop func())
}
