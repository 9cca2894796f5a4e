package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// firstRebalance is when a new controller first looks at the balance of leaders.
const firstRebalance = 5 * time.Second

// ShellConfig is what a Shell works with. Zero values get Kafka's defaults
// where the comment names one.
type ShellConfig struct {
	BrokerID int32
	Session  Store // a *session.Client
	Listener string
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error) // to brokers; nil: TCP
	Clock    func() time.Time
	Log      *slog.Logger
	Observe  fact.Observer

	// Register registers the broker anew after its session expired, before the
	// shell takes part in an election again. Nil: nothing is done.
	Register func(ctx context.Context) error

	RequestTimeout    time.Duration // controller.socket.timeout.ms; zero: 30 s
	SpreadTime        time.Duration // how long an answer is held back for brokers that are slow to learn what it says; zero: 50 ms
	UncleanElection   bool          // unclean.leader.election.enable
	NoDeleteTopics    bool          // delete.topic.enable is false
	AutoRebalance     bool          // auto.leader.rebalance.enable
	ImbalancePercent  int           // leader.imbalance.per.broker.percentage
	ImbalanceInterval time.Duration // leader.imbalance.check.interval.seconds; zero: 300 s
	DefaultPartitions int32         // num.partitions; zero: 1
	DefaultReplicas   int16         // default.replication.factor; zero: 1

	// TopicConfig checks a new topic's overrides and describes its whole config
	// for the response. The error's text goes to the client, with INVALID_CONFIG.
	// Nil: everything is taken.
	TopicConfig func(overrides map[string]string) ([]kmsg.CreateTopicsResponseTopicConfig, error)
	// NewTopicID makes topic ids; nil: random ones.
	NewTopicID func() znode.UUID
}

// Shell runs a controller: the election, the event loop, ZooKeeper, and the
// channels to brokers. Its methods are safe for concurrent use.
type Shell struct {
	cfg  ShellConfig
	box  *mailbox
	done chan struct{} // closed when Run has ended

	claims claims // of the names of topics that are being created

	active     atomic.Bool
	controller atomic.Int32 // broker id of the controller as last read; -1 unknown

	termMu  sync.Mutex
	endTerm context.CancelFunc // guarded by termMu: ends what the loop does in the current session

	// What follows belongs to the event loop.
	ctx        context.Context
	term       context.Context // ends when the session expires, and the next begins at once; the loop's calls to ZooKeeper use it
	registered bool            // false from an expiry until the broker registered again
	failure    error           // why Run must return
	reign      *reign          // nil while this broker is not the controller
	nextID     uint64
	channels   sync.WaitGroup
}

// reign is the state of the shell while its broker is the controller.
type reign struct {
	core     *Core
	exec     *executor
	epoch    int32
	channels map[int32]*channel
	pending  map[uint64]chan kmsg.Response // replies that callers wait for
	awaits   map[*await]struct{}
	timer    *time.Timer // of the next rebalance
}

// NewShell returns a shell that does nothing until Run.
func NewShell(cfg ShellConfig) *Shell {
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 30*time.Second)
	cfg.SpreadTime = cmp.Or(cfg.SpreadTime, 50*time.Millisecond)
	cfg.ImbalanceInterval = cmp.Or(cfg.ImbalanceInterval, 300*time.Second)
	cfg.DefaultPartitions = cmp.Or(cfg.DefaultPartitions, 1)
	cfg.DefaultReplicas = cmp.Or(cfg.DefaultReplicas, 1)
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Observe == nil {
		cfg.Observe = func(fact.Fact) {}
	}
	if cfg.NewTopicID == nil {
		cfg.NewTopicID = znode.NewUUID
	}
	s := &Shell{cfg: cfg, box: newMailbox(), done: make(chan struct{})}
	s.controller.Store(-1)
	return s
}

// IsActive reports whether this broker is the controller.
func (s *Shell) IsActive() bool { return s.active.Load() }

// ControllerID is the broker that is the controller, as last read from
// ZooKeeper; -1 while there is none or it is not known.
func (s *Shell) ControllerID() int32 { return s.controller.Load() }

