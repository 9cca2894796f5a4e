package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net"
	"syscall"
	"time"

	"klab/launcher/event"
	"klab/launcher/link"
)

// ErrNotRunning says that no supervisor answers for a home.
var ErrNotRunning = errors.New("no cluster is running here; `klab up` starts one")

// Client talks to the supervisor of one home. It holds no connection between calls; safe for concurrent use.
type Client struct {
	home   string
	socket string
	pid    int
}

// Dial finds the supervisor of a home; [ErrNotRunning] when there is none.
func Dial(ctx context.Context, home string) (*Client, error) {
	r, err := readRecord(home)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find the supervisor: %w", err)
	}
	c := &Client{home: home, socket: r.Socket, pid: r.PID}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	return c, conn.Close()
}

// ClusterHome is the directory of the cluster that was last started in a home; false when there was none.
func ClusterHome(home string) (string, bool) {
	r, err := readRecord(home)
	return r.Cluster, err == nil && r.Cluster != ""
}

func (c *Client) connect(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "unix", c.socket)
	if err != nil && isRefusedConnection(err) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("cannot reach the supervisor: %w", err)
	}
	return conn, nil
}

// answerTime is how long a supervisor may take to say what is true now: on a busy machine one would rather wait than be told
// that it failed, and one that was paused never answers.
const answerTime = 15 * time.Second

// Status asks what is true of the processes now. It waits 15 s at most.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return c.statusWithin(ctx, answerTime)
}

func (c *Client) statusWithin(ctx context.Context, limit time.Duration) (Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the supervisor, process %d, has not answered for %v; if it is paused, kill -CONT %[1]d lets it go on", c.pid, limit))
	defer cancel()
	return c.status(ctx, opStatus)
}

// AwaitReady waits until the cluster is ready; [ErrNotRunning] when it ends instead.
func (c *Client) AwaitReady(ctx context.Context) (Status, error) {
	return c.status(ctx, opReady)
}

func (c *Client) status(ctx context.Context, op string) (Status, error) {
	var status Status
	for a, err := range c.ask(ctx, request{Op: op}) {
		if err != nil {
			return Status{}, err
		}
		if a.Status != nil {
			status = *a.Status
		}
	}
	return status, nil
}

// Do acts on one process and returns when that is done: a start when the process is ready, a stop or kill when it is gone.
func (c *Client) Do(ctx context.Context, a Action) error {
	return c.finish(ctx, request{Op: opDo, Verb: a.Verb, Target: a.Target, ID: a.ID, By: a.By})
}

// Down ends the cluster and returns when no process, port or socket of it is left; purge removes its data as well.
func (c *Client) Down(ctx context.Context, purge bool) error {
	if err := c.finish(ctx, request{Op: opDown, By: "you", Purge: purge}); err != nil {
		return err
	}
	return c.AwaitEnd(ctx)
}

// AwaitEnd waits until the supervisor's process has ended.
func (c *Client) AwaitEnd(ctx context.Context) error { return awaitEnd(ctx, c.home, c.pid) }

func (c *Client) finish(ctx context.Context, req request) error {
	for _, err := range c.ask(ctx, req) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Events yields the events after a Seq, oldest first. With follow it goes on until ctx ends; [ErrNotRunning] is the last thing
// it yields when the supervisor ends before.
func (c *Client) Events(ctx context.Context, after int64, follow bool) iter.Seq2[event.Event, error] {
	return func(yield func(event.Event, error) bool) {
		for a, err := range c.ask(ctx, request{Op: opEvents, After: after, Follow: follow}) {
			if err != nil {
				yield(event.Event{Broker: -1, Partition: -1}, err)
				return
			}
			if a.Event != nil && !yield(*a.Event, nil) {
				return
			}
		}
	}
}

// Logs yields the lines of a process's log: "3" or "broker 3", "zookeeper", "supervisor". With follow it goes on as Events does.
func (c *Client) Logs(ctx context.Context, target string, follow bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for a, err := range c.ask(ctx, request{Op: opLogs, Target: target, Follow: follow}) {
			if err != nil {
				yield("", err)
				return
			}
			if a.Log != nil && !yield(*a.Log, nil) {
				return
			}
		}
	}
}

// ask sends a request and yields the lines of the answer. When ctx ends, so does the sequence, with ctx's error unless
// the answer was a stream that nothing else ends.
func (c *Client) ask(ctx context.Context, req request) iter.Seq2[answer, error] {
	return func(yield func(answer, error) bool) {
		conn, err := c.connect(ctx)
		if err != nil {
			yield(answer{}, err)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		req.Version = protocolVersion
		if err = link.Write(conn, req); gone(err) {
			err = ErrNotRunning
		}
		lines := bufio.NewScanner(conn)
		lines.Buffer(make([]byte, 4096), maxAnswer)
		for err == nil {
			var a answer
			a, err = nextAnswer(lines)
			if err == nil && (a.Done || !yield(a, nil)) {
				return
			}
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if !req.Follow || ctx.Err() == nil {
			yield(answer{}, err)
		}
	}
}

// gone reports whether an error of a connection says that the supervisor at its other end has ended. One that was killed leaves
// requests unread, which resets their connections.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func nextAnswer(lines *bufio.Scanner) (answer, error) {
	if !lines.Scan() {
		if err := lines.Err(); err != nil && !gone(err) {
			return answer{}, fmt.Errorf("cannot read the supervisor's answer: %w", err)
		}
		return answer{}, ErrNotRunning
	}
	var a answer
	if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
		return answer{}, fmt.Errorf("cannot read the supervisor's answer: %w", err)
	}
	switch {
	case a.Error == nil:
		return a, nil
	case a.Error.Code == codeGone:
		return answer{}, ErrNotRunning
	}
	return answer{}, a.Error
}
