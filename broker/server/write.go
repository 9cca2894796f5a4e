package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// vectorFrom is the size of record data from which a fetch reply is written as vectors instead of being copied together.
const vectorFrom = 16 << 10

var errNilResponse = errors.New("the handler replied with nothing")

// write encodes and writes one response and gives the request's frame back.
func (c *conn) write(o owed, resp kmsg.Response) (err error) {
	defer o.reply.ended()
	defer func() {
		if p := recover(); p != nil { // a response that does not encode is a handler's fault like any other
			c.srv.log.Error("a response did not encode", "remote", c.net.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("a response did not encode: %v", p)
		}
	}()
	if resp == nil {
		return errNilResponse
	}
	resp.SetVersion(o.version)
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		err = c.writeFetch(o.correlation, f)
	} else {
		err = c.writePlain(o.correlation, resp)
	}
	if o.frame != nil {
		c.srv.buffers.Put(o.frame)
	}
	return err
}

// flush calls write, which writes what is left of a reply and returns how much it could, until all is written. A client that
// takes nothing of it for connections.max.idle.ms is given up: it would keep the memory of the reply for ever.
func (c *conn) flush(write func() (n int64, err error)) error {
	for {
		if err := c.extendWriteDeadline(); err != nil {
			return err
		}
		n, err := write()
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		c.writeBy = time.Time{} // slow, but it reads
	}
}

func (c *conn) flushBytes(rest []byte) error {
	return c.flush(func() (int64, error) {
		n, err := c.net.Write(rest)
		rest = rest[n:]
		return int64(n), err
	})
}

// extendWriteDeadline is extendDeadline for writing.
func (c *conn) extendWriteDeadline() error {
	idle, now := c.srv.cfg.IdleTimeout, time.Now()
	if idle <= 0 || c.writeBy.Sub(now) >= idle {
		return nil
	}
	c.writeBy = now.Add(idle + idle/16)
	return c.net.SetWriteDeadline(c.writeBy)
}

func (c *conn) writePlain(correlation int32, resp kmsg.Response) error {
	buf := c.srv.buffers.Get(replyBuffer)
	out := append((*buf)[:0], 0, 0, 0, 0)
	out = appendHeader(out, resp, correlation)
	out = resp.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	err := c.flushBytes(out)
	*buf = out
	c.srv.buffers.Put(buf)
	return err
}

// replyBuffer is what a response is encoded into before it has to grow.
const replyBuffer = 4 << 10

// writeFetch writes a fetch response. Records go to the socket from where they are, not by way of a buffer.
func (c *conn) writeFetch(correlation int32, resp *kmsg.FetchResponse) error {
	buf := c.srv.buffers.Get(replyBuffer)
	e := fetchEncoder{out: append((*buf)[:0], 0, 0, 0, 0), version: resp.Version}
	e.out = appendHeader(e.out, resp, correlation)
	e.response(resp)
	binary.BigEndian.PutUint32(e.out, uint32(len(e.out)-4+e.outside))
	var err error
	if len(e.records) == 0 {
		err = c.flushBytes(e.out)
	} else {
		vectors := e.vectors()
		err = c.flush(func() (int64, error) { return vectors.WriteTo(c.net) })
	}
	*buf = e.out
	c.srv.buffers.Put(buf)
	return err
}

// vectors interleaves the encoded fields with the records that stayed outside.
func (e *fetchEncoder) vectors() net.Buffers {
	vectors := make(net.Buffers, 0, 2*len(e.records)+1)
	from := 0
	for _, r := range e.records {
		vectors = append(vectors, e.out[from:r.at], r.bytes)
		from = r.at
	}
	return append(vectors, e.out[from:])
}