// Run takes part in elections, and acts while elected, until ctx ends: then it
// returns nil. It returns an error when the broker could not register again after
// its session expired. The broker must be registered when Run is called. Run may
// be called once.
func (s *Shell) Run(ctx context.Context) error {
	s.ctx = ctx
	s.beginTerm()
	s.registered = true
	defer s.end()
	stop := s.cfg.Session.Listen(session.Listener{Expired: s.expired, Renewed: s.renewed, Event: s.watched})
	defer stop()
	s.elect()
	for {
		for task := s.box.take(); task != nil && ctx.Err() == nil; task = s.box.take() {
			task()
		}
		if s.failure != nil {
			return s.failure
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.box.ready:
		}
	}
}

// beginTerm starts what the loop may do in the next session.
func (s *Shell) beginTerm() {
	s.termMu.Lock()
	defer s.termMu.Unlock()
	s.term, s.endTerm = context.WithCancel(s.ctx)
}

// end leaves nobody waiting.
func (s *Shell) end() {
	s.endTerm()
	s.leave("the broker stops")
	close(s.done)
	for _, task := range s.box.close() {
		task() // finds no reign, and answers so
	}
	s.channels.Wait()
}

// expired runs when the session has expired, before there is a new one: the
// reign is over. Kafka calls it the Expire event.
func (s *Shell) expired() {
	s.termMu.Lock()
	s.endTerm() // the loop may be waiting for the session that comes only after this returns
	s.termMu.Unlock()
	resigned := make(chan struct{})
	if !s.box.interrupt(func() {
		defer close(resigned)
		s.registered = false
		s.controller.Store(-1)
		s.leave("the ZooKeeper session expired")
		s.beginTerm() // here, while there is no session yet that could expire: else nobody might end the term
	}) {
		return
	}
	select {
	case <-resigned:
	case <-s.done:
	}
}

// renewed runs in a new session: register, then elect.
func (s *Shell) renewed() {
	s.box.post(func() {
		if s.cfg.Register != nil {
			if err := s.cfg.Register(s.term); err != nil {
				if lost(err) == nil {
					s.failure = fmt.Errorf("cannot register broker %d in a new ZooKeeper session: %w", s.cfg.BrokerID, err)
				}
				return
			}
		}
		s.registered = true
		s.elect()
	})
}

// watched runs on ZooKeeper's reader: it must not block.
func (s *Shell) watched(ev zk.Event) {
	if ev.Path == znode.ControllerPath {
		s.box.post(s.reelect)
		return
	}
	s.box.post(func() { s.drive(NodeChanged{ev.Path}) })
}

// reelect looks who the controller is, resigns if it is another, and runs for
// the office if it is vacant.
func (s *Shell) reelect() {
	if s.reign != nil {
		who, found, err := incumbent(s.term, s.cfg.Session)
		if err != nil || found && who == s.cfg.BrokerID {
			return
		}
		s.leave("another controller was elected")
	}
	s.elect()
}

// elect runs for the office; winning begins the reign.
func (s *Shell) elect() {
	if s.reign != nil || !s.registered {
		return
	}
	result, err := campaign(s.term, s.cfg.Session, s.cfg.BrokerID, s.cfg.Clock())
	if err != nil {
		if lost(err) == nil {
			s.cfg.Log.Error("cannot take part in the controller election", "error", err)
		}
		return
	}
	s.controller.Store(result.controller)
	if result.won == nil {
		return
	}
	s.cfg.Log.Info("elected controller", "epoch", result.won.epoch)
	s.reign = &reign{
		core: NewCore(CoreConfig{BrokerID: s.cfg.BrokerID, Listener: s.cfg.Listener, UncleanElection: s.cfg.UncleanElection,
			DeleteTopics: !s.cfg.NoDeleteTopics, ImbalancePercent: s.cfg.ImbalancePercent, NewTopicID: s.cfg.NewTopicID}),
		exec:     &executor{store: s.cfg.Session, epochVersion: result.won.epochVersion},
		epoch:    result.won.epoch,
		channels: make(map[int32]*channel),
		pending:  make(map[uint64]chan kmsg.Response),
		awaits:   make(map[*await]struct{}),
	}
	s.active.Store(true)
	s.drive(Elected{Epoch: result.won.epoch, EpochVersion: result.won.epochVersion})
	if s.cfg.AutoRebalance {
		s.rebalanceIn(firstRebalance)
	}
}

func (s *Shell) rebalanceIn(d time.Duration) {
	r := s.reign
	if r == nil {
		return
	}
	r.timer = time.AfterFunc(d, func() {
		s.box.post(func() {
			if s.reign == r {
				s.drive(RebalanceDue{})
				s.rebalanceIn(s.cfg.ImbalanceInterval)
			}
		})
	})
}

