package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-zookeeper/zk"
)

// Stat is what ZooKeeper knows of a node besides its data.
type Stat = zk.Stat

// AnyVersion makes a conditional operation unconditional.
const AnyVersion = -1

type node struct {
	data     []byte
	children []string
	stat     *Stat
	exists   bool
	watch    <-chan zk.Event
}

// Get returns the data and Stat of a node. Null data is nil, empty data is not.
func (c *Client) Get(ctx context.Context, path string) ([]byte, *Stat, error) {
	n, err := read(ctx, c, "read", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.data, n.stat, err = conn.Get(p)
		return n, err
	})
	return n.data, n.stat, err
}

// GetW is Get, and arms a watch for a change or the deletion of the node. When
// the node does not exist no watch is armed; see ExistsW.
func (c *Client) GetW(ctx context.Context, path string) ([]byte, *Stat, <-chan zk.Event, error) {
	n, err := read(ctx, c, "read", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.data, n.stat, n.watch, err = conn.GetW(p)
		return n, err
	})
	return n.data, n.stat, n.watch, err
}

// Exists tells whether a node exists; its Stat is nil when it does not.
func (c *Client) Exists(ctx context.Context, path string) (bool, *Stat, error) {
	n, err := read(ctx, c, "look for", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.exists, n.stat, err = conn.Exists(p)
		return n, err
	})
	return n.exists, n.ifExists(), err
}

// ExistsW is Exists, and arms a watch for the creation, a change or the deletion
// of the node.
func (c *Client) ExistsW(ctx context.Context, path string) (bool, *Stat, <-chan zk.Event, error) {
	n, err := read(ctx, c, "look for", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.exists, n.stat, n.watch, err = conn.ExistsW(p)
		return n, err
	})
	return n.exists, n.ifExists(), n.watch, err
}

func (n node) ifExists() *Stat {
	if !n.exists {
		return nil
	}
	return n.stat
}

// Children returns the names, unordered, of a node's children.
func (c *Client) Children(ctx context.Context, path string) ([]string, *Stat, error) {
	n, err := read(ctx, c, "list", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.children, n.stat, err = conn.Children(p)
		return n, err
	})
	return n.children, n.stat, err
}

// ChildrenW is Children, and arms a watch for a change of the list.
func (c *Client) ChildrenW(ctx context.Context, path string) ([]string, *Stat, <-chan zk.Event, error) {
	n, err := read(ctx, c, "list", path, func(conn *zk.Conn, p string) (n node, err error) {
		n.children, n.stat, n.watch, err = conn.ChildrenW(p)
		return n, err
	})
	return n.children, n.stat, n.watch, err
}

func read(ctx context.Context, c *Client, verb, path string, request func(*zk.Conn, string) (node, error)) (node, error) {
	full := absolute(c.chroot, path)
	n, _, err := call(ctx, c, pathSize(full)+1, func(conn *zk.Conn) (node, error) { return request(conn, full) })
	if err != nil {
		return node{}, fmt.Errorf("cannot %s znode %s: %w", verb, path, err)
	}
	n.watch = c.relativeWatch(n.watch)
	return n, nil
}

// relativeWatch strips the chroot from the event of a watch.
func (c *Client) relativeWatch(watch <-chan zk.Event) <-chan zk.Event {
	if watch == nil || c.chroot == "" {
		return watch
	}
	out := make(chan zk.Event, 1)
	go func() { // ends when the watch fires, at the latest with the session
		defer close(out)
		for ev := range watch {
			ev.Path = relative(c.chroot, ev.Path)
			out <- ev
		}
	}()
	return out
}

// Create makes a node and returns its path, which for a sequential node has the
// number at its end. flags are zk.FlagEphemeral and zk.FlagSequence.
//
// When an attempt lost its answer and the node is found to exist with the data
// given (and, if ephemeral, owned by this session), Create takes it for its own.
// A sequential node may be made twice in that case, as by Kafka.
func (c *Client) Create(ctx context.Context, path string, data []byte, flags int32) (string, error) {
	full := absolute(c.chroot, path)
	created, retried, err := call(ctx, c, createSize(full, data, openACL()), func(conn *zk.Conn) (string, error) {
		return conn.Create(full, data, flags, openACL())
	})
	if retried && errors.Is(err, ErrNodeExists) && c.isOwn(ctx, path, data, flags) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot create znode %s: %w", path, err)
	}
	return relative(c.chroot, created), nil
}

