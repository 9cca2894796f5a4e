package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
	"klab/launcher/link"
	"klab/launcher/spec"
)

// Config is what a supervisor is to run.
type Config struct {
	Plan  spec.Plan
	Home  string    // klab's home: the socket and the lock are below it, in run/
	Began time.Time // when the person asked for the cluster: ready_ms counts from here; zero: now
	// Command is the program that becomes a child. Its standard streams and process attributes are the supervisor's to set.
	Command func(Target) *exec.Cmd
	// StopTimeout is how long a process may take to end in good order before it is killed; zero: 20 s.
	StopTimeout time.Duration
}

const defaultStopTimeout = 20 * time.Second

// Supervisor owns the processes of one cluster.
type Supervisor struct {
	cfg       Config
	journal   *journal
	log       *logFile // its own
	slog      *slog.Logger
	spawner   spawner
	processes []*process // ZooKeeper first, if it is embedded; then the brokers in the plan's order
	stop      func(stopRequest)
	purge     func() error  // removes the data, once, however many ask; when stopped
	stopped   chan struct{} // closed when no process is left and the socket is gone
	ready     chan struct{} // closed when every process is ready

	starts sync.RWMutex // held for reading while a process is started: none is, once the cluster is stopping

	mu         sync.Mutex
	phase      Phase
	readyAfter time.Duration
	controller int32 // as the brokers reported it; -1 unknown
}

// Phase is where the cluster as a whole is.
type Phase string

const (
	PhaseStarting Phase = "starting"
	PhaseRunning  Phase = "running"
	PhaseStopping Phase = "stopping"
)

// stopRequest is why the cluster ends.
type stopRequest struct{ by string }

// open prepares everything that can fail before a process is started.
func open(cfg Config) (*Supervisor, error) {
	if err := prepareHome(cfg.Plan); err != nil {
		return nil, err
	}
	if err := checkPorts(cfg.Plan); err != nil {
		return nil, err
	}
	journal, err := openJournal(cfg.Plan.Home)
	if err != nil {
		return nil, err
	}
	log, err := openLogFile(filepath.Join(logDir(cfg.Plan), "supervisor.log"))
	if err != nil {
		return nil, err
	}
	s := &Supervisor{
		cfg: cfg, journal: journal, log: log, slog: slog.New(slog.NewTextHandler(log, nil)), spawner: newSpawner(),
		phase: PhaseStarting, controller: -1, ready: make(chan struct{}), stopped: make(chan struct{}),
		purge: sync.OnceValue(func() error { return Purge(cfg.Plan.Home) }),
	}
	journal.complain = func(err error) {
		s.slog.Error("cannot write an event to the journal: the history lacks events until that works again", "error", err)
	}
	return s, s.addProcesses()
}

func logDir(plan spec.Plan) string { return filepath.Join(plan.Home, "logs") }

func (s *Supervisor) addProcesses() error {
	plan := s.cfg.Plan
	if plan.ZooKeeper.Embedded {
		if err := s.add(ZooKeeper(), plan.ZooKeeper.Props); err != nil {
			return err
		}
	}
	for _, b := range plan.Brokers {
		if err := s.add(Broker(b.ID), b.Props); err != nil {
			return err
		}
	}
	return nil
}

func (s *Supervisor) add(target Target, props map[string]string) error {
	log, err := openLogFile(filepath.Join(logDir(s.cfg.Plan), target.fileName()))
	if err != nil {
		return err
	}
	s.processes = append(s.processes, &process{
		target: target, spawner: s.spawner, journal: s.journal, log: log, told: s.told, since: time.Now(),
		command: func() *exec.Cmd { return s.cfg.Command(target) },
		order: func() link.Start {
			return link.Start{
				Props:          props,
				AwaitZooKeeper: target.Kind == brokerKind && s.zookeeperState() == lifecycle.Starting,
				Brokers:        len(s.cfg.Plan.Brokers),
			}
		},
	})
	return nil
}

// find returns the process of a target.
func (s *Supervisor) find(target Target) (*process, error) {
	for _, p := range s.processes {
		if p.target == target {
			return p, nil
		}
	}
	if target == ZooKeeper() {
		return nil, fail(codeUnknown, "cannot find zookeeper: this cluster uses one elsewhere, at %s", s.cfg.Plan.ZooKeeper.Connect)
	}
	return nil, fail(codeUnknown, "cannot find %s: the cluster has %s", target, names(s.brokers()))
}

func (s *Supervisor) brokers() []*process {
	if s.cfg.Plan.ZooKeeper.Embedded {
		return s.processes[1:]
	}
	return s.processes
}

func (s *Supervisor) zookeeper() *process {
	if s.cfg.Plan.ZooKeeper.Embedded {
		return s.processes[0]
	}
	return nil
}

func (s *Supervisor) zookeeperState() lifecycle.State {
	zk := s.zookeeper()
	if zk == nil {
		return lifecycle.Running
	}
	zk.mu.Lock()
	defer zk.mu.Unlock()
	return zk.state
}

