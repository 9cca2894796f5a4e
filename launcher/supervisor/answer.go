package supervisor

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"klab/launcher/lifecycle"
)

const (
	maxClients     = 256
	requestTimeout = 5 * time.Second
	writeTimeout   = 10 * time.Second // a client that does not read for so long is let go
	acceptPause    = 100 * time.Millisecond
	eventBatch     = 256
)

// accept answers clients until the listener is closed, and returns when all answers have ended.
func (s *Supervisor) accept(ctx context.Context, listener net.Listener) {
	places := make(chan struct{}, maxClients)
	var answering sync.WaitGroup
	defer answering.Wait()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, most often: it passes
			s.slog.Error("cannot accept a client", "error", err, "again in", acceptPause)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case places <- struct{}{}:
			answering.Go(func() {
				defer func() { <-places }()
				s.serveClient(ctx, conn)
			})
		default:
			conn.Close() // so many clients are a mistake
		}
	}
}

// serveClient reads one request and answers it.
func (s *Supervisor) serveClient(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReaderSize(conn, 4096)
	out := &answerWriter{conn: conn, buffer: bufio.NewWriter(conn)}
	req, err := readRequest(conn, reader)
	if errors.Is(err, io.EOF) {
		return // it only looked whether somebody is here
	}
	if err != nil {
		out.end(err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // a client that closes its connection, or says more than it may, ends its answer
		_, _ = reader.ReadByte()
		cancel()
	}()
	out.end(s.handle(ctx, req, out))
}

func readRequest(conn net.Conn, reader *bufio.Reader) (request, error) {
	if err := conn.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return request{}, err
	}
	line, err := readLine(reader, maxRequest)
	if err != nil {
		return request{}, err
	}
	var req request
	if err := json.Unmarshal(line, &req); err != nil {
		return request{}, fail(codeInput, "cannot read the request: %v", err)
	}
	if req.Version != protocolVersion {
		return request{}, fail(codeInput, "cannot serve protocol version %d: this cluster was started by another version of klab; use that to stop it", req.Version)
	}
	return req, conn.SetReadDeadline(time.Time{})
}

// readLine reads up to a newline, but no more than limit bytes. io.EOF means that there was nothing at all.
func readLine(reader *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > limit:
			return nil, fail(codeInput, "cannot read a request longer than %d bytes", limit)
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
}

func (s *Supervisor) handle(ctx context.Context, req request, out *answerWriter) error {
	switch req.Op {
	case opStatus:
		return out.write(answer{Status: new(s.status())})
	case opReady:
		return s.answerReady(ctx, out)
	case opDo:
		return s.do(ctx, Action{Verb: req.Verb, Target: req.Target, ID: req.ID, By: req.By})
	case opEvents:
		return s.answerEvents(ctx, req, out)
	case opLogs:
		return s.answerLogs(ctx, req, out)
	case opDown:
		return s.down(req)
	}
	return fail(codeInput, "cannot do %q: no such operation", req.Op)
}

// down ends the cluster, or waits for its end where that has begun already. Who asked for a purge does it, whoever began the end.
func (s *Supervisor) down(req request) error {
	s.stop(stopRequest{by: cmp.Or(req.By, "you")})
	<-s.stopped
	if req.Purge {
		return s.purge()
	}
	return nil
}

func (s *Supervisor) answerReady(ctx context.Context, out *answerWriter) error {
	select {
	case <-s.ready:
	case <-s.stopped:
	case <-ctx.Done():
	}
	if s.isStopping() {
		return errGone
	}
	return out.write(answer{Status: new(s.status())})
}

// do acts on one process and returns when that is done: a start when the process is ready, a stop or kill when it is gone.
// An action once begun goes on when its client leaves.
func (s *Supervisor) do(ctx context.Context, a Action) error {
	target := Target{Kind: a.Target, ID: a.ID}
	if a.Target == zookeeperKind {
		target.ID = 0
	}
	p, err := s.find(target)
	if err != nil {
		return err
	}
	if err := s.refusesNow(a.Verb, target); err != nil {
		return err
	}
	switch a.Verb {
	case lifecycle.Start:
		return s.startAndWait(ctx, p, a.By)
	case lifecycle.Stop:
		return s.stopOne(ctx, p, a.By)
	case lifecycle.Restart:
		return s.restart(ctx, p, a.By)
	case lifecycle.Kill:
		return p.killAndWait(ctx, a.By)
	case lifecycle.Pause, lifecycle.Resume:
		_, err := p.signal(a.Verb, a.By)
		return err
	}
	return fail(codeInput, "cannot %s %s: no such action", a.Verb, target)
}

