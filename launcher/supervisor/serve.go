package supervisor

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Serve runs a cluster until ctx ends, the terminal or the system asks this process to end, or a client says down. started is
// called once: with the status when everything is ready, or with the error because of which Serve returns. When Serve
// has returned, no process, no port and no socket of the cluster is left.
//
// abandoned, when it is closed before the cluster is ready, ends it: whoever asked is gone.
func Serve(ctx context.Context, cfg Config, abandoned <-chan struct{}, started func(Status, error)) error {
	if cfg.Began.IsZero() {
		cfg.Began = time.Now()
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = defaultStopTimeout
	}
	if err := bindChildren(); err != nil {
		started(Status{}, err)
		return err
	}
	seat, err := takeSeat(cfg.Home, cfg.Plan.Home)
	if err != nil {
		started(Status{}, err)
		return err
	}
	s, err := open(cfg)
	if err != nil {
		err = errors.Join(err, seat.leave())
		started(Status{}, err)
		return err
	}
	return s.run(ctx, seat, abandoned, started)
}

// run starts everything, answers clients, and ends everything.
func (s *Supervisor) run(ctx context.Context, seat *seat, abandoned <-chan struct{}, started func(Status, error)) error {
	stops := make(chan stopRequest, 1)
	s.stop = func(r stopRequest) {
		select {
		case stops <- r:
		default: // it is ending already
		}
	}
	var serving sync.WaitGroup
	clients, endClients := context.WithCancel(context.Background())
	serving.Go(func() { s.accept(clients, seat.listener) })

	why, failed := s.live(ctx, stops, abandoned, started)
	s.stopAll(why.by)
	err := seat.listener.Close()
	close(s.stopped)
	endClients()
	serving.Wait() // also for those who purge: nobody else has the home until then
	s.close()
	err = errors.Join(err, seat.lock.Close())
	if failed != nil {
		started(Status{}, failed)
	}
	return errors.Join(failed, err)
}

// live is the cluster's life up to the moment in which it is to end. The error is why it never became ready.
func (s *Supervisor) live(ctx context.Context, stops <-chan stopRequest, abandoned <-chan struct{}, started func(Status, error)) (stopRequest, error) {
	why, err := s.startUnlessTold(ctx, stops, abandoned)
	if err != nil {
		return why, err
	}
	started(s.status(), nil)
	if why.by != "" {
		return why, nil
	}
	select {
	case why = <-stops:
		return why, nil
	case <-ctx.Done():
		return stopRequest{by: "signal"}, nil
	}
}

// startUnlessTold starts everything. It returns early, with an error, when it is told to stop or whoever asked is gone; told too
// late, it returns only the request.
func (s *Supervisor) startUnlessTold(ctx context.Context, stops <-chan stopRequest, abandoned <-chan struct{}) (told stopRequest, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	up := make(chan error, 1)
	go func() { up <- s.startAll(ctx) }()
	for {
		select {
		case err := <-up:
			if err != nil && told.by == "" {
				told.by = "supervisor: the start failed"
			}
			return told, err
		case told = <-stops:
			cancel(errToldToStop)
		case <-abandoned:
			cancel(errStarterGone)
			abandoned = nil
		}
	}
}

var (
	errToldToStop  = errors.New("cannot finish starting: it was told to stop")
	errStarterGone = errors.New("cannot finish starting: whoever asked for it is gone")
)
