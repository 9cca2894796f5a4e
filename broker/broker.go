package broker

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"klab/broker/api"
	"klab/broker/buffer"
	"klab/broker/config"
	"klab/broker/controller"
	"klab/broker/fact"
	"klab/broker/group"
	"klab/broker/internaltopic"
	"klab/broker/loglevel"
	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
	"klab/broker/storage/fsys"
	"klab/broker/txn"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// Options are a broker's seams to the world. The zero value is the real one, silent.
type Options struct {
	Log           *slog.Logger
	FS            fsys.FS
	Listen        func(network, address string) (net.Listener, error)
	Dial          func(ctx context.Context, network, address string) (net.Conn, error) // to other brokers
	DialZooKeeper func(network, address string, timeout time.Duration) (net.Conn, error)
	Clock         func() time.Time
	Observe       fact.Observer
}

func (o *Options) setDefaults() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = fsys.OS{}
	}
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.DialZooKeeper == nil {
		o.DialZooKeeper = net.DialTimeout
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(fact.Fact) {}
	}
}

// Broker is a running broker. Open makes it.
type Broker struct {
	cfg     *config.Config
	opt     Options
	log     *slog.Logger // of the broker as a whole; parts have theirs from levels
	buffers buffer.Pool  // of the server and of what is read to be sent

	levels *loglevel.Levels

	id        int32
	clusterID string
	epoch     atomic.Int64 // of the registration: the czxid of /brokers/ids/<id>

	zkLine     *line // every connection to ZooKeeper runs over it
	zk         *session.Client
	server     *server.Server
	dirs       []*storage.Dir
	metadata   *metadata.Cache
	introduced <-chan struct{} // see Introduced
	replicas   *replica.Replicas
	controller *controller.Shell
	topics     *topicConfigs
	peers      *peers
	producers  *producerIDs

	offsetsTopic     *internaltopic.Topic
	transactionTopic *internaltopic.Topic
	groups           *group.Coordinator
	transactions     *txn.Coordinator
	verifier         *txn.Verifier
	markers          *txn.MarkerWriter
	coordinators     map[string]internaltopic.Coordinator // by internal topic; set before anything runs
	features         atomic.Int64                         // version of /feature, -1 if there is none

	// What runs, in the order in which it is stopped.
	background  *stage
	serving     *stage
	controlling *stage

	stopping atomic.Bool   // set once, by who stops the broker
	stopped  chan struct{} // closed when the broker has stopped, for whatever reason
	failure  error         // why it stopped by itself; set before stopped is closed
}

// ID is the broker's id, also when it was generated.
func (b *Broker) ID() int32 { return b.id }

// ClusterID is the id in /cluster/id.
func (b *Broker) ClusterID() string { return b.clusterID }

// Epoch is the broker epoch of the current registration.
func (b *Broker) Epoch() int64 { return b.epoch.Load() }

// Addr is where the named listener is bound, or nil.
func (b *Broker) Addr(listener string) net.Addr { return b.server.Addr(listener) }

// IsController reports whether this broker is the active controller.
func (b *Broker) IsController() bool { return b.controller.IsActive() }

// Metadata is what the controller last told this broker.
func (b *Broker) Metadata() *metadata.Snapshot { return b.metadata.Snapshot() }

// Introduced is closed once the controller has told the broker of the cluster, and of its topics if it had some when the
// broker registered. Until then clients are answered that there are none.
func (b *Broker) Introduced() <-chan struct{} { return b.introduced }

// Wait blocks until the broker has stopped or ctx ends. It returns why the broker stopped by itself, nil after Shutdown or
// Abandon.
func (b *Broker) Wait(ctx context.Context) error {
	select {
	case <-b.stopped:
		return b.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deps is what the request handlers work with.
func (b *Broker) deps() *api.Deps {
	return &api.Deps{
		BrokerID:         b.id,
		ClusterID:        b.ClusterID,
		Config:           b.cfg,
		Metadata:         b.metadata,
		Replicas:         b.replicas,
		Controller:       b.controller,
		Groups:           b.groups,
		Transactions:     b.transactions,
		Verifier:         b.verifier,
		Markers:          b.markers,
		OldOffsets:       oldOffsets{b.zk},
		OffsetsTopic:     b.offsetsTopic,
		TransactionTopic: b.transactionTopic,
		FS:               b.opt.FS,
		Clock:            b.opt.Clock,
		Log:              b.levels.Logger("kafka.server.KafkaApis"),
		Forward:          b.peers.forward,
		ProducerIDs:      b.producers.next,
		FeatureEpoch:     b.features.Load,
		TopicConfig:      b.topics.fetch,
		TopicDeleted:     b.topicDeleted,
		ReadConfig: func(ctx context.Context, entityType, name string) (map[string]string, error) {
			return b.readConfig(ctx, znode.ConfigPath(entityType, name))
		},
		WriteConfig: b.writeConfig,
		LogLevels:   b.levels,
	}
}
