package replica

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxFrame bounds what a leader may send at once. A response is larger than replica.fetch.response.max.bytes only by
	// one batch.
	maxFrame = 1 << 30
	// frameStep is by how much the buffer of a frame may grow ahead of the bytes that have arrived.
	frameStep = 1 << 20
	// keepFrame is the buffer size that is kept from one response to the next.
	keepFrame = 4 << 20
)

var (
	longAgo        = time.Unix(1, 0)
	errInterrupted = errors.New("interrupted")
)

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// leaderConn is a connection to another broker, for one goroutine.
type leaderConn struct {
	net.Conn
	in          *bufio.Reader
	format      *kmsg.RequestFormatter
	correlation int32
	out         []byte
	frame       []byte // the last response; what was decoded from it aliases it
}

func newLeaderConn(conn net.Conn, clientID string) *leaderConn {
	return &leaderConn{
		Conn:   conn,
		in:     bufio.NewReaderSize(conn, 16<<10),
		format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)),
	}
}

func (c *leaderConn) nextCorrelation() int32 {
	c.correlation++
	return c.correlation
}

func (c *leaderConn) send(req kmsg.Request, correlation int32) error {
	c.out = c.format.AppendRequest(c.out[:0], req, correlation)
	_, err := c.Write(c.out)
	return err
}

// ready waits for the beginning of a response. A deadline that passes meanwhile does no harm.
func (c *leaderConn) ready() error {
	_, err := c.in.Peek(4)
	return err
}

// receive reads the next response, which must answer the request sent as correlation. resp is valid until the next call.
func (c *leaderConn) receive(correlation int32, resp kmsg.Response) error {
	body, err := c.readFrame()
	if err != nil {
		return fmt.Errorf("cannot read a response: %w", err)
	}
	in := kbin.Reader{Src: body}
	if got := in.Int32(); got != correlation {
		return fmt.Errorf("cannot match a response: its correlation id is %d, not %d", got, correlation)
	}
	if resp.IsFlexible() {
		kmsg.SkipTags(&in)
	}
	if err := in.Complete(); err != nil {
		return fmt.Errorf("cannot decode a response header: %w", err)
	}
	if err := resp.ReadFrom(in.Src); err != nil {
		return fmt.Errorf("cannot decode a response: %w", err)
	}
	return nil
}

// readFrame reads one frame. The buffer grows with what arrives, not with what the length claims.
func (c *leaderConn) readFrame() ([]byte, error) {
	head, err := c.in.Peek(4)
	if err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(head)))
	if size < 4 || size > maxFrame {
		return nil, fmt.Errorf("its length is %d, allowed are 4 to %d bytes", size, maxFrame)
	}
	c.in.Discard(4)
	if cap(c.frame) > keepFrame && size <= keepFrame {
		c.frame = nil
	}
	frame := c.frame[:0]
	for len(frame) < size {
		step := min(size-len(frame), max(frameStep, len(frame)))
		from := len(frame)
		frame = slices.Grow(frame, step)[:from+step]
		if _, err := io.ReadFull(c.in, frame[from:]); err != nil {
			return nil, err
		}
	}
	c.frame = frame
	return frame, nil
}
