package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// registerGrace is how long beyond the session timeout Register waits for the
// node of a dead predecessor to expire.
const registerGrace = 2 * time.Second

// Register makes the broker's ephemeral node and returns the broker epoch, the
// node's czxid. It is one transaction, create and set, so that the data version
// is 1, as Kafka's.
//
// Kafka fails when the node is there already. Register instead
//
//   - takes it for its own when this session owns it (an answer was lost), and
//     replaces it when an earlier session of this client did;
//   - replaces it when it advertises the same endpoints: only one process can
//     listen there, so its owner is this broker's predecessor, and dead;
//   - waits for it to expire otherwise, for the session timeout and 2 s, then
//     fails: a broker of this id is alive elsewhere.
//
// Whether the endpoints are free is not looked at: see CheckEndpoints.
func Register(ctx context.Context, client *session.Client, b znode.Broker) (epoch int64, err error) {
	r := registration{store: client, broker: b, was: client.WasSession, log: client.Log()}
	return r.run(ctx, client.SessionTimeout()+registerGrace)
}

type registration struct {
	store  Store
	broker znode.Broker
	was    func(session int64) bool
	log    *slog.Logger
}

func (r *registration) run(ctx context.Context, patience time.Duration) (int64, error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		epoch, err := r.create(wait)
		if err == nil || !errors.Is(err, session.ErrNodeExists) {
			return epoch, r.explain(ctx, err)
		}
		epoch, err = r.resolve(wait)
		if err != nil || epoch != 0 {
			return epoch, r.explain(ctx, err)
		}
	}
}

// explain names the broker, and says so when patience, not the caller's context, ended.
func (r *registration) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return fmt.Errorf("cannot register broker %d: another broker with this id is alive (%s stays); stop it or choose another broker.id",
			r.broker.ID, znode.BrokerPath(r.broker.ID))
	}
	return fmt.Errorf("cannot register broker %d: %w", r.broker.ID, err)
}

func (r *registration) create(ctx context.Context) (int64, error) {
	path := znode.BrokerPath(r.broker.ID)
	results, err := r.store.Multi(ctx, &zk.CreateRequest{Path: path, Flags: zk.FlagEphemeral},
		&zk.SetDataRequest{Path: path, Data: r.broker.Encode(), Version: 0})
	if err != nil {
		return 0, err
	}
	return results[1].Stat.Czxid, nil
}

// resolve deals with a node that is there already: it returns its epoch when it
// is ours, or zero when it is gone and registration may be tried again.
func (r *registration) resolve(ctx context.Context) (int64, error) {
	path := znode.BrokerPath(r.broker.ID)
	data, stat, gone, err := r.store.GetW(ctx, path)
	if errors.Is(err, session.ErrNoNode) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	old, _ := znode.DecodeBroker(r.broker.ID, data)
	owner := fmt.Sprintf("0x%x", stat.EphemeralOwner)
	switch {
	case stat.EphemeralOwner == r.store.SessionID():
		return stat.Czxid, nil
	case r.was(stat.EphemeralOwner):
		r.log.Info("replacing the broker's registration of an expired session", "path", path, "session", owner)
	case sameEndpoints(old.Endpoints, r.broker.Endpoints):
		r.log.Info("replacing the registration of a dead predecessor at the same address", "path", path, "session", owner)
	default:
		r.log.Warn("waiting for an earlier registration to expire", "path", path, "session", owner, "endpoints", old.Endpoints)
		select {
		case <-gone:
			return 0, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	err = r.store.Delete(ctx, path, stat.Version)
	if errors.Is(err, session.ErrNoNode) || errors.Is(err, session.ErrBadVersion) {
		return 0, nil
	}
	return 0, err
}

func sameEndpoints(a, b []znode.Endpoint) bool {
	addrs := func(list []znode.Endpoint) []string {
		out := make([]string, len(list))
		for i, e := range list {
			out[i] = e.Addr()
		}
		slices.Sort(out)
		return out
	}
	return len(a) > 0 && slices.Equal(addrs(a), addrs(b))
}

// CheckEndpoints fails when another registered broker advertises an endpoint that this one will. It is for the start, as in
// Kafka: a broker that registers anew, after its session expired, has its endpoints already.
func CheckEndpoints(ctx context.Context, store Store, b znode.Broker) error {
	names, _, err := store.Children(ctx, znode.BrokersPath)
	if err != nil {
		return fmt.Errorf("cannot register broker %d: %w", b.ID, err)
	}
	tasks := make([]func() error, 0, len(names))
	for _, name := range names {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil || int32(id) == b.ID {
			continue
		}
		tasks = append(tasks, func() error { return checkAgainst(ctx, store, b, int32(id)) })
	}
	return inParallel(tasks)
}

// checkAgainst compares endpoints with those of another broker. A registration that cannot be read hinders nobody.
func checkAgainst(ctx context.Context, store Store, b znode.Broker, id int32) error {
	data, _, err := store.Get(ctx, znode.BrokerPath(id))
	if err != nil {
		if errors.Is(err, session.ErrNoNode) {
			return nil
		}
		return fmt.Errorf("cannot register broker %d: %w", b.ID, err)
	}
	other, err := znode.DecodeBroker(id, data)
	if err != nil {
		return nil
	}
	for _, e := range b.Endpoints {
		if slices.ContainsFunc(other.Endpoints, func(o znode.Endpoint) bool { return o.Addr() == e.Addr() }) {
			return fmt.Errorf("cannot register broker %d: live broker %d advertises %s already; give each broker its own port", b.ID, id, e.Addr())
		}
	}
	return nil
}