// refusesNow says why the cluster as a whole stands in the way. While all processes are being started, one that a client starts
// would be in the way of that.
func (s *Supervisor) refusesNow(verb lifecycle.Verb, target Target) error {
	switch phase := s.phaseNow(); {
	case phase == PhaseStopping:
		return fail(codeRefused, "cannot %s %s: the cluster is stopping", verb, target)
	case phase == PhaseStarting && (verb == lifecycle.Start || verb == lifecycle.Restart):
		return fail(codeRefused, "cannot %s %s: the cluster is starting, and all its processes with it; wait until klab status says that it is running", verb, target)
	}
	return nil
}

func (s *Supervisor) isStopping() bool { return s.phaseNow() == PhaseStopping }

func (s *Supervisor) phaseNow() Phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

func (s *Supervisor) startAndWait(ctx context.Context, p *process, by string) error {
	r, err := s.start(p, by)
	if err != nil {
		return err
	}
	return p.awaitReady(ctx, r)
}

// restart stops what runs and starts it again; where nothing runs it is a start. It goes on when its client leaves half-way.
func (s *Supervisor) restart(ctx context.Context, p *process, by string) error {
	if p.alive() {
		err := s.stopOne(context.WithoutCancel(ctx), p, by)
		if err != nil && p.alive() {
			return err
		}
	}
	return s.startAndWait(ctx, p, by)
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state.Alive()
}

func (p *process) killAndWait(ctx context.Context, by string) error {
	r, err := p.signal(lifecycle.Kill, by)
	if err != nil {
		return err
	}
	select {
	case <-r.gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Supervisor) answerEvents(ctx context.Context, req request, out *answerWriter) error {
	cursor := req.After
	for {
		events, changed, complete := s.journal.recent(cursor, eventBatch)
		if !complete {
			var err error
			if cursor, err = s.writeHistory(cursor, out); err != nil {
				return err
			}
			continue
		}
		for _, e := range events {
			if err := out.write(answer{Event: &e}); err != nil {
				return err
			}
			cursor = e.Seq
		}
		switch {
		case len(events) > 0: // there may be more already
		case !req.Follow:
			return nil
		case ctx.Err() != nil:
			return errGone
		default:
			if err := out.flush(); err != nil {
				return err
			}
			select {
			case <-changed:
			case <-ctx.Done(): // once more round, for the last events
			}
		}
	}
}

// writeHistory sends the events after a Seq that are in files only, and returns the Seq from which memory has the rest.
func (s *Supervisor) writeHistory(after int64, out *answerWriter) (int64, error) {
	for e := range s.journal.history(after) {
		if err := out.write(answer{Event: &e}); err != nil {
			return after, err
		}
	}
	return s.journal.firstInMemory() - 1, nil
}

func (s *Supervisor) answerLogs(ctx context.Context, req request, out *answerWriter) error {
	log, err := s.logOf(req.Target)
	if err != nil {
		return err
	}
	content, lines, unfollow := log.follow()
	defer unfollow()
	defer content.Close()
	if err := out.lines(content); err != nil || !req.Follow {
		return err
	}
	for {
		if err := out.flush(); err != nil {
			return err
		}
		select {
		case line, ok := <-lines:
			if !ok {
				return fail(codeFailed, "cannot follow the log: it is written faster than it is read")
			}
			if err := out.write(answer{Log: &line}); err != nil {
				return err
			}
		case <-ctx.Done():
			return errGone
		}
	}
}

func (s *Supervisor) logOf(name string) (*logFile, error) {
	if name == "supervisor" {
		return s.log, nil
	}
	target, err := ParseTarget(name)
	if err != nil {
		return nil, fail(codeUnknown, "%v", err)
	}
	p, err := s.find(target)
	if err != nil {
		return nil, err
	}
	return p.log, nil
}

// answerWriter writes the lines of one answer.
type answerWriter struct {
	conn   net.Conn
	buffer *bufio.Writer
}

func (w *answerWriter) write(a answer) error {
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err = w.buffer.Write(append(line, '\n'))
	return err
}

func (w *answerWriter) flush() error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return w.buffer.Flush()
}

// lines writes a log's content.
func (w *answerWriter) lines(content io.Reader) error {
	lines := bufio.NewScanner(content)
	lines.Buffer(make([]byte, 4096), 2*logLineBytes)
	for lines.Scan() {
		if err := w.write(answer{Log: new(lines.Text())}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// end writes the last line: done, or why not.
func (w *answerWriter) end(err error) {
	last := answer{Done: true}
	if err != nil {
		last = answer{Error: AsRemote(err)}
	}
	if w.write(last) == nil {
		_ = w.flush() // a client that has left needs no answer
	}
}
