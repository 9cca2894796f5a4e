package broker

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"klab/broker/config"
	"klab/broker/loglevel"
	"klab/broker/metadata"
	"klab/broker/server"
	"klab/broker/storage"
	"klab/coordinator/session"
	"klab/coordinator/znode"
	"klab/port"
)

// Open starts a broker and returns when it is registered and serves. An error says what stands in the way; then nothing is
// left open, and log directories that were opened are closed cleanly.
func Open(ctx context.Context, cfg *config.Config, opt Options) (*Broker, error) {
	opt.setDefaults()
	b := &Broker{
		cfg:         cfg,
		opt:         opt,
		levels:      loglevel.New(opt.Log.Handler()),
		zkLine:      newLine(opt.DialZooKeeper),
		metadata:    metadata.NewCache(),
		background:  newStage(),
		serving:     newStage(),
		controlling: newStage(),
		stopped:     make(chan struct{}),
	}
	b.log = b.levels.Logger("kafka.server.KafkaServer")
	b.features.Store(-1)
	b.epoch.Store(-1)
	if err := b.start(ctx); err != nil {
		b.undo()
		return nil, fmt.Errorf("cannot start broker: %w", err)
	}
	return b, nil
}

// start is Kafka's start-up order (kafka-formats A.2), with the logs loading while the ZooKeeper session opens.
func (b *Broker) start(ctx context.Context) error {
	if err := b.bind(ctx); err != nil {
		return err
	}
	ids, err := readIdentities(b.opt.FS, logDirs(b.cfg))
	if err != nil {
		return err
	}
	if b.id, err = ids.brokerID(int32(b.cfg.Int("broker.id"))); err != nil {
		return err
	}
	both, bothCtx := errgroup.WithContext(ctx)
	connected := make(chan struct{})
	both.Go(func() error { defer close(connected); return b.connect(bothCtx, ids) })
	both.Go(func() error { return b.load(bothCtx, ids.dirs, connected) })
	if err := both.Wait(); err != nil {
		return err
	}
	if err := ids.write(b.id, b.clusterID); err != nil {
		return err
	}
	if err := b.configureLogs(ctx); err != nil {
		return err
	}
	return b.serve(ctx)
}

// bind takes the ports before anything else: a port in use is the likeliest reason not to start.
func (b *Broker) bind(ctx context.Context) error {
	endpoints, err := b.cfg.Listeners()
	if err != nil {
		return err
	}
	if err := checkServed(endpoints); err != nil {
		return err
	}
	var listeners []server.Listener
	for _, e := range endpoints {
		listeners = append(listeners, server.Listener{Name: e.Listener, Address: e.Address()})
	}
	limits, err := connectionLimits(ctx, b.cfg)
	if err != nil {
		return err
	}
	b.server = server.New(server.Config{
		Listeners:       listeners,
		MaxRequestBytes: b.cfg.Int("socket.request.max.bytes"),
		IdleTimeout:     b.cfg.Duration("connections.max.idle.ms"),
		Limits:          limits,
		SendBuffer:      givenSize(b.cfg, "socket.send.buffer.bytes"),
		ReceiveBuffer:   givenSize(b.cfg, "socket.receive.buffer.bytes"),
		Buffers:         &b.buffers,
		Log:             b.levels.Logger("kafka.network.SocketServer"),
		Listen:          b.opt.Listen,
	})
	return explainListen(b.server.Listen())
}

// explainListen says who has a port that is in use, and what to do.
func explainListen(err error) error {
	l, ok := errors.AsType[*server.ListenError](err)
	if !ok {
		return err
	}
	inUse, ok := port.InUse(l.Err)
	if !ok {
		return err
	}
	return &server.ListenError{Listener: l.Listener, Err: fmt.Errorf("%w; stop that, or change listeners", inUse)}
}