func (c *Client) isOwn(ctx context.Context, path string, data []byte, flags int32) bool {
	got, stat, err := c.Get(ctx, path)
	if err != nil || !bytes.Equal(got, data) {
		return false
	}
	return flags&zk.FlagEphemeral == 0 || stat.EphemeralOwner == c.SessionID()
}

// CreateRecursive makes a persistent node and the parents it lacks, these with
// null data. It fails with ErrNodeExists when the node itself is there.
func (c *Client) CreateRecursive(ctx context.Context, path string, data []byte) error {
	_, err := c.Create(ctx, path, data, zk.FlagPersistent)
	if !errors.Is(err, ErrNoNode) {
		return err
	}
	if parent := parentOf(path); parent != "" {
		if err := c.CreateRecursive(ctx, parent, nil); err != nil && !errors.Is(err, ErrNodeExists) {
			return err
		}
	}
	_, err = c.Create(ctx, path, data, zk.FlagPersistent)
	return err
}

// EnsurePaths makes those of the given persistent nodes, and of their parents,
// that are missing, with null data. It takes two round trips when nobody else
// does the same at the same time.
func (c *Client) EnsurePaths(ctx context.Context, paths ...string) error {
	wanted := withParents(paths)
	for {
		missing, err := c.missing(ctx, wanted)
		if err != nil || len(missing) == 0 {
			return err
		}
		ops := make([]any, len(missing))
		for i, path := range missing {
			ops[i] = &zk.CreateRequest{Path: path}
		}
		if _, err := c.Multi(ctx, ops...); err != nil && !errors.Is(err, ErrNodeExists) {
			return fmt.Errorf("cannot create znodes %v: %w", missing, err)
		}
	}
}

// missing returns those of paths that do not exist, in the same order.
func (c *Client) missing(ctx context.Context, paths []string) ([]string, error) {
	type answer struct {
		exists bool
		err    error
	}
	answers := make([]chan answer, len(paths))
	for i, path := range paths {
		answers[i] = make(chan answer, 1)
		go func() {
			ok, _, err := c.Exists(ctx, path)
			answers[i] <- answer{ok, err}
		}()
	}
	var out []string
	for i, path := range paths {
		a := <-answers[i]
		if a.err != nil {
			return nil, a.err
		}
		if !a.exists {
			out = append(out, path)
		}
	}
	return out, nil
}

// withParents lists paths and their ancestors, parents first, each once.
func withParents(paths []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, path := range paths {
		for i := 1; i <= len(path); i++ {
			if (i == len(path) || path[i] == '/') && !seen[path[:i]] {
				seen[path[:i]] = true
				out = append(out, path[:i])
			}
		}
	}
	return out
}

func parentOf(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// Set replaces the data of a node that has the given version. It recognises its
// own earlier success: the data given, at the next version.
func (c *Client) Set(ctx context.Context, path string, data []byte, version int32) (*Stat, error) {
	full := absolute(c.chroot, path)
	stat, retried, err := call(ctx, c, setSize(full, data), func(conn *zk.Conn) (*Stat, error) {
		return conn.Set(full, data, version)
	})
	if retried && errors.Is(err, ErrBadVersion) {
		if got, now, readErr := c.Get(ctx, path); readErr == nil && now.Version == version+1 && bytes.Equal(got, data) {
			return now, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write znode %s: %w", path, err)
	}
	return stat, nil
}

// Delete removes a node that has the given version and no children. A node
// that is gone after an attempt lost its answer counts as deleted by it.
func (c *Client) Delete(ctx context.Context, path string, version int32) error {
	full := absolute(c.chroot, path)
	_, retried, err := call(ctx, c, pathSize(full)+4, func(conn *zk.Conn) (struct{}, error) {
		return struct{}{}, conn.Delete(full, version)
	})
	if err == nil || retried && errors.Is(err, ErrNoNode) {
		return nil
	}
	return fmt.Errorf("cannot delete znode %s: %w", path, err)
}

func openACL() []zk.ACL { return zk.WorldACL(zk.PermAll) }
