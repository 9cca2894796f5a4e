package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// ErrKRaftOwned is why a broker does not elect: a KRaft migration owns the cluster.
var ErrKRaftOwned = errors.New("the cluster is owned by a KRaft controller (kraftControllerEpoch is set in /controller)")

// outcome is what a campaign came to.
type outcome struct {
	controller int32    // who the controller is
	won        *mandate // set when it is this broker, elected just now
}

// mandate is the epoch of an election won and the version that fences its writes.
type mandate struct{ epoch, epochVersion int32 }

// campaign finds out who the controller is and takes the office when it is
// vacant (kafka-formats A.3 "Election"). It arms a watch on /controller.
func campaign(ctx context.Context, store Store, broker int32, now time.Time) (outcome, error) {
	for {
		who, found, err := incumbent(ctx, store)
		if err != nil || found {
			return outcome{controller: who}, err
		}
		won, err := seize(ctx, store, broker, now)
		if err != nil {
			return outcome{}, err
		}
		if won != nil {
			return outcome{controller: broker, won: won}, nil
		}
	}
}

// incumbent reads /controller and watches it, whether it is there or not.
func incumbent(ctx context.Context, store Store) (broker int32, found bool, err error) {
	for {
		data, _, _, err := store.GetW(ctx, znode.ControllerPath)
		if err == nil {
			c, err := znode.DecodeController(data)
			if err == nil && c.KRaftEpoch > 0 {
				err = ErrKRaftOwned
			}
			return c.BrokerID, true, err
		}
		if !errors.Is(err, session.ErrNoNode) {
			return -1, false, err
		}
		exists, _, _, err := store.ExistsW(ctx, znode.ControllerPath)
		if err != nil || !exists {
			return -1, false, err
		}
	}
}

// seize tries to become controller. It returns nil when somebody else was
// quicker. A lost answer may hide that this broker won: then /controller is an
// ephemeral of this very session and the epoch is the one it wrote.
func seize(ctx context.Context, store Store, broker int32, now time.Time) (*mandate, error) {
	epoch, version, err := controllerEpoch(ctx, store)
	if err != nil {
		return nil, err
	}
	me := znode.Controller{BrokerID: broker, Timestamp: now.UnixMilli(), KRaftEpoch: -1}
	results, err := store.Multi(ctx,
		&zk.CreateRequest{Path: znode.ControllerPath, Data: me.Encode(), Flags: zk.FlagEphemeral},
		&zk.SetDataRequest{Path: znode.ControllerEpochPath, Data: znode.EncodeControllerEpoch(epoch + 1), Version: version})
	if err == nil {
		return &mandate{epoch + 1, results[1].Stat.Version}, nil
	}
	if !errors.Is(err, session.ErrNodeExists) && !errors.Is(err, session.ErrBadVersion) {
		return nil, fmt.Errorf("cannot elect broker %d controller: %w", broker, err)
	}
	_, stat, err := store.Get(ctx, znode.ControllerPath)
	if errors.Is(err, session.ErrNoNode) || err == nil && stat.EphemeralOwner != store.SessionID() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stored, version, err := controllerEpoch(ctx, store)
	if err != nil || stored != epoch+1 {
		return nil, err
	}
	return &mandate{stored, version}, nil
}

// controllerEpoch reads /controller_epoch, making it with epoch 0 if it is missing.
func controllerEpoch(ctx context.Context, store Store) (epoch, version int32, err error) {
	for {
		data, stat, err := store.Get(ctx, znode.ControllerEpochPath)
		if err == nil {
			epoch, err := znode.DecodeControllerEpoch(data)
			return epoch, stat.Version, err
		}
		if !errors.Is(err, session.ErrNoNode) {
			return 0, 0, err
		}
		_, err = store.Create(ctx, znode.ControllerEpochPath, znode.EncodeControllerEpoch(0), zk.FlagPersistent)
		if err != nil && !errors.Is(err, session.ErrNodeExists) {
			return 0, 0, err
		}
	}
}