// startAll starts every process at once and returns when all are ready, or with the first failure.
func (s *Supervisor) startAll(ctx context.Context) error {
	s.tell(event.ClusterStarting, "", map[string]any{"name": s.cfg.Plan.Name, "pid": os.Getpid()})
	results := make(chan error, len(s.processes)+1)
	for _, p := range s.processes {
		r, err := s.start(p, "")
		if err != nil {
			return err
		}
		go func() { results <- p.awaitReady(ctx, r) }()
		if p == s.zookeeper() {
			go func() { s.failWithout(p, r, results) }()
		}
	}
	for range s.processes {
		if err := <-results; err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.phase, s.readyAfter = PhaseRunning, time.Since(s.cfg.Began)
	s.mu.Unlock()
	s.tell(event.ClusterReady, "", map[string]any{"ms": milliseconds(s.readyAfter)})
	close(s.ready)
	return nil
}

// failWithout reports that ZooKeeper has ended after it served, on a disk that is full for instance, and before all are ready:
// each broker would only find that it cannot connect, and late.
func (s *Supervisor) failWithout(zk *process, r *run, results chan<- error) {
	select {
	case <-s.ready:
		return
	case <-r.gone:
	}
	select {
	case <-r.ready:
		results <- zk.startFailure(r)
	default: // awaitReady has said so
	}
}

// start starts a process; an embedded ZooKeeper has been started before any broker. A broker that waits for ZooKeeper is told as
// soon as that serves, or has ended: then it may find out by itself.
func (s *Supervisor) start(p *process, by string) (*run, error) {
	s.starts.RLock()
	defer s.starts.RUnlock()
	if s.isStopping() {
		return nil, fail(codeRefused, "cannot start %s: the cluster is stopping", p.target)
	}
	r, err := p.start(by)
	if zk := s.zookeeper(); err == nil && zk != nil && p != zk {
		zk.mu.Lock()
		server := zk.run
		zk.mu.Unlock()
		go func() {
			select {
			case <-server.ready:
			case <-server.gone:
			}
			p.send(link.Order{ZooKeeperUp: true})
		}()
	}
	return r, err
}

// awaitReady returns when r serves, has ended, or ctx ends.
func (p *process) awaitReady(ctx context.Context, r *run) error {
	select {
	case <-r.ready:
		return nil
	case <-r.gone:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-r.ready: // it was, before its end, which the journal tells
		return nil
	default:
		return p.startFailure(r)
	}
}

func (p *process) startFailure(r *run) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := codeFailed
	if r.failure != nil && r.failure.Code == 2 {
		code = codeInput
	}
	return fail(code, "%s: %s", p.target, p.why(r, endOf(r.cmd.ProcessState)))
}

// stopAll ends every process in good order: the brokers together, then ZooKeeper, which they need for that.
func (s *Supervisor) stopAll(by string) {
	s.starts.Lock()
	s.mu.Lock()
	s.phase = PhaseStopping
	s.mu.Unlock()
	s.starts.Unlock()
	s.tell(event.ClusterStopping, by, nil)
	var ending sync.WaitGroup
	for _, b := range s.brokers() {
		b.send(link.Order{Down: true})
		ending.Go(func() { s.stopOne(context.Background(), b, "") })
	}
	ending.Wait()
	if zk := s.zookeeper(); zk != nil {
		s.stopOne(context.Background(), zk, "")
	}
	s.tell(event.ClusterStopped, "", nil)
}

// stopOne ends one process in good order, or by SIGKILL when that takes too long, and returns when it is gone.
func (s *Supervisor) stopOne(ctx context.Context, p *process, by string) error {
	r, err := p.signal(lifecycle.Stop, by)
	if err != nil {
		return err
	}
	patience := time.NewTimer(s.cfg.StopTimeout)
	defer patience.Stop()
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-patience.C:
	}
	if _, err := p.signal(lifecycle.Kill, "supervisor: not stopped within "+s.cfg.StopTimeout.String()); err == nil {
		<-r.gone
	}
	return fail(codeFailed, "cannot stop %s: it did not end within %v and was killed", p.target, s.cfg.StopTimeout)
}

// told takes a fact that a child reported.
func (s *Supervisor) told(_ Target, e event.Event) {
	s.mu.Lock()
	switch id := electedBroker(e); {
	case e.Kind == "controller.elected":
		s.controller = id
	case e.Kind == "controller.resigned" && s.controller == id:
		s.controller = -1
	}
	s.mu.Unlock()
	s.journal.append(e)
}

// electedBroker is the broker that a controller fact is about: its field "broker", else the one that reports it.
func electedBroker(e event.Event) int32 {
	if id, ok := e.Fields["broker"].(float64); ok {
		return int32(id)
	}
	return e.Broker
}

// tell journals an event about the cluster.
func (s *Supervisor) tell(kind, by string, fields map[string]any) {
	s.journal.append(event.Event{
		Time: time.Now(), Source: "supervisor", Kind: kind, Broker: -1, Partition: -1, By: by, Fields: fields,
	})
}

func names(all []*process) string {
	var text string
	for i, p := range all {
		if i > 0 {
			text += ", "
		}
		text += p.target.String()
	}
	return text
}

func (s *Supervisor) close() {
	for _, p := range s.processes {
		p.log.close()
	}
	s.spawner.close()
	if err := s.journal.close(); err != nil {
		s.slog.Error("cannot close the journal of events", "error", fmt.Sprint(err))
	}
	s.log.close()
}
