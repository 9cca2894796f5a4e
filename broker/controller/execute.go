package controller

import (
	"context"
	"errors"
	"sync"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

const (
	maxInFlight = 10  // zookeeper.max.in.flight.requests
	maxTogether = 100 // writes put into one transaction
)

// executor runs a Core's queries against ZooKeeper.
type executor struct {
	store        Store
	epochVersion int32 // what the fence checks
}

// run answers all queries. An error means that the session is gone or ctx
// ended; what ZooKeeper refuses is in the answers.
func (x *executor) run(ctx context.Context, queries []Query) ([]Answer, error) {
	answers := make([]Answer, len(queries))
	var tasks []func() error
	var writes []int
	for i := range queries {
		if queries[i].Kind == Write {
			writes = append(writes, i)
			continue
		}
		tasks = append(tasks, func() error { return x.one(ctx, &queries[i], &answers[i]) })
	}
	for _, chunk := range chunks(queries, writes) {
		tasks = append(tasks, func() error { return x.together(ctx, queries, answers, chunk) })
	}
	return answers, inParallel(tasks)
}

// chunks splits writes into transactions: as many as may be in flight, unless
// that makes them too large. Few writes thus go one by one, as Kafka's do.
func chunks(queries []Query, writes []int) [][]int {
	size := min(max(1, (len(writes)+maxInFlight-1)/maxInFlight), maxTogether)
	var out [][]int
	for len(writes) > 0 {
		n, bytes := 1, bytesOf(queries[writes[0]].Ops)
		for n < min(size, len(writes)) {
			if bytes += bytesOf(queries[writes[n]].Ops); bytes > maxData {
				break
			}
			n++
		}
		out = append(out, writes[:n])
		writes = writes[n:]
	}
	return out
}

// inParallel runs tasks, at most maxInFlight at a time, and returns the first error.
func inParallel(tasks []func() error) error {
	if len(tasks) == 1 {
		return tasks[0]()
	}
	var wg sync.WaitGroup
	errs := make([]error, len(tasks))
	next := make(chan int)
	for range min(maxInFlight, len(tasks)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = tasks[i]()
			}
		})
	}
	for i := range tasks {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// one runs a query other than a Write.
func (x *executor) one(ctx context.Context, q *Query, a *Answer) error {
	var stat *session.Stat
	var err error
	switch {
	case q.Kind == Prune:
		err = x.prune(ctx, q.Path)
	case q.Kind == Read && q.Watch:
		a.Data, stat, _, err = x.store.GetW(ctx, q.Path)
	case q.Kind == Read:
		a.Data, stat, err = x.store.Get(ctx, q.Path)
	case q.Kind == List && q.Watch:
		a.Children, stat, _, err = x.store.ChildrenW(ctx, q.Path)
	case q.Kind == List:
		a.Children, stat, err = x.store.Children(ctx, q.Path)
	case q.Watch:
		_, stat, _, err = x.store.ExistsW(ctx, q.Path)
	default:
		_, stat, err = x.store.Exists(ctx, q.Path)
	}
	if q.Kind == Look && err == nil && stat == nil {
		err = session.ErrNoNode
	}
	if stat != nil {
		a.Version, a.Czxid = stat.Version, stat.Czxid
	}
	a.Err = err
	return lost(err)
}

// lost returns err when it means that the session is gone or the caller gave up.
func lost(err error) error {
	if errors.Is(err, session.ErrExpired) || errors.Is(err, session.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// together runs some Writes as one transaction. When one of them is refused,
// none took effect: then each runs on its own.
func (x *executor) together(ctx context.Context, queries []Query, answers []Answer, which []int) error {
	var ops []any
	for _, i := range which {
		ops = append(ops, requests(queries[i].Ops)...)
	}
	failed, err := x.fenced(ctx, ops)
	if len(which) == 1 || err == nil || errors.Is(err, ErrFenced) || lost(err) != nil {
		for _, i := range which {
			answers[i] = Answer{Err: err, Failed: failed}
		}
		return lost(err)
	}
	for _, i := range which {
		failed, err := x.fenced(ctx, requests(queries[i].Ops))
		answers[i] = Answer{Err: err, Failed: failed}
		if lost(err) != nil {
			return err
		}
	}
	return nil
}

// fenced applies operations if /controller_epoch is still as this controller
// wrote it, and says which operation failed.
func (x *executor) fenced(ctx context.Context, ops []any) (failed int, err error) {
	fence := &zk.CheckVersionRequest{Path: znode.ControllerEpochPath, Version: x.epochVersion}
	_, err = x.store.Multi(ctx, append([]any{fence}, ops...)...)
	if refused, ok := errors.AsType[*session.MultiError](err); ok {
		if refused.Index == 0 {
			return 0, ErrFenced
		}
		return refused.Index - 1, refused
	}
	return 0, err
}

func requests(ops []Op) []any {
	out := make([]any, len(ops))
	for i, op := range ops {
		switch op.Kind {
		case OpCreate:
			out[i] = &zk.CreateRequest{Path: op.Path, Data: op.Data}
		case OpSet:
			out[i] = &zk.SetDataRequest{Path: op.Path, Data: op.Data, Version: op.Version}
		case OpDelete:
			out[i] = &zk.DeleteRequest{Path: op.Path, Version: op.Version}
		}
	}
	return out
}

// prune deletes a node and all below it, deepest first. What is gone already is no error.
func (x *executor) prune(ctx context.Context, path string) error {
	levels := [][]string{{path}}
	for {
		below, err := x.below(ctx, levels[len(levels)-1])
		if err != nil {
			return err
		}
		if len(below) == 0 {
			break
		}
		levels = append(levels, below)
	}
	for i := len(levels) - 1; i >= 0; i-- {
		if err := x.deleteAll(ctx, levels[i]); err != nil {
			return err
		}
	}
	return nil
}

// below lists the children of all the paths.
func (x *executor) below(ctx context.Context, paths []string) ([]string, error) {
	lists := make([][]string, len(paths))
	tasks := make([]func() error, len(paths))
	for i, path := range paths {
		tasks[i] = func() error {
			names, _, err := x.store.Children(ctx, path)
			for _, name := range names {
				lists[i] = append(lists[i], path+"/"+name)
			}
			if errors.Is(err, session.ErrNoNode) {
				return nil
			}
			return err
		}
	}
	if err := inParallel(tasks); err != nil {
		return nil, err
	}
	var out []string
	for _, list := range lists {
		out = append(out, list...)
	}
	return out, nil
}

func (x *executor) deleteAll(ctx context.Context, paths []string) error {
	queries := make([]Query, len(paths))
	for i, path := range paths {
		queries[i] = remove(path)
	}
	answers, err := x.run(ctx, queries)
	for _, a := range answers {
		if err == nil && a.Err != nil && !errors.Is(a.Err, session.ErrNoNode) {
			err = a.Err
		}
	}
	return err
}