// connect opens the session and learns from ZooKeeper who we are and what changed in our configuration.
func (b *Broker) connect(ctx context.Context, ids *identities) (err error) {
	b.zk, err = session.Open(ctx, session.Config{
		Connect:           b.cfg.String("zookeeper.connect"),
		SessionTimeout:    b.cfg.Duration("zookeeper.session.timeout.ms"),
		ConnectionTimeout: b.cfg.Duration("zookeeper.connection.timeout.ms"),
		Dial:              b.zkLine.Dial,
		Log:               b.levels.Logger("kafka.zookeeper.ZooKeeperClient"),
	})
	if err != nil {
		return err
	}
	if err := b.zk.EnsurePaths(ctx, znode.PersistentPaths()...); err != nil {
		return err
	}
	if b.clusterID, err = clusterIDOf(ctx, b.zk); err != nil {
		return err
	}
	if err := ids.checkCluster(b.clusterID, b.cfg.String("zookeeper.connect")); err != nil {
		return err
	}
	if b.id < 0 {
		if b.id, err = generateBrokerID(ctx, b.zk, b.cfg); err != nil {
			return err
		}
	}
	b.topics = newTopicConfigs(b.cfg, b.zk, b.log)
	return b.loadDynamicConfig(ctx)
}

// load opens the log directories. Topics have their defaults until ZooKeeper has said more.
func (b *Broker) load(ctx context.Context, dirs []string, connected <-chan struct{}) error {
	tc, err := b.cfg.StoredTopic(nil)
	if err != nil {
		return err
	}
	defaults := tc.LogConfig()
	b.dirs = make([]*storage.Dir, len(dirs))
	var each errgroup.Group
	for i, path := range dirs {
		each.Go(func() (err error) {
			b.dirs[i], err = storage.OpenDir(ctx, b.opt.FS, path, storage.DirOptions{
				Config:          func(string) storage.LogConfig { return defaults },
				Default:         defaults,
				Compacts:        func(topic string) bool { return b.isCompacted(ctx, topic, connected) },
				Clock:           b.opt.Clock,
				Log:             b.levels.Logger("kafka.log.LogManager"),
				RecoveryThreads: b.cfg.Int("num.recovery.threads.per.data.dir"),
			})
			return err
		})
	}
	return each.Wait()
}

// configureLogs gives every loaded log its topic's configuration.
func (b *Broker) configureLogs(ctx context.Context) error {
	logs := make(map[string][]*storage.Log)
	for _, d := range b.dirs {
		for tp, l := range d.Logs() {
			logs[tp.Topic] = append(logs[tp.Topic], l)
		}
	}
	var each errgroup.Group
	each.SetLimit(32)
	for topic, all := range logs {
		each.Go(func() error {
			c, err := b.topics.load(ctx, topic)
			if err != nil {
				return err
			}
			for _, l := range all {
				l.SetConfig(c.log)
			}
			return nil
		})
	}
	return each.Wait()
}

// serve makes the broker visible and starts everything that runs.
func (b *Broker) serve(ctx context.Context) error {
	b.assemble(ctx)
	b.introduced = b.introduction(ctx)
	if err := b.register(ctx); err != nil {
		return err
	}
	b.run("request processing", b.serving, b.server.Serve)
	b.run("the replicas", b.background, b.replicas.Run)
	b.run("the controller", b.controlling, b.controller.Run)
	b.background.start(b.groups.Run)
	b.background.start(b.transactions.Run)
	b.background.start(func(ctx context.Context) { b.followConfigChanges(ctx) })
	b.background.start(func(ctx context.Context) { b.followFeatures(ctx) })
	return nil
}

// introduction is closed when the controller has told of the topics that there are now, or of the cluster if there are none.
func (b *Broker) introduction(ctx context.Context) <-chan struct{} {
	if _, topics, err := b.zk.Exists(ctx, znode.TopicsPath); err == nil && topics != nil && topics.NumChildren > 0 {
		return b.metadata.HeardOfTopics()
	}
	return b.metadata.Heard()
}
