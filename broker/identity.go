package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"klab/broker/config"
	"klab/broker/storage"
	"klab/broker/storage/fsys"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// clusterIDOf reads /cluster/id, creating it when this is the first broker of the cluster.
func clusterIDOf(ctx context.Context, zk *session.Client) (string, error) {
	data, _, err := zk.Get(ctx, znode.ClusterIDPath)
	if errors.Is(err, session.ErrNoNode) {
		id := znode.NewUUID().String()
		err = zk.CreateRecursive(ctx, znode.ClusterIDPath, znode.EncodeClusterID(id))
		if err == nil {
			return id, nil
		}
		if errors.Is(err, session.ErrNodeExists) { // another broker came first
			data, _, err = zk.Get(ctx, znode.ClusterIDPath)
		}
	}
	if err != nil {
		return "", err
	}
	return znode.DecodeClusterID(data)
}

// logDirs are the directories of log.dirs, else of log.dir.
func logDirs(cfg *config.Config) []string {
	var dirs []string
	for _, d := range splitComma(cmp.Or(cfg.String("log.dirs"), cfg.String("log.dir"))) {
		dirs = append(dirs, filepath.Clean(d))
	}
	return dirs
}

// identities are the meta.properties of the log directories, before anything else in them is touched.
type identities struct {
	fs   fsys.FS
	dirs []string
	meta []storage.MetaProperties // by directory
	has  []bool                   // whether the directory has an identity yet
}

func readIdentities(f fsys.FS, dirs []string) (*identities, error) {
	ids := &identities{fs: f, dirs: dirs, meta: make([]storage.MetaProperties, len(dirs)), has: make([]bool, len(dirs))}
	for i, dir := range dirs {
		var err error
		if ids.meta[i], ids.has[i], err = storage.ReadMetaProperties(f, dir); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// brokerID returns the id that the directories agree on with the configured one (-1 for none), or -1 when neither has one.
func (ids *identities) brokerID(configured int32) (int32, error) {
	id, from := configured, "broker.id"
	for i, m := range ids.meta {
		switch {
		case !ids.has[i] || m.BrokerID < 0:
		case id < 0:
			id, from = m.BrokerID, filepath.Join(ids.dirs[i], "meta.properties")
		case m.BrokerID != id:
			return -1, fmt.Errorf("cannot use log directory %s: it belongs to broker %d, and %s says %d; "+
				"correct broker.id, or point log.dirs at this broker's own directory", ids.dirs[i], m.BrokerID, from, id)
		}
	}
	return id, nil
}

// checkCluster refuses directories that hold the data of another cluster.
func (ids *identities) checkCluster(clusterID, zookeeper string) error {
	for i, m := range ids.meta {
		if ids.has[i] && m.ClusterID != "" && m.ClusterID != clusterID {
			return fmt.Errorf("cannot use log directory %s: it belongs to cluster %s, and ZooKeeper at %s holds cluster %s; "+
				"point log.dirs at this cluster's directory, or zookeeper.connect at that cluster's ZooKeeper", ids.dirs[i], m.ClusterID, zookeeper, clusterID)
		}
	}
	return nil
}

// write makes the directories say whose they are.
func (ids *identities) write(brokerID int32, clusterID string) error {
	for i, dir := range ids.dirs {
		m := ids.meta[i]
		m.BrokerID, m.ClusterID = brokerID, clusterID
		if err := storage.WriteMetaProperties(ids.fs, dir, m); err != nil {
			return err
		}
	}
	return nil
}

// generateBrokerID takes the next id above reserved.broker.max.id: the version of /brokers/seqid counts them.
func generateBrokerID(ctx context.Context, zk *session.Client, cfg *config.Config) (int32, error) {
	stat, err := zk.Set(ctx, znode.BrokerSequencePath, []byte{}, -1)
	if err != nil {
		return -1, fmt.Errorf("cannot generate a broker id: %w", err)
	}
	return stat.Version + int32(cfg.Int("reserved.broker.max.id")), nil
}