// leave ends the reign, if there is one: channels are dropped, callers that
// wait are told NOT_CONTROLLER.
func (s *Shell) leave(reason string) {
	r := s.reign
	if r == nil {
		return
	}
	s.reign = nil
	s.active.Store(false)
	if r.timer != nil {
		r.timer.Stop()
	}
	for _, ch := range r.channels {
		ch.close()
	}
	for _, reply := range r.pending {
		close(reply)
	}
	for a := range r.awaits {
		a.finish()
	}
	s.cfg.Log.Info("resigned as controller", "epoch", r.epoch, "reason", reason)
	s.observe(fact.Fact{Kind: fact.ControllerResigned, Fields: map[string]any{"epoch": r.epoch, "reason": reason}})
}

// drive steps the Core by one event and carries out the effects, until the
// Core asks for nothing more.
func (s *Shell) drive(ev Event) {
	for r := s.reign; r != nil && r == s.reign; {
		ask := s.carryOut(r, r.core.Step(ev))
		if ask == nil {
			return
		}
		answers, err := r.exec.run(s.term, ask)
		if err != nil {
			s.leave(s.whyOver(err))
			return
		}
		ev = Answered{answers}
	}
}

// whyOver says why ZooKeeper could not be asked any more.
func (s *Shell) whyOver(err error) string {
	switch {
	case s.ctx.Err() != nil:
		return "the broker stops"
	case s.term.Err() != nil || errors.Is(err, session.ErrExpired):
		return "the ZooKeeper session expired"
	}
	return err.Error()
}

// carryOut does what a step wants and returns the queries it asks.
func (s *Shell) carryOut(r *reign, effects []Effect) (ask []Query) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case Ask:
			ask = e.Queries
		case OpenChannel:
			r.channels[e.Broker.ID] = s.openChannel(e.Broker)
		case CloseChannel:
			if ch := r.channels[e.Broker]; ch != nil {
				ch.close()
				delete(r.channels, e.Broker)
			}
		case Send:
			if ch := r.channels[e.Broker]; ch != nil {
				ch.send(e.Request)
			}
		case Reply:
			if reply := r.pending[e.ID]; reply != nil {
				delete(r.pending, e.ID)
				reply <- e.Response
			}
		case Tell:
			s.observe(e.Fact)
			r.heard(e.Fact)
		case Warn:
			s.cfg.Log.Warn(e.Text)
		case Resign:
			s.resign(r, e)
		}
	}
	return ask
}

// resign ends the reign at the Core's wish. A controller that was not replaced
// gives the office up, so that an election follows.
func (s *Shell) resign(r *reign, e Resign) {
	s.leave(e.Reason)
	s.controller.Store(-1)
	if !e.Fenced {
		_, err := r.exec.fenced(s.term, requests([]Op{{Kind: OpDelete, Path: znode.ControllerPath, Version: session.AnyVersion}}))
		if err != nil && !errors.Is(err, ErrFenced) && !errors.Is(err, session.ErrNoNode) {
			s.cfg.Log.Error("cannot give up /controller", "error", err)
		}
	}
	s.box.post(s.reelect)
}

func (s *Shell) observe(f fact.Fact) {
	f.Time, f.Broker = s.cfg.Clock(), s.cfg.BrokerID
	s.cfg.Observe(f)
}

// replied hands a broker's response to the Core. Those of another reign or of a
// channel that was closed meanwhile are dropped.
func (s *Shell) replied(ch *channel, req kmsg.Request, resp kmsg.Response) {
	s.box.post(func() {
		r := s.reign
		if r == nil || r.channels[ch.broker] != ch {
			return
		}
		if update, ok := req.(*kmsg.UpdateMetadataRequest); ok && ch.broker == s.cfg.BrokerID {
			r.learned(update)
		}
		s.drive(Replied{Broker: ch.broker, Request: req, Response: resp})
	})
}

// SetUncleanElection changes unclean.leader.election.enable of the cluster, also of a reign to come.
func (s *Shell) SetUncleanElection(on bool) {
	s.box.post(func() {
		s.cfg.UncleanElection = on
		s.drive(UncleanElectionDefault{on})
	})
}

// UncleanElectionEnabled tells that a topic's config now allows unclean leader
// election. It does nothing when not active.
func (s *Shell) UncleanElectionEnabled(topic string) {
	s.box.post(func() { s.drive(UncleanElectionEnabled{topic}) })
}
