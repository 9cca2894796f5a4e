package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// errNoOffice says that nobody may write configurations now: there is no controller, or it belongs to KRaft.
var errNoOffice = errors.New("there is no controller in ZooKeeper, or a KRaft migration owns the cluster; try again")

// writeConfig replaces an entity's overrides and notifies every broker, as any Kafka broker does (kafka-formats A.3): the
// last writer wins, but not while the controller changes.
func (b *Broker) writeConfig(ctx context.Context, entityType, name string, overrides map[string]string) error {
	path, data := znode.ConfigPath(entityType, name), znode.EncodeConfig(overrides)
	if err := b.replaceConfig(ctx, path, data); err != nil {
		return fmt.Errorf("cannot write the configuration of %s %s: %w", entityType, name, err)
	}
	_, err := b.zk.Create(ctx, znode.ConfigChangePrefix, znode.EncodeConfigChange(entityType+"/"+name), zk.FlagSequence)
	return err
}

func (b *Broker) replaceConfig(ctx context.Context, path string, data []byte) error {
	for {
		office, stat, err := b.zk.Get(ctx, znode.ControllerPath)
		if err != nil {
			return errors.Join(errNoOffice, err)
		}
		if c, err := znode.DecodeController(office); err != nil || c.KRaftEpoch > 0 {
			return errors.Join(errNoOffice, err)
		}
		check := &zk.CheckVersionRequest{Path: znode.ControllerPath, Version: stat.Version}
		_, err = b.zk.Multi(ctx, check, &zk.SetDataRequest{Path: path, Data: data, Version: session.AnyVersion})
		refused, isMulti := errors.AsType[*session.MultiError](err)
		switch {
		case !isMulti:
			return err
		case refused.Index == 0 || !errors.Is(err, session.ErrNoNode):
			return err
		}
		if err := b.zk.CreateRecursive(ctx, path, data); !errors.Is(err, session.ErrNodeExists) {
			return err
		}
	}
}
